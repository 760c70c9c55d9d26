//! Calls on their way to a connection that may be at work.

use std::time::Instant;

use bytes::BytesMut;

use super::new_call::{CallId, NewCall};
use crate::wire::OWN_SLICE;

/// Where calls are handed to a connection, apart from it: who makes one needs not wait for whoever
/// works on the connection, and takes no longer than to put it down.
///
/// It takes in only what the connection is sure to take in. All else is to be asked of the connection
/// itself, with [`HubConnection::start_call`](crate::HubConnection::start_call), which knows why not.
/// Nothing may come by one of the two ways while something is on the other; so whoever starts a call
/// at the connection keeps others from this until [`exchange`](crate::Connection::exchange) is done.
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
    calls: Vec<Handed<T>>,
    /// The small inputs of all but the first, side by side. Memory that one thread takes and another
    /// gives back costs both, so it is once a batch and not once a call.
    packed: BytesMut,
    /// The room that the packed ones have. They don't tell any more when they are taken out.
    packed_room: usize,
}

#[derive(Debug)]
struct Handed<T> {
    call: NewCall,
    caller: T,
    /// How many bytes of the packed ones are its input; 0 if it has kept its own.
    packed: usize,
}

/// Room for the small inputs of a batch, to begin with and at most.
const PACKED: (usize, usize) = (1024, 64 * 1024);

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
    /// Makes a call.
    ///
    /// # Errors
    /// The call and its caller back, if the connection has to be asked.
    pub fn start_call(
        &mut self,
        mut call: NewCall,
        caller: T,
        now: Instant,
    ) -> Result<CallId, (NewCall, T)> {
        let (room, bytes) = (&mut self.room, call.payload.len());
        if room.calls == 0 || bytes > room.bytes || call.check(room.frame, now).is_err() {
            return Err((call, caller));
        }
        room.calls -= 1;
        room.bytes -= bytes;
        self.bytes += bytes;
        self.last_id += 1;
        let Batch { calls, packed: inputs, .. } = &mut self.batch;
        let is_small = bytes < OWN_SLICE && inputs.len() + bytes <= PACKED.1;
        let packed = if calls.is_empty() || !is_small { 0 } else { bytes };
        if packed > 0 {
            if inputs.is_empty() {
                inputs.reserve(PACKED.0);
            }
            inputs.extend_from_slice(&std::mem::take(&mut call.payload));
        }
        calls.push(Handed { call, caller, packed });
        Ok(self.last_id)
    }

    /// Gives back room that little traffic doesn't need.
    pub(crate) fn free_room(&mut self) {
        self.batch.free_room();
    }

    /// Gives what has come in exchange for an empty batch, and has room from now on for what a
    /// connection without it had room for, which gave `last_id` last. True if something has come.
    pub(crate) fn exchange(&mut self, batch: &mut Batch<T>, last_id: CallId, room: Room) -> bool {
        if self.batch.calls.is_empty() {
            (self.last_id, self.room) = (last_id, room);
            return false;
        }
        std::mem::swap(&mut self.batch, batch);
        let (count, bytes) = (batch.calls.len(), std::mem::take(&mut self.bytes));
        self.last_id = last_id + count as CallId;
        self.room = Room {
            calls: room.calls.saturating_sub(count),
            bytes: room.bytes.saturating_sub(bytes),
            frame: room.frame,
        };
        true
    }
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { calls: Vec::new(), packed: BytesMut::new(), packed_room: 0 }
    }
}

impl<T> Batch<T> {
    /// Takes all calls out.
    pub(crate) fn take(&mut self, mut with: impl FnMut(NewCall, T)) {
        self.packed_room = self.packed.capacity().max(self.packed_room);
        for Handed { mut call, caller, packed } in self.calls.drain(..) {
            if packed > 0 {
                call.payload = self.packed.split_to(packed).freeze();
            }
            with(call, caller);
        }
    }

    /// Gives back room that little traffic doesn't need; of a batch that is empty.
    pub(crate) fn free_room(&mut self) {
        if self.calls.capacity() > KEPT.0 || self.packed_room > KEPT.1 {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Admission, Metadata};

    /// What is left of a batch of so many calls with inputs of so many bytes, when its calls have
    /// been taken out and little happens.
    fn left_of(calls: usize, bytes: usize) -> Batch<usize> {
        let (mut intake, mut batch) = (Intake::default(), Batch::default());
        let room = Room { calls, bytes: usize::MAX, frame: usize::MAX };
        intake.exchange(&mut batch, 0, room);
        for caller in 0..calls {
            let call = NewCall {
                method: 0,
                payload: vec![b' '; bytes].into(),
                deadline: None,
                trace: String::new(),
                metadata: Metadata::new(),
                admission: Admission::Refuse,
            };
            intake.start_call(call, caller, Instant::now()).unwrap();
        }
        assert!(intake.exchange(&mut batch, 0, room));
        let mut callers = Vec::new();
        batch.take(|_, caller| callers.push(caller));
        assert_eq!(callers, (0..calls).collect::<Vec<_>>());
        batch.free_room();
        batch
    }

    #[test]
    fn a_little_room_is_kept_and_much_is_given_back() {
        let few = left_of(16, 64);
        assert!(few.calls.capacity() >= 16 && few.packed_room >= 15 * 64);
        for (calls, bytes) in [(1_000, 0), (16, 1_000)] {
            let many = left_of(calls, bytes);
            assert_eq!((many.calls.capacity(), many.packed_room), (0, 0), "{calls} x {bytes}");
        }
    }
}
