//! The native wire: what its frames mean in a session.

use std::time::Duration;

use bytes::BytesMut;

use super::{FromHub, FromPlugin, ToHub, ToPlugin};
use crate::answer::{Failure, Status};
use crate::limits::{MAX_GOODBYE_TEXT, MAX_TRACE};
use crate::metadata::{MAX_ENCODED, is_sendable};
use crate::session::{CallId, DrainCause, Farewell};
use crate::wire::{self, Frame, FrameReader, Message as _, WriteBuffer, kind};
use crate::{DisconnectReason, Metadata, ProtocolError};

/// The hub's end.
#[derive(Debug, Default)]
pub(crate) struct NativeHub {
    /// What goes along with the answer in the next frame, if that was announced.
    announced: Option<Metadata>,
}

impl NativeHub {
    #[inline]
    pub(crate) fn next(
        &mut self,
        input: &mut BytesMut,
        reader: &FrameReader,
    ) -> Result<Option<FromPlugin>, ProtocolError> {
        while let Some(frame) = reader.next(input)? {
            if let Some(message) = self.decode(frame)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// What a frame says; `None` if the next one completes it.
    #[inline]
    fn decode(&mut self, frame: Frame) -> Result<Option<FromPlugin>, ProtocolError> {
        let kind = frame.kind;
        if self.announced.is_some() && !matches!(kind, kind::REPLY | kind::FAILED) {
            return Err(ProtocolError::UnexpectedFrame { kind });
        }
        Ok(Some(match kind {
            kind::REPLY => {
                let (wire::Reply { id }, payload) = wire::Reply::decode_with_payload(&frame)?;
                let metadata = self.announced.take().unwrap_or_default();
                FromPlugin::Output { id, output: frame.into_payload(payload), metadata }
            }
            kind::FAILED => {
                let (id, failure) = decode_failed(&frame)?;
                let metadata = self.announced.take().unwrap_or_default();
                FromPlugin::Failed { id, failure, metadata }
            }
            kind::METADATA => {
                self.announced = Some(decode_metadata(&frame)?);
                return Ok(None);
            }
            kind::EVENT => {
                let (_, payload) = wire::Event::decode_with_payload(&frame)?;
                FromPlugin::Event(frame.into_payload(payload))
            }
            kind::LEAVE => FromPlugin::Leave { last_id: wire::Leave::decode(&frame)?.last_id },
            kind::GOODBYE => {
                let (farewell, words) = decode_goodbye(&frame)?;
                FromPlugin::Goodbye { farewell, words }
            }
            kind if kind::IGNORABLE.contains(&kind) => FromPlugin::Skipped,
            kind @ (kind::HELLO..=kind::WELCOME | kind::CALL..=kind::DRAIN) => {
                return Err(ProtocolError::UnexpectedFrame { kind });
            }
            kind => return Err(ProtocolError::UnknownKind { kind }),
        }))
    }

    #[inline]
    pub(crate) fn encode(message: ToPlugin<'_>, out: &mut WriteBuffer) {
        match message {
            ToPlugin::Call { id, call, now } => {
                // Rounded up, and never 0, which would mean that there is no limit.
                let timeout_ms = call.deadline.map_or(0, |deadline| {
                    let left = deadline.saturating_duration_since(now);
                    crate::session::millis(left + Duration::from_nanos(999_999)).max(1)
                });
                let metadata = call.metadata.iter().collect();
                let (method, trace) = (call.method, &*call.trace);
                let header = wire::Call { id, method, timeout_ms, trace, metadata };
                header.encode_with_payload(&call.payload, out);
            }
            ToPlugin::Cancel { id } => wire::Cancel { id }.encode(out),
            ToPlugin::Credit { events, bytes } => wire::Credit { events, bytes }.encode(out),
            ToPlugin::Drain { cause, grace_ms, trace } => {
                wire::Drain { why: cause.to_wire(), grace_ms, trace }.encode(out);
            }
            ToPlugin::Refused(refusal) => wire::Refused::of(refusal).encode(out),
            ToPlugin::Goodbye { farewell, reason } => encode_goodbye(farewell, reason, out),
        }
    }
}

/// The plugin's end.
#[derive(Debug)]
pub(crate) struct NativePlugin;

impl NativePlugin {
    #[inline]
    pub(crate) fn next(
        input: &mut BytesMut,
        reader: &FrameReader,
    ) -> Result<Option<FromHub>, ProtocolError> {
        reader.next(input)?.map(Self::decode).transpose()
    }

    /// What a frame says.
    #[inline]
    fn decode(frame: Frame) -> Result<FromHub, ProtocolError> {
        let kind = frame.kind;
        Ok(match kind {
            kind::CALL => {
                let (call, payload) = wire::Call::decode_with_payload(&frame)?;
                if call.trace.len() > MAX_TRACE || !is_sendable(call.metadata.iter().copied()) {
                    return Err(ProtocolError::Malformed { kind });
                }
                let timeout = (call.timeout_ms > 0).then(|| Duration::from_millis(call.timeout_ms));
                let (id, method, trace) = (call.id, call.method, call.trace.to_owned());
                let metadata = call.metadata.into_iter().collect();
                let payload = frame.into_payload(payload);
                FromHub::Call { id, method, timeout, trace, metadata, payload }
            }
            kind::CANCEL => FromHub::Cancel { id: wire::Cancel::decode(&frame)?.id },
            kind::CREDIT => {
                let wire::Credit { events, bytes } = wire::Credit::decode(&frame)?;
                FromHub::Credit { events, bytes }
            }
            kind::DRAIN => {
                let drain = wire::Drain::decode(&frame)?;
                let cause =
                    DrainCause::from_wire(drain.why).ok_or(ProtocolError::Malformed { kind })?;
                FromHub::Drain { cause, trace: drain.trace.to_owned() }
            }
            kind::GOODBYE => {
                let (farewell, words) = decode_goodbye(&frame)?;
                FromHub::Goodbye { farewell, words }
            }
            kind if kind::IGNORABLE.contains(&kind) => FromHub::Skipped,
            kind @ (kind::HELLO..=kind::WELCOME | kind::REPLY..=kind::METADATA) => {
                return Err(ProtocolError::UnexpectedFrame { kind });
            }
            kind => return Err(ProtocolError::UnknownKind { kind }),
        })
    }

    #[inline]
    pub(crate) fn encode(message: ToHub<'_>, out: &mut WriteBuffer) {
        match message {
            // What goes along with an answer is announced, and nothing comes between the two.
            ToHub::Answer { id, answer, metadata } => {
                if !metadata.is_empty() {
                    wire::Metadata { pairs: metadata.iter().collect() }.encode(out);
                }
                match answer {
                    Ok(output) => wire::Reply { id }.encode_with_payload(output, out),
                    Err(Failure { status, code, message, data }) => {
                        let failed = wire::Failed { id, status: status.to_wire(), code, message };
                        failed.encode_with_payload(data, out);
                    }
                }
            }
            ToHub::Event(payload) => wire::Event {}.encode_with_copy(payload, out),
            ToHub::Leave { last_id } => wire::Leave { last_id }.encode(out),
            ToHub::Goodbye { farewell, reason } => encode_goodbye(farewell, reason, out),
        }
    }
}

/// Which call has no output, and why.
fn decode_failed(frame: &Frame) -> Result<(CallId, Box<Failure>), ProtocolError> {
    let (failed, payload) = wire::Failed::decode_with_payload(frame)?;
    let malformed = ProtocolError::Malformed { kind: frame.kind };
    let status = Status::from_wire(failed.status).ok_or(malformed)?;
    let (mut code, mut message) = (failed.code.to_owned(), failed.message.to_owned());
    crate::error::cut(&mut code, crate::MAX_ERROR_TEXT);
    crate::error::cut(&mut message, crate::MAX_ERROR_TEXT);
    let data = frame.body.slice(payload..);
    Ok((failed.id, Box::new(Failure { status, code, message, data })))
}

/// What goes along with the answer in the next frame.
fn decode_metadata(frame: &Frame) -> Result<Metadata, ProtocolError> {
    let malformed = ProtocolError::Malformed { kind: frame.kind };
    if frame.body.len() > MAX_ENCODED {
        return Err(malformed);
    }
    let wire::Metadata { pairs } = wire::Metadata::decode(frame)?;
    if !is_sendable(pairs.iter().copied()) {
        return Err(malformed);
    }
    Ok(pairs.into_iter().collect())
}

/// Why the peer says goodbye, and its words, if any.
fn decode_goodbye(frame: &Frame) -> Result<(Farewell, Option<String>), ProtocolError> {
    let goodbye = wire::Goodbye::decode(frame)?;
    let mut words = goodbye.message.to_owned();
    crate::error::cut(&mut words, MAX_GOODBYE_TEXT);
    Ok((Farewell::from_wire(goodbye.code), Some(words).filter(|words| !words.is_empty())))
}

fn encode_goodbye(farewell: Farewell, reason: DisconnectReason, out: &mut WriteBuffer) {
    let message = farewell_text(reason);
    wire::Goodbye { code: farewell.to_wire(), message: &message }.encode(out);
}

/// What a peer is told of the reason for which the connection ends.
fn farewell_text(reason: DisconnectReason) -> String {
    let mut message = match reason {
        DisconnectReason::Protocol(error) => error.to_string(),
        // Its text speaks of the other side's goodbye; this one has nothing to add.
        DisconnectReason::Clean => String::new(),
        reason => reason.to_string(),
    };
    crate::error::cut(&mut message, MAX_GOODBYE_TEXT);
    message
}
