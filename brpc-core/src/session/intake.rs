//! Calls on their way to a connection that may be at work.

use std::collections::VecDeque;

use bytes::Bytes;

use super::new_call::{CallId, NewCall};

/// Where calls are handed to a connection, apart from it: who makes one needs not wait for whoever
/// works on the connection, and takes no longer than to put it down.
///
/// It takes in only what the connection is sure to take in. All else is to be asked of the connection
/// itself, with [`HubConnection::start_call`](crate::HubConnection::start_call), which knows why not.
/// Nothing may come by one of the two ways while something is on the other; so whoever starts a call
/// at the connection takes over what is here before, and keeps others from it until the connection
/// has [said](crate::Connection::offer) how much may come now.
#[derive(Debug)]
pub struct Intake<T> {
    batch: Batch<T>,
    /// Bytes of the inputs in the batch.
    bytes: usize,
    /// The id given last.
    last_id: CallId,
    /// What may still come.
    room: Room,
}

/// What a connection is sure to take in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Room {
    /// So many calls.
    pub(crate) calls: usize,
    /// So many bytes of their inputs.
    pub(crate) bytes: usize,
    /// Frames up to this size.
    pub(crate) frame: usize,
}

/// Calls that were handed in, in the order of their ids.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    calls: VecDeque<Packed<T>>,
    /// Copied inputs, side by side. Memory that one thread takes and another gives back costs both, so
    /// it is once a batch and not once a call.
    inputs: Vec<u8>,
}

#[derive(Debug)]
struct Packed<T> {
    call: NewCall,
    caller: T,
    /// How many of the copied bytes are its input.
    input: usize,
}

/// How much was handed to a connection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Handed {
    /// How many things: calls.
    pub count: usize,
    /// How many bytes: of their inputs.
    pub bytes: usize,
}

/// A call that was handed in.
pub(crate) struct HandedCall<'a, T> {
    pub(crate) call: NewCall,
    /// Its input, if that is not in the call.
    pub(crate) input: &'a [u8],
    pub(crate) caller: T,
}

impl<T> HandedCall<'_, T> {
    /// The call, with its input.
    pub(crate) fn unpack(mut self) -> (NewCall, T) {
        if !self.input.is_empty() {
            self.call.payload = Bytes::copy_from_slice(self.input);
        }
        (self.call, self.caller)
    }
}

/// How many places for calls, and how much room for their inputs, any connection keeps.
const KEPT: (usize, usize) = (32, 4 * 1024);

impl<T> Default for Intake<T> {
    /// One without room, before the first exchange.
    fn default() -> Self {
        let (batch, room) = (Batch::default(), Room::default());
        Self { batch, bytes: 0, last_id: 0, room }
    }
}

impl<T> Intake<T> {
    /// Makes a call, with a copy of this input if it has none of its own.
    ///
    /// # Errors
    /// The call and its caller back, if the connection has to be asked.
    pub fn start_call(
        &mut self,
        call: NewCall,
        input: &[u8],
        caller: T,
    ) -> Result<CallId, (NewCall, T)> {
        let (room, bytes) = (&mut self.room, call.payload.len() + input.len());
        if room.calls == 0 || bytes > room.bytes || call.check(bytes, room.frame).is_err() {
            return Err((call, caller));
        }
        room.calls -= 1;
        room.bytes -= bytes;
        self.bytes += bytes;
        self.last_id += 1;
        self.batch.inputs.extend_from_slice(input);
        self.batch.calls.push_back(Packed { call, caller, input: input.len() });
        Ok(self.last_id)
    }

    /// Gives back room that little traffic doesn't need.
    pub(crate) fn free_room(&mut self) {
        self.batch.free_room();
    }

    /// Has room from now on for what a connection without it had room for, which gave `last_id` last.
    pub(crate) fn offer(&mut self, last_id: CallId, room: Room) {
        let count = self.batch.calls.len();
        self.last_id = last_id + count as CallId;
        self.room = Room {
            calls: room.calls.saturating_sub(count),
            bytes: room.bytes.saturating_sub(self.bytes),
            frame: room.frame,
        };
    }

    /// What has come and was not taken away.
    pub(crate) fn handed(&self) -> Handed {
        Handed { count: self.batch.calls.len(), bytes: self.bytes }
    }

    /// Gives what has come in exchange for an empty batch.
    pub(crate) fn exchange(&mut self, batch: &mut Batch<T>) {
        std::mem::swap(&mut self.batch, batch);
        self.bytes = 0;
    }
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { calls: VecDeque::new(), inputs: Vec::new() }
    }
}

impl<T> Batch<T> {
    /// How many calls there are, and how many bytes of packed inputs.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.calls.len(), self.inputs.len())
    }

    /// Takes all calls out. Those that come after one with which `with` panics are left.
    pub(crate) fn take(&mut self, mut with: impl FnMut(HandedCall<'_, T>)) {
        let mut inputs = &self.inputs[..];
        while let Some(Packed { call, caller, input: bytes }) = self.calls.pop_front() {
            let input;
            (input, inputs) = inputs.split_at(bytes);
            with(HandedCall { call, input, caller });
        }
        self.inputs.clear();
    }

    /// Gives back room that little traffic doesn't need; of a batch that is empty.
    pub(crate) fn free_room(&mut self) {
        if self.calls.capacity() > KEPT.0 || self.inputs.capacity() > KEPT.1 {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Admission;

    /// What is left of a batch of so many calls with inputs of so many bytes, when its calls have
    /// been taken out and little happens.
    fn left_of(calls: usize, bytes: usize) -> Batch<usize> {
        let (mut intake, mut batch) = (Intake::default(), Batch::default());
        let room = Room { calls, bytes: usize::MAX, frame: usize::MAX };
        intake.offer(0, room);
        for caller in 0..calls {
            let call = NewCall::without_input(Admission::Refuse);
            intake.start_call(call, &vec![b' '; bytes], caller).unwrap();
        }
        assert_eq!(intake.handed(), Handed { count: calls, bytes: calls * bytes });
        intake.exchange(&mut batch);
        let mut callers = Vec::new();
        batch.take(|handed| callers.push(handed.caller));
        assert_eq!(callers, (0..calls).collect::<Vec<_>>());
        batch.free_room();
        batch
    }

    #[test]
    fn a_little_room_is_kept_and_much_is_given_back() {
        let few = left_of(16, 64);
        assert!(few.calls.capacity() >= 16 && few.inputs.capacity() >= 15 * 64);
        for (calls, bytes) in [(1_000, 0), (16, 1_000)] {
            let many = left_of(calls, bytes);
            assert_eq!(
                (many.calls.capacity(), many.inputs.capacity()),
                (0, 0),
                "{calls} x {bytes}"
            );
        }
    }
}
