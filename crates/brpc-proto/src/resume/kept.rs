//! The resumable calls of a plugin, over all of its connections to a hub.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use brpc_core::{Answer, Limits, Metadata};

use crate::limits::{MAX_RECALLED, MAX_SEEN};
use crate::message::{Call, CallId, Origin, Recalled};
use crate::time::earlier;

/// The resumable calls that a plugin has received, until the hub has their answers. `T` is the
/// handler of a call: what the owner needs to cancel it.
///
/// ```text
///   called ─▶ runs ─ finished ─▶ answered ─ confirmed ─▶ forgotten
///              └── cancelled, expired, not named by the hub ──▶ returned, to be cancelled
/// ```
///
/// Each call has an id on the present connection as long as the hub knows it there.
#[derive(Debug)]
pub struct Kept<T> {
    /// The hub's epoch; another hub, or one that was restarted, knows none of the calls.
    epoch: [u8; 16],
    /// The number of the present connection, or of the last.
    generation: u64,
    /// The newest ids of the connections that were lost since calls last went on.
    seen: VecDeque<Origin>,
    calls: BTreeMap<Origin, Entry<T>>,
    /// The calls that have an id on the present connection.
    ids: HashMap<CallId, Origin>,
    /// The calls whose answer is held.
    answered: BTreeSet<Origin>,
    /// Bytes of these answers.
    bytes: usize,
    /// The most bytes of answers.
    max_bytes: usize,
}

#[derive(Debug)]
struct Entry<T> {
    state: State<T>,
    /// Its id on the present connection.
    id: Option<CallId>,
    /// The call's deadline.
    deadline: Option<Instant>,
    window: Duration,
    /// Since the connection was lost: when the window ends.
    until: Option<Instant>,
    /// Whether the hub has given it up, so that only its present connection awaits the answer.
    is_cancelled: bool,
}

#[derive(Debug)]
enum State<T> {
    Runs(T),
    Answered(Answer, Metadata),
}

/// What a call is that goes on.
#[derive(Debug)]
pub enum Continuation {
    /// Its handler runs.
    Runs,
    /// It has ended; this is sent again.
    Answered(Answer, Metadata),
    /// It isn't kept any more.
    Gone,
}

/// What an answer takes beside its bytes.
const OVERHEAD: usize = 256;

impl<T> Kept<T> {
    /// Holds as many bytes of answers as a plugin with these limits may have unsent. Its connections
    /// see to the number of calls: the hub names those that go on before it makes others, so all of
    /// them are in flight on one connection.
    pub fn new(limits: &Limits) -> Self {
        Self {
            epoch: [0; 16],
            generation: 0,
            seen: VecDeque::new(),
            calls: BTreeMap::new(),
            ids: HashMap::new(),
            answered: BTreeSet::new(),
            bytes: 0,
            max_bytes: limits.clone().clamped().queue_bytes,
        }
    }

    /// A hub has welcomed the plugin: returns what to tell it, and the handlers of the calls that
    /// can't go on there.
    pub fn begin(&mut self, epoch: [u8; 16], generation: u64) -> (Vec<Recalled>, Vec<T>) {
        let unwanted = if self.epoch == epoch { Vec::new() } else { self.end() };
        (self.epoch, self.generation) = (epoch, generation);
        let mut kept = Vec::new();
        for (origin, entry) in &mut self.calls {
            // The connection before has ended, whether that was noted or not.
            entry.id = None;
            if !entry.is_cancelled {
                kept.push(*origin);
            }
        }
        self.ids.clear();
        let parts = kept.chunks(MAX_RECALLED).map(<[_]>::to_vec);
        let mut parts: VecDeque<_> = parts.collect();
        let first = parts.pop_front().unwrap_or_default();
        let seen = self.seen.iter().copied().collect();
        let mut recalled = vec![Recalled { seen, kept: first, is_last: false }];
        recalled.extend(parts.into_iter().map(|kept| Recalled { kept, ..Recalled::default() }));
        if let Some(last) = recalled.last_mut() {
            last.is_last = true;
        }
        (recalled, unwanted)
    }

    /// A resumable call has arrived, and its handler is about to be started. Returns its origin.
    pub fn called(
        &mut self,
        id: CallId,
        call: &Call,
        deadline: Option<Instant>,
        handler: T,
    ) -> Origin {
        let origin = Origin { generation: self.generation, id };
        let window = call.resumable.as_ref().map_or(Duration::ZERO, |it| it.window);
        let (state, until) = (State::Runs(handler), None);
        let entry = Entry { state, id: Some(id), deadline, window, until, is_cancelled: false };
        self.calls.insert(origin, entry);
        self.ids.insert(id, origin);
        origin
    }

    /// A call goes on under this id.
    pub fn go_on(&mut self, id: CallId, origin: Origin) -> Continuation {
        let Some(entry) = self.calls.get_mut(&origin).filter(|entry| !entry.is_cancelled) else {
            return Continuation::Gone;
        };
        if let Some(before) = entry.id.replace(id) {
            self.ids.remove(&before);
        }
        entry.until = None;
        self.ids.insert(id, origin);
        match &entry.state {
            State::Runs(_) => Continuation::Runs,
            State::Answered(answer, metadata) => {
                Continuation::Answered(answer.clone(), metadata.clone())
            }
        }
    }

    /// A handler has ended with this answer; returns the id under which to send it, if the hub
    /// knows the call on the present connection. The answer is held until it is confirmed.
    pub fn finished(
        &mut self,
        origin: Origin,
        answer: &Answer,
        metadata: &Metadata,
    ) -> Option<CallId> {
        let entry = self.calls.get_mut(&origin)?;
        let id = entry.id;
        if entry.is_cancelled {
            self.forget(origin);
            return id;
        }
        entry.state = State::Answered(answer.clone(), metadata.clone());
        self.bytes += size(answer, metadata);
        self.answered.insert(origin);
        // The call whose answer isn't held any more ends as lost, if the answer doesn't arrive.
        while self.bytes > self.max_bytes && self.answered.len() > 1 {
            let Some(oldest) = self.answered.first().copied() else { break };
            self.forget(oldest);
        }
        id
    }

    /// The hub has the answer to this call, or has given the call up.
    pub fn confirmed(&mut self, id: CallId) {
        if let Some(origin) = self.ids.get(&id).copied() {
            self.forget(origin);
        }
    }

    /// The hub has given up a call, or its deadline has passed; returns its handler, to be
    /// cancelled. Its answer is still awaited on the present connection.
    pub fn cancelled(&mut self, id: CallId) -> Option<&T> {
        let origin = *self.ids.get(&id)?;
        if self.answered.contains(&origin) {
            self.forget(origin);
            return None;
        }
        let entry = self.calls.get_mut(&origin)?;
        entry.is_cancelled = true;
        match &entry.state {
            State::Runs(handler) => Some(handler),
            State::Answered(..) => None,
        }
    }

    /// The hub has named all calls that go on: returns the handlers of the others.
    pub fn resumed(&mut self) -> Vec<T> {
        self.seen.clear();
        self.remove(|entry| entry.id.is_none())
    }

    /// The connection is lost, over which no call above this id has arrived; the plugin dials again.
    /// Returns the handlers of calls that the hub had given up.
    pub fn lost(&mut self, last_id: CallId, now: Instant) -> Vec<T> {
        if self.seen.len() == MAX_SEEN {
            // Nothing is said of it any more, so that none of its calls counts as not received.
            self.seen.pop_front();
        }
        self.seen.push_back(Origin { generation: self.generation, id: last_id });
        self.ids.clear();
        let handlers = self.remove(|entry| entry.is_cancelled);
        for entry in self.calls.values_mut() {
            entry.id = None;
            // Without a limit if it is beyond the range of the clock.
            entry.until = entry.until.or_else(|| now.checked_add(entry.window));
        }
        handlers
    }

    /// The plugin has left the hub, or the hub has sent it away: returns the handlers of all calls.
    pub fn end(&mut self) -> Vec<T> {
        self.seen.clear();
        self.remove(|_| true)
    }

    /// Returns the handlers of calls that nobody awaits any more: the connection is lost, and the
    /// window is over or the deadline has passed.
    pub fn expire(&mut self, now: Instant) -> Vec<T> {
        self.remove(|entry| end(entry).is_some_and(|end| end <= now))
    }

    /// When to call [`expire`](Self::expire) next.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.calls.values().filter_map(end).min()
    }

    /// How many calls it keeps.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether it keeps none.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// How many bytes of answers it holds, with what else an answer takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Removes these calls; returns their handlers.
    fn remove(&mut self, is_meant: impl Fn(&Entry<T>) -> bool) -> Vec<T> {
        let meant = self.calls.iter().filter(|(_, entry)| is_meant(entry));
        let meant: Vec<_> = meant.map(|(origin, _)| *origin).collect();
        meant.into_iter().filter_map(|origin| self.forget(origin)).collect()
    }

    /// Removes a call; returns its handler, if it runs.
    fn forget(&mut self, origin: Origin) -> Option<T> {
        let entry = self.calls.remove(&origin)?;
        if let Some(id) = entry.id {
            self.ids.remove(&id);
        }
        match entry.state {
            State::Runs(handler) => Some(handler),
            State::Answered(answer, metadata) => {
                if self.answered.remove(&origin) {
                    self.bytes -= size(&answer, &metadata);
                }
                None
            }
        }
    }
}

/// When nobody awaits a call any more; `None` while its connection lives, which sees to it.
fn end<T>(entry: &Entry<T>) -> Option<Instant> {
    let deadline = entry.deadline.filter(|_| entry.id.is_none());
    earlier(deadline, entry.until)
}

/// What an answer takes.
fn size(answer: &Answer, metadata: &Metadata) -> usize {
    let bytes = match answer {
        Ok(output) => output.len(),
        Err(failure) => failure.code.len() + failure.message.len() + failure.data.len(),
    };
    let along: usize = metadata.iter().map(|(key, value)| OVERHEAD + key.len() + value.len()).sum();
    OVERHEAD + bytes + along
}
