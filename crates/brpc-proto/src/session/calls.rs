//! The table of a connection's calls: the caller and the progress of each.
//!
//! ```text
//!   waiting ──▶ queued ──▶ sent ──▶ answered: removed
//!      │           │         └─ cancelled: stays as a tombstone until it is answered
//!      └───────────┴─────────── cancelled: removed; none of its bytes is ever sent
//! ```
//!
//! Calls are sent in the order of their ids: a call is sent if its id is at most the last that was.
//!
//! On a connection over which calls of earlier ones may go on, the table is held at first: those get
//! their places, and have lower ids; all others wait, and get places when it is released.

mod held;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Instant;

use brpc_core::{CallErrorKind, Limits, Scope, Stage};

use super::deadlines::Deadlines;
use super::unsent::Unsent;
use crate::limits::IDLE_PLACES;
use crate::message::{Admission, Call, CallId, Course};

/// The calls of one connection. `T` is the caller.
#[derive(Debug)]
pub(crate) struct Calls<T> {
    /// All pending calls and tombstones, by id.
    entries: HashMap<CallId, Entry<T>, BuildHasherDefault<IdHasher>>,
    /// Calls that wait for a place.
    waiting: Unsent,
    /// Calls that have a place and are not yet sent.
    queued: Unsent,
    /// New calls while the table is held. They are behind those that wait.
    held: Unsent,
    /// Whether only calls that go on get places.
    is_held: bool,
    /// When to check for calls whose deadline has passed.
    deadlines: Deadlines,
    /// The id given last.
    last_id: CallId,
    /// The highest id sent.
    last_sent: CallId,
    /// Calls that have a place: all except the waiting ones.
    placed: usize,
    /// How many of those that have a place are tombstones.
    given_up: usize,
    /// The most calls that may have a place.
    max_placed: usize,
    /// The most calls that may be unsent, with a place or without.
    max_unsent: usize,
    /// The most bytes of inputs that may be unsent.
    max_unsent_bytes: usize,
}

/// One call. Its unsent bytes are in one of the queues, so that the table stays small.
#[derive(Debug)]
struct Entry<T> {
    /// Its caller; `None` in a tombstone, a call that was cancelled after it was sent.
    caller: Option<T>,
    /// Its deadline, if it has one.
    deadline: Option<Instant>,
}

/// What an answer takes out of the table.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Taken<T> {
    /// A pending call.
    Waited {
        /// Its caller.
        caller: T,
        /// Its deadline, if it has one.
        deadline: Option<Instant>,
    },
    /// A tombstone: the call was cancelled.
    GivenUp,
    /// None: no call of this id awaits an answer; most likely it was answered already.
    Again,
    /// None: the id is above that of every call that was sent.
    NeverSent,
}

impl<T> Calls<T> {
    pub(crate) fn new(limits: &Limits, max_placed: usize) -> Self {
        Self {
            entries: HashMap::default(),
            waiting: Unsent::default(),
            queued: Unsent::default(),
            held: Unsent::default(),
            is_held: false,
            deadlines: Deadlines::default(),
            last_id: 0,
            last_sent: 0,
            placed: 0,
            given_up: 0,
            max_placed,
            max_unsent: limits.queue_calls,
            max_unsent_bytes: limits.queue_bytes,
        }
    }

    /// Accepts a call, or returns the caller and why the call is refused. Its id is above that of
    /// every earlier one; of those that are held back, if it is a new call.
    pub(crate) fn start(
        &mut self,
        id: CallId,
        call: Call,
        caller: T,
        now: Instant,
    ) -> Result<(), (T, CallErrorKind)> {
        // What is held back will want a place as well.
        let taken = if self.is_held { self.entries.len() } else { self.placed };
        let course = call.course();
        let is_refused = match course {
            Course::New => {
                self.is_full(&call)
                    || (taken >= self.max_placed && call.admission == Admission::Refuse)
            }
            // It was accepted before.
            Course::Again => self.is_behind_held(id),
            // Its handler has a place at the plugin, unless that has fewer than before.
            Course::GoesOn(_) => self.placed >= self.max_placed || self.is_behind_held(id),
        };
        if is_refused {
            return Err((
                caller,
                CallErrorKind::Overloaded { scope: Scope::Plugin, retry_after: None },
            ));
        }
        let deadline = call.deadline(now);
        if let Some(deadline) = deadline {
            self.deadlines.note(deadline);
        }
        self.last_id = self.last_id.max(id);
        self.entries.insert(id, Entry { caller: Some(caller), deadline });
        let unsent = match course {
            Course::New if self.is_held => &mut self.held,
            Course::Again if self.is_held => &mut self.waiting,
            _ if self.placed < self.max_placed => {
                self.placed += 1;
                &mut self.queued
            }
            _ => &mut self.waiting,
        };
        unsent.push(id, call, deadline);
        Ok(())
    }

    /// Whether this call is one too many that is unsent, or too large beside the others.
    fn is_full(&self, call: &Call) -> bool {
        // One call is always accepted, however large; its frame was checked before.
        self.unsent() > 0
            && (self.unsent() >= self.max_unsent
                || self.unsent_bytes() + call.payload.len() > self.max_unsent_bytes)
    }

    /// Frees capacity that an idle connection doesn't need.
    pub(crate) fn free_room(&mut self) {
        if self.entries.capacity() > 2 * IDLE_PLACES {
            self.entries.shrink_to(IDLE_PLACES);
        }
        self.waiting.shrink_to(IDLE_PLACES);
        self.queued.shrink_to(IDLE_PLACES);
    }

    /// The id given last.
    pub(crate) fn last_id(&self) -> CallId {
        self.last_id
    }

    /// The next call to send, and its deadline; from now on it counts as sent.
    pub(crate) fn next_to_write(&mut self) -> Option<(CallId, Call, Option<Instant>)> {
        let next = self.queued.pop()?;
        self.last_sent = next.0;
        Some(next)
    }

    /// Whether no call is left to send, as far as they are not refused.
    pub(crate) fn are_all_sent(&self) -> bool {
        let are_none_held = !self.is_held || self.waiting.len() + self.held.len() == 0;
        self.queued.len() == 0 && are_none_held
    }

    /// How many calls are ready to send, and the bytes of their inputs.
    pub(crate) fn to_write(&self) -> (usize, usize) {
        (self.queued.len(), self.queued.bytes())
    }

    /// Removes the call that an answer belongs to.
    pub(crate) fn answer(&mut self, id: CallId) -> Taken<T> {
        if id == 0 || id > self.last_sent {
            return Taken::NeverSent;
        }
        let Some(entry) = self.entries.remove(&id) else { return Taken::Again };
        self.free_place();
        let Entry { caller, deadline } = entry;
        let Some(caller) = caller else {
            self.given_up -= 1;
            return Taken::GivenUp;
        };
        Taken::Waited { caller, deadline }
    }

    /// Cancels a call and returns its caller. `Stage::Sent` means that the peer needs a Cancel, and
    /// that the call keeps its place, as a tombstone, until the peer answers.
    pub(crate) fn give_up(&mut self, id: CallId) -> Option<(T, Stage)> {
        let entry = self.entries.get_mut(&id)?;
        let caller = entry.caller.take()?;
        if id <= self.last_sent {
            self.given_up += 1;
            return Some((caller, Stage::Sent));
        }
        self.remove_unsent(id);
        Some((caller, Stage::Queued))
    }

    /// Cancels the calls whose deadline has passed, and returns their callers.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<(CallId, T, Stage)> {
        let wanted = self.entries.iter().filter(|(_, entry)| entry.caller.is_some());
        let limited = wanted.filter_map(|(id, entry)| Some((*id, entry.deadline?)));
        let due = self.deadlines.take_due(now, limited);
        let expired = due.into_iter().map(|id| {
            let (caller, stage) = self.give_up(id)?;
            Some((id, caller, stage))
        });
        expired.flatten().collect()
    }

    /// When to call [`expire`](Self::expire) next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Removes a call that waits for a place, when the connection accepts no more calls.
    pub(crate) fn pop_waiting(&mut self) -> Option<(CallId, T)> {
        let (id, ..) = self.waiting.pop()?;
        Some((id, self.entries.remove(&id)?.caller?))
    }

    /// Removes every call that the peer will not start: those that are not sent, and those sent
    /// with an id above `last`. Returns their callers in the order of ids; tombstones have none.
    pub(crate) fn take_not_started(&mut self, last: CallId) -> Vec<(CallId, T)> {
        // The waiting calls first, or they would get the places of the others.
        let waiting = std::iter::from_fn(|| self.pop_waiting()).collect::<Vec<_>>();
        let first = last.min(self.last_sent) + 1;
        let mut ids: Vec<CallId> = self.entries.keys().copied().filter(|&id| id >= first).collect();
        ids.sort_unstable();
        let mut callers = Vec::new();
        for id in ids {
            if id > self.last_sent {
                callers.extend(self.give_up(id).map(|(caller, _)| (id, caller)));
            } else if let Some(entry) = self.entries.remove(&id) {
                self.free_place();
                self.given_up -= usize::from(entry.caller.is_none());
                callers.extend(entry.caller.map(|caller| (id, caller)));
            }
        }
        callers.extend(waiting);
        callers
    }

    /// Empties the table: returns the remaining calls, with the caller, deadline and stage of each.
    pub(crate) fn abandon(
        &mut self,
    ) -> impl Iterator<Item = (CallId, T, Option<Instant>, Stage)> + use<T> {
        (self.waiting, self.queued) = (Unsent::default(), Unsent::default());
        self.held = Unsent::default();
        self.deadlines.clear();
        (self.placed, self.given_up) = (0, 0);
        let mut entries: Vec<_> = std::mem::take(&mut self.entries).into_iter().collect();
        entries.sort_unstable_by_key(|&(id, _)| id);
        let last_sent = self.last_sent;
        entries.into_iter().filter_map(move |(id, entry)| {
            let stage = if id <= last_sent { Stage::Sent } else { Stage::Queued };
            Some((id, entry.caller?, entry.deadline, stage))
        })
    }

    /// Whether there are only tombstones, if anything.
    pub(crate) fn is_awaited_by_nobody(&self) -> bool {
        self.entries.values().all(|entry| entry.caller.is_none())
    }

    /// Whether all places are taken, and only by tombstones.
    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up > 0 && self.given_up == self.max_placed
    }

    /// Calls in the table, with tombstones.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Places taken.
    pub(crate) fn placed(&self) -> usize {
        self.placed
    }

    /// Calls not yet sent, with a place or without.
    fn unsent(&self) -> usize {
        self.waiting.len() + self.queued.len() + self.held.len()
    }

    /// Bytes of inputs not yet sent.
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.waiting.bytes() + self.queued.bytes() + self.held.bytes()
    }

    /// Entries held in all parts of the table; for tests of its limits.
    pub(crate) fn footprint(&self) -> usize {
        let unsent = self.waiting.footprint() + self.queued.footprint() + self.held.footprint();
        self.entries.len() + unsent
    }

    /// Removes a call that is not sent.
    fn remove_unsent(&mut self, id: CallId) {
        self.entries.remove(&id);
        let had_no_place = self.waiting.remove(id) || self.held.remove(id);
        if !had_no_place && self.queued.remove(id) {
            self.free_place();
        }
    }

    /// Frees a place, and gives it to the call that has waited longest.
    fn free_place(&mut self) {
        self.placed -= 1;
        if !self.is_held {
            self.place_first();
        }
    }
}

/// Hashes ids by one multiplication. A hub chooses them itself, and a plugin has at most
/// `max_calls` of them, so there is nothing to defend against.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("ids are hashed as numbers");
    }

    fn write_u64(&mut self, id: u64) {
        // 2^64 divided by the golden ratio: spreads consecutive numbers over the high bits, which
        // the table uses as well as the low ones.
        self.0 = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_many_calls_is_given_back_when_few_are_left() {
        let mut calls = Calls::new(&Limits::default(), 500);
        let now = Instant::now();
        for id in 1..=1_000 {
            let call = Call { admission: Admission::Wait, ..Call::default() };
            calls.start(id, call, id, now).unwrap();
        }
        for id in 2..=1_000 {
            calls.give_up(id).unwrap();
        }
        calls.free_room();
        assert!(calls.entries.capacity() < 100 && calls.entries.contains_key(&1));
        assert!(calls.queued.footprint() <= 1 + 64 && calls.waiting.footprint() <= 64);
    }
}
