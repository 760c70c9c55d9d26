//! The calls of one plugin whose connection was lost, at the hub.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use brpc_core::{CallErrorKind, Stage};

use super::suspension::Suspension;
use crate::limits::MAX_SUSPENDED;
use crate::message::{Call, CallId, Origin, Recalled};
use crate::time::earlier;

/// The calls of one plugin that wait for it to come back. `T` is a caller; whoever takes a call out
/// settles it.
///
/// A call is in one of the plugin's sessions or here, never in two places. When the plugin is back,
/// it says what it still knows, and each call goes on, is sent again, or ends:
///
/// ```text
///   the plugin keeps it                         goes on under a new id
///   nothing of it was sent, or the plugin       sent again, as a new call
///     has never received it
///   neither                                     ends as lost: it may have run
/// ```
#[derive(Debug)]
pub struct Suspended<T> {
    /// In the order in which they were made.
    calls: BTreeMap<Origin, Entry<T>>,
    /// When to look for calls whose time is over; too early if the call has ended.
    next: Option<Instant>,
    /// What the plugin has said so far, over its present connection.
    seen: HashMap<u64, CallId>,
    kept: HashSet<Origin>,
}

#[derive(Debug)]
struct Entry<T> {
    caller: T,
    suspension: Suspension,
    /// When its window ends.
    until: Option<Instant>,
}

impl<T> Entry<T> {
    /// When it ends at the latest.
    fn end(&self) -> Option<Instant> {
        earlier(self.until, self.suspension.deadline)
    }
}

/// What becomes of a call when its plugin is back.
#[derive(Debug)]
pub enum Resumption {
    /// It is submitted to the new connection.
    Submit(Box<Call>),
    /// It ends.
    End(CallErrorKind),
}

impl Resumption {
    /// Whether the plugin has the call.
    fn goes_on(&self) -> bool {
        matches!(self, Self::Submit(call) if call.continued().is_some())
    }
}

impl<T> Default for Suspended<T> {
    fn default() -> Self {
        Self { calls: BTreeMap::new(), next: None, seen: HashMap::new(), kept: HashSet::new() }
    }
}

impl<T> Suspended<T> {
    /// Suspends a call, whose window starts now.
    ///
    /// # Errors
    /// The caller, and what the call ends in, if too many are suspended.
    pub fn insert(
        &mut self,
        caller: T,
        suspension: Suspension,
        now: Instant,
    ) -> Result<(), (T, CallErrorKind)> {
        if self.calls.len() as u64 >= MAX_SUSPENDED {
            return Err((caller, suspension.lost()));
        }
        let until = now.checked_add(suspension.window);
        let origin = suspension.origin;
        let entry = Entry { caller, suspension, until };
        self.note(entry.end());
        let before = self.calls.insert(origin, entry);
        debug_assert!(before.is_none(), "a call is in one place");
        Ok(())
    }

    /// Takes out a call that is cancelled; returns its caller, and how far it has come.
    pub fn cancel(&mut self, origin: Origin) -> Option<(T, Stage)> {
        let entry = self.calls.remove(&origin)?;
        Some((entry.caller, entry.suspension.stage()))
    }

    /// The plugin is back, over another connection. What it said over earlier ones doesn't count.
    pub fn begin(&mut self) {
        self.seen.clear();
        self.kept.clear();
    }

    /// The plugin says what it knows. With the last part, takes out all calls, and returns what
    /// becomes of each: those that go on come first, since the plugin gets no other call before; else
    /// in the order in which they were made.
    pub fn resume(&mut self, recalled: Recalled, now: Instant) -> Vec<(T, Origin, Resumption)> {
        // Only what is of use, so that a peer that says too much isn't held.
        let of = |generation| Origin { generation, id: 0 }..=Origin { generation, id: CallId::MAX };
        let seen = recalled.seen.into_iter();
        let seen = seen.filter(|seen| self.calls.range(of(seen.generation)).next().is_some());
        self.seen.extend(seen.map(|seen| (seen.generation, seen.id)));
        let known = recalled.kept.into_iter().filter(|origin| self.calls.contains_key(origin));
        self.kept.extend(known);
        if !recalled.is_last {
            return Vec::new();
        }
        let (seen, kept) = (std::mem::take(&mut self.seen), std::mem::take(&mut self.kept));
        let calls = std::mem::take(&mut self.calls).into_iter();
        let judged = calls.map(|(origin, Entry { caller, suspension, until })| {
            let is_over = |time: Option<Instant>| time.is_some_and(|time| time <= now);
            let is_unseen = || seen.get(&origin.generation).is_some_and(|last| *last < origin.id);
            let resumption = if is_over(suspension.deadline) {
                Resumption::End(suspension.late())
            } else if is_over(until) {
                Resumption::End(suspension.lost())
            } else if kept.contains(&origin) {
                Resumption::Submit(Box::new(suspension.goes_on(now)))
            } else if !suspension.is_sent || is_unseen() {
                Resumption::Submit(Box::new(suspension.anew(now)))
            } else {
                Resumption::End(suspension.lost())
            };
            (caller, origin, resumption)
        });
        let mut judged: Vec<_> = judged.collect();
        judged.sort_by_key(|(.., resumption)| !resumption.goes_on());
        judged
    }

    /// Takes out the calls whose deadline has passed, or whose window is over.
    pub fn expire(&mut self, now: Instant) -> Vec<(T, CallErrorKind)> {
        if self.next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        self.next = None;
        let is_due = |_: &Origin, entry: &mut Entry<T>| entry.end().is_some_and(|end| end <= now);
        let due: Vec<_> = self.calls.extract_if(.., is_due).collect();
        self.next = self.calls.values().filter_map(Entry::end).min();
        let ended = due.into_iter().map(|(_, Entry { caller, suspension, .. })| {
            let is_late = suspension.deadline.is_some_and(|deadline| deadline <= now);
            (caller, if is_late { suspension.late() } else { suspension.lost() })
        });
        ended.collect()
    }

    /// When to call [`expire`](Self::expire) next.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// Takes out all calls: the plugin doesn't come back, or another one is in its place.
    pub fn end(&mut self) -> Vec<(T, CallErrorKind)> {
        let Self { calls, .. } = std::mem::take(self);
        calls.into_values().map(|entry| (entry.caller, entry.suspension.lost())).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    fn note(&mut self, end: Option<Instant>) {
        self.next = earlier(self.next, end);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use brpc_core::DisconnectReason;

    use super::*;
    use crate::message::{Course, Resumable};

    fn sent(id: CallId) -> Suspension {
        let (window, course) = (Duration::from_secs(1), Course::New);
        let resumable = Some(Box::new(Resumable { window, course }));
        let call = Call { resumable, ..Call::default() };
        let origin = Origin { generation: 1, id };
        Suspension::new(call, origin, None, Stage::Sent, DisconnectReason::Reset)
    }

    #[test]
    fn what_is_said_of_other_connections_is_not_held() {
        let (mut suspended, now) = (Suspended::default(), Instant::now());
        suspended.insert(1, sent(1), now).unwrap();
        for generation in 0..100 {
            let seen = vec![Origin { generation, id: 1 }];
            suspended.resume(Recalled { seen, ..Recalled::default() }, now);
        }
        assert_eq!(suspended.seen.len(), 1);
    }

    /// Whatever a plugin says, it gets what goes on before all else.
    #[test]
    fn what_goes_on_comes_first_though_the_plugin_has_received_nothing() {
        let (mut suspended, now) = (Suspended::default(), Instant::now());
        for id in 1..=4 {
            suspended.insert(id, sent(id), now).unwrap();
        }
        let origin = |id| Origin { generation: 1, id };
        let (seen, kept) = (vec![origin(0)], vec![origin(4), origin(2)]);
        let decided = suspended.resume(Recalled { seen, kept, is_last: true }, now);
        let callers = decided.iter().map(|(caller, ..)| *caller).collect::<Vec<_>>();
        assert_eq!(callers, [2, 4, 1, 3]);
    }
}
