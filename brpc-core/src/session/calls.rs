//! The table of a connection's calls: who waits for which, and how far each has come.
//!
//! ```text
//!   Waiting ──▶ Queued ──▶ Written ──▶ answered: removed
//!      │           │          └─ given up: stays, without a caller, until it is answered
//!      └───────────┴──────────── given up: removed; no byte of it ever goes out
//! ```

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Instant;

use bytes::Bytes;

use super::deadlines::Deadlines;
use crate::{CallError, Limits, Scope, Stage};

/// Identifies a call on its connection. Counted up from 1 and never used again.
pub type CallId = u64;

/// A call to be made.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// The method's number.
    pub method: u32,
    /// The encoded input; empty for none.
    pub payload: Bytes,
    /// When its time is over; `None` for no limit.
    pub deadline: Option<Instant>,
    /// The trace id; empty for none.
    pub trace: String,
    /// Keys and values for the handler.
    pub metadata: Vec<(String, String)>,
    /// What to do when there is no place for it.
    pub admission: Admission,
}

/// What to do with a call when as many are in progress as may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// Refuse it at once.
    Refuse,
    /// Let it wait for a place, in the order of arrival.
    Wait,
}

/// The calls of one connection. `T` stands for the caller.
#[derive(Debug)]
pub(crate) struct Calls<T> {
    /// All that are not over, by id.
    entries: HashMap<CallId, Entry<T>, BuildHasherDefault<IdHasher>>,
    /// Ids of those that wait for a place, in order; may hold ids that are gone.
    waiting: VecDeque<CallId>,
    /// Ids of those that have a place and are not yet sent, in order; may hold ids that are gone.
    unwritten: VecDeque<CallId>,
    /// When whose time is over.
    deadlines: Deadlines,
    /// The id given last.
    last_id: CallId,
    /// The highest id sent.
    last_written: CallId,
    /// Calls that have a place: all but those that wait for one.
    placed: usize,
    /// Calls that have a place and are not yet sent.
    queued: usize,
    /// Calls not yet sent, with a place or without, and the bytes of their inputs.
    unsent: usize,
    unsent_bytes: usize,
    /// The most that may have a place.
    max_placed: usize,
    /// The most that may be unsent.
    max_unsent: usize,
    /// The most bytes that may be unsent.
    max_unsent_bytes: usize,
}

/// One call.
#[derive(Debug)]
struct Entry<T> {
    /// Who waits for it; `None` when it was given up after it was sent.
    caller: Option<T>,
    /// Whether its time is limited.
    has_deadline: bool,
    /// How far it has come.
    progress: Progress,
}

/// How far a call has come.
#[derive(Debug)]
enum Progress {
    /// Has no place yet.
    Waiting(NewCall),
    /// Has a place.
    Queued(NewCall),
    /// Was handed to the transport.
    Written,
}

/// What an answer means.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Answered<T> {
    /// Somebody waits for it.
    Settles {
        /// Who.
        caller: T,
        /// Whether the call's time is limited.
        has_deadline: bool,
    },
    /// Nobody does any more.
    Late,
    /// It was answered before.
    Again,
    /// It was never sent.
    NeverSent,
}

impl<T> Calls<T> {
    pub(crate) fn new(limits: &Limits, max_placed: usize) -> Self {
        Self {
            entries: HashMap::default(),
            waiting: VecDeque::new(),
            unwritten: VecDeque::new(),
            deadlines: Deadlines::default(),
            last_id: 0,
            last_written: 0,
            placed: 0,
            queued: 0,
            unsent: 0,
            unsent_bytes: 0,
            max_placed,
            max_unsent: limits.queue_calls,
            max_unsent_bytes: limits.queue_bytes,
        }
    }

    /// Takes a call in, or gives the caller back with the reason why not.
    pub(crate) fn admit(&mut self, call: NewCall, caller: T) -> Result<CallId, (T, CallError)> {
        let has_place = self.placed < self.max_placed;
        // One call always finds room, however large it is; its frame was checked before.
        let is_full = self.unsent > 0
            && (self.unsent >= self.max_unsent
                || self.unsent_bytes + call.payload.len() > self.max_unsent_bytes);
        if is_full || (!has_place && call.admission == Admission::Refuse) {
            return Err((
                caller,
                CallError::Overloaded { scope: Scope::Plugin, retry_after: None },
            ));
        }
        self.last_id += 1;
        let id = self.last_id;
        self.unsent += 1;
        self.unsent_bytes += call.payload.len();
        let has_deadline = call.deadline.is_some();
        if let Some(deadline) = call.deadline {
            let entries = &self.entries;
            let is_live = |id| entries.contains_key(&id);
            self.deadlines.insert(deadline, id, entries.len(), is_live);
        }
        let progress = if has_place {
            self.placed += 1;
            self.queued += 1;
            self.unwritten.push_back(id);
            Progress::Queued(call)
        } else {
            self.waiting.push_back(id);
            Progress::Waiting(call)
        };
        self.entries.insert(id, Entry { caller: Some(caller), has_deadline, progress });
        Ok(id)
    }

    /// The next call to send; from now on it counts as sent.
    pub(crate) fn next_to_write(&mut self) -> Option<(CallId, NewCall)> {
        while let Some(id) = self.unwritten.pop_front() {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            match std::mem::replace(&mut entry.progress, Progress::Written) {
                Progress::Queued(call) => {
                    self.queued -= 1;
                    self.forget_unsent(&call);
                    self.last_written = id;
                    return Some((id, call));
                }
                // Ids of other calls are never in this queue.
                other => entry.progress = other,
            }
        }
        None
    }

    /// Whether a call is to be sent.
    pub(crate) fn has_unwritten(&self) -> bool {
        self.queued > 0
    }

    /// Takes note of an answer.
    pub(crate) fn answer(&mut self, id: CallId) -> Answered<T> {
        if id == 0 || id > self.last_written {
            return Answered::NeverSent;
        }
        let Some(entry) = self.entries.remove(&id) else { return Answered::Again };
        debug_assert!(matches!(entry.progress, Progress::Written), "ids are sent in order");
        self.free_place();
        let has_deadline = entry.has_deadline;
        entry.caller.map_or(Answered::Late, |caller| Answered::Settles { caller, has_deadline })
    }

    /// Takes a call back from its caller, who no longer waits. `Stage::Sent` means that the plugin
    /// has to be told, and that its place stays taken until it answers.
    pub(crate) fn give_up(&mut self, id: CallId) -> Option<(T, Stage)> {
        let entry = self.entries.get_mut(&id)?;
        let caller = entry.caller.take()?;
        if matches!(entry.progress, Progress::Written) {
            return Some((caller, Stage::Sent));
        }
        self.remove_unsent(id);
        Some((caller, Stage::Queued))
    }

    /// The next call whose time is over, taken back from its caller.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<(CallId, T, Stage)> {
        while let Some(id) = self.deadlines.pop_due(now) {
            if let Some((caller, stage)) = self.give_up(id) {
                return Some((id, caller, stage));
            }
        }
        None
    }

    /// When to call [`expire`](Self::expire) next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Takes back a call that waits for a place; for a connection that takes no more.
    pub(crate) fn pop_waiting(&mut self) -> Option<T> {
        while let Some(id) = self.waiting.pop_front() {
            if let Some((caller, _)) = self.give_up(id) {
                return Some(caller);
            }
        }
        None
    }

    /// Takes back every call that the plugin will not start: those that are not sent, and those
    /// sent with an id above `last`. Returns the callers that still wait, in the order of ids.
    pub(crate) fn take_not_started(&mut self, last: CallId) -> Vec<T> {
        // Those that wait first, lest they be given the places of the others.
        let waiting = std::iter::from_fn(|| self.pop_waiting()).collect::<Vec<_>>();
        let mut ids: Vec<CallId> = (self.entries.iter())
            .filter(|(id, entry)| **id > last || !matches!(entry.progress, Progress::Written))
            .map(|(id, _)| *id)
            .collect();
        ids.sort_unstable();
        let mut callers = Vec::new();
        for id in ids {
            if id > self.last_written {
                callers.extend(self.give_up(id).map(|(caller, _)| caller));
            } else if let Some(entry) = self.entries.remove(&id) {
                self.free_place();
                callers.extend(entry.caller);
            }
        }
        callers.extend(waiting);
        callers
    }

    /// Ends the table: all callers that still wait, each with how far its call had come.
    pub(crate) fn abandon(&mut self) -> impl Iterator<Item = (T, Stage)> + use<T> {
        self.waiting = VecDeque::new();
        self.unwritten = VecDeque::new();
        self.deadlines.clear();
        (self.placed, self.queued, self.unsent, self.unsent_bytes) = (0, 0, 0, 0);
        let mut entries: Vec<_> = std::mem::take(&mut self.entries).into_iter().collect();
        entries.sort_unstable_by_key(|&(id, _)| id);
        entries.into_iter().filter_map(|(_, entry)| {
            let stage = match entry.progress {
                Progress::Written => Stage::Sent,
                Progress::Waiting(_) | Progress::Queued(_) => Stage::Queued,
            };
            Some((entry.caller?, stage))
        })
    }

    /// Calls in the table, whether somebody waits for them or not.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Places taken.
    pub(crate) fn placed(&self) -> usize {
        self.placed
    }

    /// Bytes of inputs not yet sent.
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.unsent_bytes
    }

    /// Entries held in all the parts of the table; for tests of its bounds.
    pub(crate) fn footprint(&self) -> usize {
        self.entries.len() + self.waiting.len() + self.unwritten.len() + self.deadlines.len()
    }

    /// Removes a call that is not sent.
    fn remove_unsent(&mut self, id: CallId) {
        let Some(entry) = self.entries.remove(&id) else { return };
        match entry.progress {
            Progress::Queued(call) => {
                self.queued -= 1;
                self.forget_unsent(&call);
                self.free_place();
            }
            Progress::Waiting(call) => self.forget_unsent(&call),
            Progress::Written => debug_assert!(false, "a call that was sent is not removed"),
        }
        self.sweep();
    }

    fn forget_unsent(&mut self, call: &NewCall) {
        self.unsent -= 1;
        self.unsent_bytes -= call.payload.len();
    }

    /// Gives a free place to the call that has waited longest.
    fn free_place(&mut self) {
        self.placed -= 1;
        while let Some(id) = self.waiting.pop_front() {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            entry.progress = match std::mem::replace(&mut entry.progress, Progress::Written) {
                Progress::Waiting(call) => Progress::Queued(call),
                other => other,
            };
            self.unwritten.push_back(id);
            self.placed += 1;
            self.queued += 1;
            return;
        }
    }

    /// Drops ids of calls that were taken back, when they outnumber the others: a peer that reads
    /// nothing must not let them pile up.
    fn sweep(&mut self) {
        const FLOOR: usize = 64;
        if self.waiting.len() + self.unwritten.len() > FLOOR + 2 * self.unsent {
            self.waiting.retain(|id| self.entries.contains_key(id));
            self.unwritten.retain(|id| self.entries.contains_key(id));
        }
    }
}

/// Hashes ids by one multiplication. Ids are counted here and not chosen by a peer, so there is
/// nothing to defend against.
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
