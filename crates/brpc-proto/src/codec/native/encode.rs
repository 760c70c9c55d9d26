//! Encodes messages into frames.

use brpc_core::limits::MAX_TRACE;
use brpc_core::{Answer, Failure, Metadata, Refusal};
use bytes::Bytes;
use zeroize::Zeroizing;

use super::frame::{put_frame, put_frame_with_copy};
use super::header::{self, Header, extension};
use super::list::List;
use super::{MAX_VERSION, MIN_VERSION, interval, key, labels, number};
use crate::buffer::WriteBuffer;
use crate::message::{
    Beat, Call, CallId, Farewell, Hello, Message, Origin, Recalled, Welcome, kind, millis,
    timeout_ms,
};

/// Appends the frame of a message; two for an answer with metadata.
pub(super) fn message(message: &Message, out: &mut WriteBuffer) {
    match message {
        Message::Call(id, call) => encode_call(*id, call, out),
        Message::Answer { id, answer, metadata } => encode_answer(*id, answer, metadata, out),
        Message::Continue { id, origin, timeout } => {
            let (generation, old_id) = (origin.generation, origin.id);
            let timeout_ms = timeout_ms(*timeout);
            put_bare(&header::Continue { id: *id, generation, old_id, timeout_ms }, out);
        }
        Message::Confirm(id) => put_bare(&header::Confirm { id: *id }, out),
        Message::Resumed => put_bare(&header::Resumed {}, out),
        Message::Resume(recalled) => encode_resume(recalled, out),
        Message::Event(payload) => event(payload, out),
        Message::Cancel(id) => put_bare(&header::Cancel { id: *id }, out),
        Message::Credit { events, bytes } => {
            put_bare(&header::Credit { events: *events, bytes: *bytes }, out);
        }
        Message::Drain { cause, grace, trace } => {
            let why = number::of_cause(*cause);
            let trace = &trace[..trace.floor_char_boundary(MAX_TRACE)];
            put_bare(&header::Drain { why, grace_ms: millis(*grace), trace }, out);
        }
        Message::Return { after } => put_bare(&header::Return { after_ms: millis(*after) }, out),
        Message::Leave { last_id } => put_bare(&header::Leave { last_id: *last_id }, out),
        Message::Goodbye { farewell, text } => {
            let code = number::of_farewell(*farewell);
            match farewell {
                Farewell::Silent(silent) => {
                    let silent_ms = millis(*silent);
                    put_bare(&header::GoodbyeSilent { code, message: text, silent_ms }, out);
                }
                _ => put_bare(&header::Goodbye { code, message: text }, out),
            }
        }
        Message::Ping(beat) => put_bare(&header::Ping { beat: header_of(beat) }, out),
        Message::Pong(beat) => put_bare(&header::Pong { beat: header_of(beat) }, out),
        Message::Challenge { nonce } => put_bare(&header::Challenge { nonce: *nonce }, out),
        Message::Proof { mac } => put_bare(&header::Proof { mac: *mac }, out),
        Message::Accepted { describe } => put_bare(&header::Accepted { describe: *describe }, out),
        Message::Describe(description) => {
            put_frame(kind::DESCRIBE, &(), description.encoded(), out);
        }
        Message::Refused(refusal) => encode_refusal(refusal, out),
        // `hello` and `welcome` encode the first two; the last is never sent.
        Message::Hello(_) | Message::Welcome(_) | Message::Skipped => {}
    }
}

/// Appends an event.
pub(super) fn event(event: &[u8], out: &mut WriteBuffer) {
    put_frame_with_copy(kind::EVENT, &header::Event {}, event, out);
}

/// Appends a Welcome for a plugin that speaks these versions.
pub(super) fn welcome(welcome: &Welcome, plugin_versions: (u8, u8), out: &mut WriteBuffer) {
    let heartbeat = welcome.heartbeat.map(interval::encode);
    let heartbeat = heartbeat.as_deref().map(|bytes| (extension::HEARTBEAT, bytes));
    let header = header::Welcome {
        version: plugin_versions.1.min(MAX_VERSION),
        hub_versions: (MIN_VERSION, MAX_VERSION),
        plugin_versions,
        features: welcome.features.0,
        epoch: welcome.epoch,
        name: &welcome.name,
        generation: welcome.generation,
        max_frame: saturate(welcome.max_frame),
        max_calls: saturate(welcome.max_calls),
        credit_events: welcome.credit_events,
        credit_bytes: welcome.credit_bytes,
        extensions: List(heartbeat.into_iter().collect()),
    };
    put_bare(&header, out);
}

fn encode_call(id: CallId, call: &Call, out: &mut WriteBuffer) {
    let header = header::Call {
        id,
        method: call.method,
        timeout_ms: call.timeout_ms(),
        trace: &call.trace,
        metadata: List(call.metadata.iter().collect()),
    };
    match &call.resumable {
        None => put(&header, &call.payload, out),
        Some(resumable) => {
            let window_ms = millis(resumable.window);
            let header::Call { id, method, timeout_ms, trace, metadata } = header;
            let header = header::Resumable { window_ms, id, method, timeout_ms, trace, metadata };
            put(&header, &call.payload, out);
        }
    }
}

fn encode_resume(recalled: &Recalled, out: &mut WriteBuffer) {
    let pairs = |origins: &[Origin]| origins.iter().map(|it| (it.generation, it.id)).collect();
    let (seen, kept) = (List(pairs(&recalled.seen)), List(pairs(&recalled.kept)));
    put_bare(&header::Resume { seen, kept, more: !recalled.is_last }, out);
}

/// Appends an answer, directly after its metadata.
fn encode_answer(id: CallId, answer: &Answer, metadata: &Metadata, out: &mut WriteBuffer) {
    if !metadata.is_empty() {
        put_bare(&header::Metadata { pairs: List(metadata.iter().collect()) }, out);
    }
    match answer {
        Ok(output) => put(&header::Reply { id }, output, out),
        Err(Failure { status, code, message, data, .. }) => {
            let status = number::of_status(*status);
            put(&header::Failed { id, status, code, message }, data, out);
        }
    }
}

/// Appends a Hello; returns its body, which may have a token in it.
pub(super) fn hello(hello: &Hello, out: &mut WriteBuffer) -> Zeroizing<Vec<u8>> {
    let labels = labels::encode(&hello.labels);
    let labels = (!hello.labels.is_empty()).then_some((extension::LABELS, &*labels));
    let heartbeat = hello.heartbeat.map(interval::encode);
    let heartbeat = heartbeat.as_deref().map(|bytes| (extension::HEARTBEAT, bytes));
    let idempotent = hello.idempotent.encoded().map(|bytes| (extension::IDEMPOTENT, bytes));
    let token = hello.token.as_ref().map(|token| (extension::TOKEN, token.as_bytes()));
    let key = hello.key.as_ref().map(key::encode);
    let key = key.as_deref().map(|bytes| (extension::KEY, bytes));
    let extensions = [labels, heartbeat, idempotent, token, key];
    let header = header::Hello {
        min_version: MIN_VERSION,
        max_version: MAX_VERSION,
        features: hello.features.0,
        max_frame: hello.max_frame.map_or(u32::MAX, saturate),
        max_calls: hello.max_calls.map_or(u32::MAX, saturate),
        name: &hello.name,
        version: &hello.version,
        instance: hello.instance,
        digest: hello.digest,
        extensions: List(extensions.into_iter().flatten().collect()),
    };
    let body = postcard::to_stdvec(&header).expect("headers are flat and serialize into memory");
    let body = Zeroizing::new(body);
    put_frame_with_copy(kind::HELLO, &(), &body, out);
    body
}

fn header_of(beat: &Beat) -> header::Beat {
    header::Beat { number: beat.number, received: beat.received, stuck_ms: millis(beat.stuck) }
}

fn encode_refusal(refusal: &Refusal, out: &mut WriteBuffer) {
    let header = header::Refused {
        code: number::of_code(refusal.code),
        message: &refusal.message,
        retry_after_ms: refusal.retry_after.map(millis),
        min_version: MIN_VERSION,
        max_version: MAX_VERSION,
    };
    put_bare(&header, out);
}

/// Appends a frame.
fn put<'a, H: Header<'a>>(header: &H, payload: &Bytes, out: &mut WriteBuffer) {
    put_frame(H::KIND, header, payload, out);
}

/// Appends a frame without payload.
fn put_bare<'a, H: Header<'a>>(header: &H, out: &mut WriteBuffer) {
    put_frame_with_copy(H::KIND, header, &[], out);
}

fn saturate(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
