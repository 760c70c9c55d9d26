//! Decodes frames into messages.

use std::time::Duration;

use brpc_core::describe::DescriptionError;
use brpc_core::labels::{LabelError, Labels};
use brpc_core::limits::{MAX_METADATA_BYTES, MAX_TRACE};
use brpc_core::{
    Failure, Limits, MAX_ERROR_TEXT, Metadata, ProtocolError, Refusal, RefusalCode, Wire,
};
use bytes::Bytes;

use super::frame::Frame;
use super::header::{self, Extensions, Header as _, Pairs, extension};
use super::list::List;
use super::{MAX_VERSION, MIN_VERSION, interval, key, labels, number};
use crate::codec::Fault;
use crate::credentials::{Key, Token};
use crate::description::{Description, Idempotent};
use crate::limits::MAX_GOODBYE_TEXT;
use crate::message::{
    Admission, Beat, Call, Course, Farewell, Features, Hello, Message, Origin, Recalled, Resumable,
    Welcome, kind,
};

/// The message of a frame in a session. An answer gets the metadata of the frame before it.
pub(super) fn message(frame: Frame, announced: &mut Option<Metadata>) -> Result<Message, Fault> {
    let kind = frame.kind;
    Ok(match kind {
        kind::REPLY => {
            let (header::Reply { id }, payload) = header::Reply::decode_with_payload(&frame)?;
            let (answer, metadata) = (Ok(frame.into_payload(payload)), announced.take());
            Message::Answer { id, answer, metadata: metadata.unwrap_or_default() }
        }
        kind::FAILED => {
            let (failed, payload) = header::Failed::decode_with_payload(&frame)?;
            let mut failure = Failure::new(number::status(failed.status), "");
            failure.code = cut(failed.code, MAX_ERROR_TEXT);
            failure.message = cut(failed.message, MAX_ERROR_TEXT);
            failure.data = frame.body.slice(payload..);
            let metadata = announced.take().unwrap_or_default();
            Message::Answer { id: failed.id, answer: Err(failure), metadata }
        }
        kind::EVENT => {
            let (_, payload) = header::Event::decode_with_payload(&frame)?;
            Message::Event(frame.into_payload(payload))
        }
        kind::CALL | kind::RESUMABLE => call(frame)?,
        kind::CONTINUE => {
            let header = header::Continue::decode(&frame)?;
            let origin = Origin { generation: header.generation, id: header.old_id };
            Message::Continue { id: header.id, origin, timeout: timeout(header.timeout_ms) }
        }
        kind::CONFIRM => Message::Confirm(header::Confirm::decode(&frame)?.id),
        kind::RESUMED => {
            header::Resumed::decode(&frame)?;
            Message::Resumed
        }
        kind::RESUME => {
            let header::Resume { seen, kept, more } = header::Resume::decode(&frame)?;
            let origins = |pairs: Vec<(u64, u64)>| {
                pairs.into_iter().map(|(generation, id)| Origin { generation, id }).collect()
            };
            let (seen, kept) = (origins(seen.0), origins(kept.0));
            Message::Resume(Recalled { seen, kept, is_last: !more })
        }
        kind::CANCEL => Message::Cancel(header::Cancel::decode(&frame)?.id),
        kind::CREDIT => {
            let header::Credit { events, bytes } = header::Credit::decode(&frame)?;
            Message::Credit { events, bytes }
        }
        kind::DRAIN => {
            let drain = header::Drain::decode(&frame)?;
            let cause = number::cause(drain.why).ok_or(ProtocolError::Malformed { kind })?;
            let grace = Duration::from_millis(drain.grace_ms);
            Message::Drain { cause, grace, trace: trace(drain.trace, kind)? }
        }
        kind::RETURN => {
            let after = Duration::from_millis(header::Return::decode(&frame)?.after_ms);
            Message::Return { after }
        }
        kind::LEAVE => Message::Leave { last_id: header::Leave::decode(&frame)?.last_id },
        kind::GOODBYE => goodbye(&frame)?,
        kind::PING => Message::Ping(beat(&header::Ping::decode(&frame)?.beat)),
        kind::PONG => Message::Pong(beat(&header::Pong::decode(&frame)?.beat)),
        // One that may be skipped: all others were judged before.
        _ => Message::Skipped,
    })
}

/// A goodbye, which says more with one code.
fn goodbye(frame: &Frame) -> Result<Message, ProtocolError> {
    let (farewell, text) = if frame.body.first().copied().map(u16::from) == Some(number::SILENT) {
        let goodbye = header::GoodbyeSilent::decode(frame)?;
        (Farewell::Silent(Duration::from_millis(goodbye.silent_ms)), goodbye.message)
    } else {
        let goodbye = header::Goodbye::decode(frame)?;
        (number::farewell(goodbye.code), goodbye.message)
    };
    Ok(Message::Goodbye { farewell, text: cut(text, MAX_GOODBYE_TEXT) })
}

fn beat(beat: &header::Beat) -> Beat {
    let header::Beat { number, received, stuck_ms } = *beat;
    Beat { number, received, stuck: Duration::from_millis(stuck_ms) }
}

/// A call, resumable or not.
fn call(frame: Frame) -> Result<Message, ProtocolError> {
    let kind = frame.kind;
    let (window_ms, call, payload) = if kind == kind::RESUMABLE {
        let (header, payload) = header::Resumable::decode_with_payload(&frame)?;
        let header::Resumable { window_ms, id, method, timeout_ms, trace, metadata } = header;
        (Some(window_ms), header::Call { id, method, timeout_ms, trace, metadata }, payload)
    } else {
        let (call, payload) = header::Call::decode_with_payload(&frame)?;
        (None, call, payload)
    };
    let (id, method, trace) = (call.id, call.method, trace(call.trace, kind)?);
    let timeout = timeout(call.timeout_ms);
    let metadata = sendable(call.metadata).ok_or(ProtocolError::Malformed { kind })?;
    let resumable = window_ms.map(|window_ms| {
        Box::new(Resumable { window: Duration::from_millis(window_ms), course: Course::New })
    });
    let (payload, admission) = (frame.into_payload(payload), Admission::default());
    Ok(Message::Call(id, Call { method, payload, timeout, trace, metadata, admission, resumable }))
}

/// A timeout as it was sent.
fn timeout(ms: u64) -> Option<Duration> {
    (ms > 0).then(|| Duration::from_millis(ms))
}

/// A trace id in a frame of this kind, if it is within its limit.
fn trace(trace: &str, kind: u8) -> Result<String, ProtocolError> {
    if trace.len() > MAX_TRACE {
        return Err(ProtocolError::Malformed { kind });
    }
    Ok(trace.to_owned())
}

/// The metadata of the answer in the next frame.
pub(super) fn metadata(frame: &Frame) -> Result<Metadata, ProtocolError> {
    let malformed = ProtocolError::Malformed { kind: frame.kind };
    sendable(header::Metadata::decode(frame)?.pairs).ok_or(malformed)
}

/// These pairs, if they are within the limits; checked before they are copied.
fn sendable(List(pairs): Pairs<'_>) -> Option<Metadata> {
    let bytes: usize = pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
    (bytes <= MAX_METADATA_BYTES).then(|| pairs.into_iter().collect())
}

/// A plugin's Hello, and the versions that it speaks.
pub(super) fn hello(frame: &Frame) -> Result<(Hello, (u8, u8)), Fault> {
    let hello = header::Hello::decode(frame)?;
    let refused = |code, message: String| Err(Refusal::new(code, message).into());
    if hello.min_version > MAX_VERSION || hello.max_version < MIN_VERSION {
        let message = format!(
            "this hub speaks versions {MIN_VERSION} to {MAX_VERSION} of the protocol, the plugin \
             {} to {}",
            hello.min_version, hello.max_version
        );
        return refused(RefusalCode::Version, message);
    }
    if (hello.max_frame as usize) < Limits::LOWEST_MAX_FRAME {
        let message =
            format!("a plugin takes frames of at least {} bytes", Limits::LOWEST_MAX_FRAME);
        return refused(RefusalCode::Protocol, message);
    }
    let labels = match given_labels(&hello.extensions) {
        Ok(labels) => labels,
        Err(error) => return refused(RefusalCode::BadLabels, format!("labels: {error}")),
    };
    let decoded = Hello {
        wire: Wire::Native,
        name: hello.name.to_owned(),
        version: hello.version.to_owned(),
        labels,
        instance: hello.instance,
        digest: hello.digest,
        description: None,
        features: Features(hello.features),
        max_frame: Some((hello.max_frame as usize).min(Limits::HIGHEST_MAX_FRAME)),
        max_calls: Some(hello.max_calls as usize),
        heartbeat: given_interval(&hello.extensions, frame.kind)?,
        idempotent: given_idempotent(&hello.extensions, frame.kind)?,
        token: given_token(&hello.extensions, frame.kind)?,
        key: given_key(&hello.extensions, frame.kind)?,
    };
    Ok((decoded, (hello.min_version, hello.max_version)))
}

/// The labels among the extensions of a `Hello`; skips unknown extensions.
fn given_labels(List(extensions): &Extensions<'_>) -> Result<Labels, LabelError> {
    let mut given = extensions.iter().filter(|(number, _)| *number == extension::LABELS);
    let labels = given.next().map_or(Ok(Labels::default()), |(_, bytes)| labels::decode(bytes));
    if given.next().is_some() { Err(LabelError::Repeated) } else { labels }
}

/// The interval of heartbeats among the extensions of a frame of this kind.
fn given_interval(
    extensions: &Extensions<'_>,
    kind: u8,
) -> Result<Option<Duration>, ProtocolError> {
    given(extensions, extension::HEARTBEAT, kind, interval::decode)
}

/// The idempotent methods among the extensions of a frame of this kind.
fn given_idempotent(extensions: &Extensions<'_>, kind: u8) -> Result<Idempotent, ProtocolError> {
    let methods = given(extensions, extension::IDEMPOTENT, kind, Idempotent::decode)?;
    Ok(methods.unwrap_or_default())
}

/// The token among the extensions of a frame of this kind.
fn given_token(extensions: &Extensions<'_>, kind: u8) -> Result<Option<Token>, ProtocolError> {
    given(extensions, extension::TOKEN, kind, |bytes| Token::new(bytes).ok())
}

/// The key among the extensions of a frame of this kind.
fn given_key(extensions: &Extensions<'_>, kind: u8) -> Result<Option<Key>, ProtocolError> {
    given(extensions, extension::KEY, kind, key::decode)
}

/// What the extension of this number says, in a frame of this kind. It may be given once.
fn given<T>(
    List(extensions): &Extensions<'_>,
    number: u16,
    kind: u8,
    decode: impl Fn(&[u8]) -> Option<T>,
) -> Result<Option<T>, ProtocolError> {
    let malformed = ProtocolError::Malformed { kind };
    let mut given = extensions.iter().filter(|(given, _)| *given == number);
    let decoded = given.next().map(|(_, bytes)| decode(bytes).ok_or(malformed));
    if given.next().is_some() { Err(malformed) } else { decoded.transpose() }
}

/// A plugin's description.
pub(super) fn description(frame: &Frame) -> Result<Description, Fault> {
    // A copy, since it is kept for as long as the plugin stays connected.
    Description::decode(Bytes::copy_from_slice(&frame.body)).map_err(|error| {
        let code = match error {
            DescriptionError::TooManyMethods => RefusalCode::TooManyMethods,
            _ => RefusalCode::BadDescription,
        };
        Refusal::new(code, format!("description: {error}")).into()
    })
}

/// The hub's Challenge.
pub(super) fn challenge(frame: &Frame) -> Result<Message, Fault> {
    Ok(Message::Challenge { nonce: header::Challenge::decode(frame)?.nonce })
}

/// The plugin's Proof.
pub(super) fn proof(frame: &Frame) -> Result<Message, Fault> {
    Ok(Message::Proof { mac: header::Proof::decode(frame)?.mac })
}

/// The hub's Accepted.
pub(super) fn accepted(frame: &Frame) -> Result<Message, Fault> {
    Ok(Message::Accepted { describe: header::Accepted::decode(frame)?.describe })
}

/// The hub's Welcome.
pub(super) fn welcome(frame: &Frame) -> Result<Welcome, Fault> {
    let welcome = header::Welcome::decode(frame)?;
    // Whether the hub chose the highest version that both speak, and received what the plugin sent.
    let (lowest, highest) = welcome.hub_versions;
    let is_untouched = welcome.plugin_versions == (MIN_VERSION, MAX_VERSION)
        && welcome.version == highest.min(MAX_VERSION)
        && welcome.version >= lowest.max(MIN_VERSION);
    if !is_untouched {
        return Err(ProtocolError::VersionMismatch.into());
    }
    let max_frame = welcome.max_frame as usize;
    if max_frame < Limits::LOWEST_MAX_FRAME {
        return Err(ProtocolError::Malformed { kind: frame.kind }.into());
    }
    Ok(Welcome {
        features: Features(welcome.features),
        epoch: welcome.epoch,
        name: welcome.name.to_owned(),
        generation: welcome.generation,
        max_frame: max_frame.min(Limits::HIGHEST_MAX_FRAME),
        max_calls: welcome.max_calls as usize,
        credit_events: welcome.credit_events,
        credit_bytes: welcome.credit_bytes,
        heartbeat: given_interval(&welcome.extensions, frame.kind)?,
    })
}

/// The hub's Refused.
pub(super) fn refused(frame: &Frame) -> Result<Message, Fault> {
    let refused = header::Refused::decode(frame)?;
    let mut refusal = Refusal::new(number::code(refused.code), refused.message);
    refusal.retry_after = refused.retry_after_ms.map(Duration::from_millis);
    Ok(Message::Refused(refusal))
}

/// The beginning of a text, up to a limit.
fn cut(text: &str, limit: usize) -> String {
    text[..text.floor_char_boundary(limit)].to_owned()
}
