//! How large a message's frame is, without encoding it: what a length counts. Other wires are
//! held to the same sizes.

use brpc_core::Failure;

use crate::message::{Call, CallId, millis};

/// The size of a call's frame.
pub(crate) fn of_call(id: CallId, call: &Call) -> usize {
    let pairs = call.metadata.iter().map(|(key, value)| text(key) + text(value));
    let numbers = number(id) + number(call.method.into()) + number(call.timeout_ms());
    let count = number(call.metadata.iter().count() as u64);
    let window = call.resumable.as_ref().map_or(0, |it| number(millis(it.window)));
    KIND + window + numbers + text(&call.trace) + count + pairs.sum::<usize>() + call.payload.len()
}

/// The size of the frame of an output of so many bytes.
pub(crate) fn of_reply(id: CallId, output: usize) -> usize {
    KIND + number(id) + output
}

/// The size of a failure's frame.
pub(crate) fn of_failed(id: CallId, failure: &Failure) -> usize {
    KIND + number(id) + 1 + text(&failure.code) + text(&failure.message) + failure.data.len()
}

/// The size of the frame of an event of so many bytes.
pub(crate) fn of_event(event: usize) -> usize {
    KIND + event
}

const KIND: usize = 1;

fn text(text: &str) -> usize {
    number(text.len() as u64) + text.len()
}

/// The size of a varint: a byte for each seven bits.
fn number(number: u64) -> usize {
    (64 - (number | 1).leading_zeros()).div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use brpc_core::{Answer, Metadata, Status};
    use bytes::{Buf as _, Bytes};

    use super::super::encode;
    use super::super::frame::PREFIX;
    use super::*;
    use crate::buffer::WriteBuffer;
    use crate::message::{Course, Message, Resumable};

    /// Numbers around every size of a varint.
    fn numbers() -> impl Iterator<Item = u64> {
        let edges = (1..=9).map(|bytes| 1 << (7 * bytes));
        [1, u64::MAX].into_iter().chain(edges.flat_map(|edge| [edge - 1, edge]))
    }

    fn encoded(message: &Message) -> usize {
        let mut out = WriteBuffer::new();
        encode::message(message, &mut out);
        out.remaining() - PREFIX
    }

    #[test]
    fn sizes_are_those_of_the_frames() {
        let texts = ["x".repeat(127), "x".repeat(128)];
        for id in numbers() {
            let mut call = Call { payload: Bytes::from_static(b"input"), ..Call::default() };
            call.method = u32::try_from(id).unwrap_or(u32::MAX);
            call.timeout = Some(Duration::from_millis(id));
            assert_eq!(of_call(id, &call), encoded(&Message::Call(id, call)));

            for text in &texts {
                let mut call = Call { trace: text.clone(), ..Call::default() };
                call.metadata.push(text.clone(), "");
                let window = Duration::from_millis(id);
                call.resumable = Some(Box::new(Resumable { window, course: Course::New }));
                assert_eq!(of_call(id, &call), encoded(&Message::Call(id, call)));

                let mut failure = Failure::new(Status::Method, text.clone());
                failure.data = Bytes::from_static(b"{}");
                let size = of_failed(id, &failure);
                assert_eq!(size, encoded(&answer(id, Err(failure))));
            }
            assert_eq!(of_reply(id, 6), encoded(&answer(id, Ok(Bytes::from_static(b"output")))));
        }
        assert_eq!(of_event(5), encoded(&Message::Event(Bytes::from_static(b"event"))));
    }

    fn answer(id: CallId, answer: Answer) -> Message {
        Message::Answer { id, answer, metadata: Metadata::new() }
    }
}
