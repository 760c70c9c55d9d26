//! The native wire: what its frames mean in a session.

use std::collections::VecDeque;
use std::time::Duration;

use super::hub::Taken;
use super::{FromHub, ToHub, ToPlugin};
use crate::answer::{Answer, Failure, Status};
use crate::limits::{MAX_GOODBYE_TEXT, MAX_TRACE};
use crate::metadata::{MAX_ENCODED, is_sendable};
use crate::session::{CallId, DrainCause, Farewell, HubSession, NewCall, millis};
use crate::wire::{self, Frame, Message as _, WriteBuffer, kind};
use crate::{DisconnectReason, HubEvent, Metadata, ProtocolError};

/// What the hub's end has to remember.
#[derive(Debug, Default)]
pub(crate) struct NativeHub {
    /// What goes along with the answer in the next frame, if that was announced.
    announced: Option<Metadata>,
}

impl NativeHub {
    /// Has a session take a frame in.
    pub(crate) fn handle_frame<T>(
        &mut self,
        frame: Frame,
        session: &mut HubSession<T>,
        events: &mut VecDeque<HubEvent<T>>,
    ) -> Result<Taken, ProtocolError> {
        if self.announced.is_some() && !matches!(frame.kind, kind::REPLY | kind::FAILED) {
            return Err(ProtocolError::UnexpectedFrame { kind: frame.kind });
        }
        match frame.kind {
            kind::REPLY => {
                let (wire::Reply { id }, payload) = wire::Reply::decode_with_payload(&frame)?;
                let metadata = self.announced.take().unwrap_or_default();
                session.handle_answer(id, || Ok(frame.into_payload(payload)), metadata, events)?;
            }
            kind::FAILED => {
                let (failed, payload) = wire::Failed::decode_with_payload(&frame)?;
                let kind = frame.kind;
                let status =
                    Status::from_wire(failed.status).ok_or(ProtocolError::Malformed { kind })?;
                let failure = || {
                    let (mut code, mut message) =
                        (failed.code.to_owned(), failed.message.to_owned());
                    crate::error::cut(&mut code, crate::MAX_ERROR_TEXT);
                    crate::error::cut(&mut message, crate::MAX_ERROR_TEXT);
                    Err(Failure { status, code, message, data: frame.body.slice(payload..) })
                };
                let metadata = self.announced.take().unwrap_or_default();
                session.handle_answer(failed.id, failure, metadata, events)?;
            }
            kind::METADATA => self.announced = Some(decode_metadata(&frame)?),
            kind::EVENT => {
                let (_, payload) = wire::Event::decode_with_payload(&frame)?;
                session.handle_event(frame.into_payload(payload), events)?;
            }
            kind::LEAVE => session.handle_leave(wire::Leave::decode(&frame)?.last_id, events)?,
            kind::GOODBYE => {
                let (farewell, words) = decode_goodbye(&frame)?;
                return Ok(Some(session.handle_goodbye(farewell, words, events)));
            }
            kind if kind::IGNORABLE.contains(&kind) => session.strike()?,
            kind @ (kind::HELLO..=kind::WELCOME | kind::CALL..=kind::DRAIN) => {
                return Err(ProtocolError::UnexpectedFrame { kind });
            }
            kind => return Err(ProtocolError::UnknownKind { kind }),
        }
        Ok(None)
    }
}

/// What a frame of the hub's says.
pub(crate) fn decode_from_hub(frame: Frame) -> Result<FromHub, ProtocolError> {
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

/// Appends a call, with what is left of its time.
pub(crate) fn encode_call(
    id: CallId,
    call: &NewCall,
    left: Option<Duration>,
    out: &mut WriteBuffer,
) {
    call_header(id, call, left).encode_with_payload(&call.payload, out);
}

/// Appends a call with an input that lies elsewhere.
pub(crate) fn encode_call_with(
    id: CallId,
    call: &NewCall,
    input: &[u8],
    left: Option<Duration>,
    out: &mut WriteBuffer,
) {
    call_header(id, call, left).encode_with_copy(input, out);
}

fn call_header(id: CallId, call: &NewCall, left: Option<Duration>) -> wire::Call<'_> {
    // Rounded up, and never 0, which would mean that there is no limit.
    let round_up = |left: Duration| millis(left.saturating_add(Duration::from_nanos(999_999)));
    let timeout_ms = left.map_or(0, |left| round_up(left).max(1));
    let metadata = call.metadata.iter().collect();
    wire::Call { id, method: call.method, timeout_ms, trace: &call.trace, metadata }
}

/// Appends what else a plugin is told.
pub(crate) fn encode_to_plugin(message: ToPlugin<'_>, out: &mut WriteBuffer) {
    match message {
        ToPlugin::Cancel { id } => wire::Cancel { id }.encode(out),
        ToPlugin::Credit { events, bytes } => wire::Credit { events, bytes }.encode(out),
        ToPlugin::Drain { cause, grace_ms, trace } => {
            wire::Drain { why: cause.to_wire(), grace_ms, trace }.encode(out);
        }
        ToPlugin::Refused(refusal) => wire::Refused::of(refusal).encode(out),
        ToPlugin::Goodbye { farewell, reason } => encode_goodbye(farewell, reason, out),
    }
}

/// Appends an answer. What goes along with it is announced, and nothing comes between the two.
pub(crate) fn encode_answer(
    id: CallId,
    answer: &Answer,
    metadata: &Metadata,
    out: &mut WriteBuffer,
) {
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

/// Appends what a hub is told.
pub(crate) fn encode_to_hub(message: ToHub<'_>, out: &mut WriteBuffer) {
    match message {
        ToHub::Answer { id, answer, metadata } => encode_answer(id, answer, metadata, out),
        ToHub::Event(payload) => wire::Event {}.encode_with_copy(payload, out),
        ToHub::Leave { last_id } => wire::Leave { last_id }.encode(out),
        ToHub::Goodbye { farewell, reason } => encode_goodbye(farewell, reason, out),
    }
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
    let mut message = match reason {
        DisconnectReason::Protocol(error) => error.to_string(),
        // Its text speaks of the other side's goodbye; this one has nothing to add.
        DisconnectReason::Clean => String::new(),
        reason => reason.to_string(),
    };
    crate::error::cut(&mut message, MAX_GOODBYE_TEXT);
    wire::Goodbye { code: farewell.to_wire(), message: &message }.encode(out);
}
