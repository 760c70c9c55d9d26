//! What must be true, whatever happens. Follows every call by what was seen on the wire and said to
//! the owners, never by what the connections hold inside.

mod beats;
mod call;
mod end;
mod made;
mod plugin;
mod told;
mod wire;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use brpc_core::{DisconnectReason, Limits};
use brpc_proto::limits::MAX_STRIKES;
use brpc_proto::{Connection, DrainCause};

use self::beats::Beats;
use crate::calls::Pattern;
use crate::coverage::{Coverage, Place};
use crate::script::{Act, Script, Side};
use crate::trace::Trace;

pub(crate) use call::Call;

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) cover: Coverage,
    pub(crate) trace: Trace,
    pattern: Pattern,
    hub_limits: Limits,
    /// The most calls at once, for both.
    max_calls: usize,
    /// The largest frame that each side takes.
    hub_takes: usize,
    plugin_takes: usize,
    /// Whether somebody breaks the protocol, or the link comes to a halt, in this schedule.
    has_mischief: bool,
    /// Whether bytes may wait, or be lost, on their way.
    has_halts: bool,
    /// Who is stopped for a while: a side, or both at once.
    stops: Vec<Option<Side>>,
    pub(crate) beats: Beats,
    hello_deadline: Instant,
    /// All calls, by the number that the test gives them.
    pub(crate) calls: Vec<Call>,
    /// Which call has which id; ids count from 1.
    by_id: Vec<usize>,
    /// Calls that the hub must still know, those of them not handed over, and the bytes of their
    /// inputs.
    in_table: usize,
    unsent: usize,
    unsent_bytes: usize,
    /// The most that were in the table at once.
    peak: usize,
    /// The newest call handed over.
    newest_handed: u64,
    /// Given up after they were handed over, and the plugin is yet to be told.
    cancels_owed: BTreeSet<u64>,
    /// Calls given up after they were handed over, and not answered; and since when all places are
    /// taken by these.
    tombstones: usize,
    mute_since: Option<Instant>,
    /// Calls that the plugin does not start, and whose callers are yet to be told.
    drainings_owed: usize,
    /// Answers to calls given up, and odd frames.
    late_answers: u64,
    strikes: u32,
    /// Calls answered and cut since the session was asked to end.
    finished: usize,
    cut: usize,
    /// What the plugin was asked, and whether it was told.
    drain: Option<(DrainCause, Option<Instant>)>,
    has_said_drain: bool,
    /// The last call that the plugin starts, as it told the hub.
    leave: Option<u64>,
    hub: HubFacts,
    plugin: PluginFacts,
    /// Sizes of the events emitted, and how many were seen.
    emitted: Vec<usize>,
    seen: usize,
}

/// What is known of the hub's side as a whole.
#[derive(Debug, Default)]
struct HubFacts {
    was_refused: bool,
    /// The plugin was let in.
    is_in: bool,
    /// The code of the goodbye that came.
    goodbye: Option<u64>,
    /// Why it must end now, if it has not.
    must_end: Option<DisconnectReason>,
    end: Option<DisconnectReason>,
}

/// What is known of the plugin's side as a whole.
#[derive(Debug, Default)]
struct PluginFacts {
    /// It learned that it was let in.
    is_in: bool,
    /// It has said that it leaves.
    has_left: bool,
    /// It has ended because it has done what it was asked to.
    is_done: bool,
    /// Answers and events that it gave to the transport.
    answers: usize,
    events: usize,
    /// The code of the goodbye that came.
    goodbye: Option<u64>,
    /// Why it must end now, if it has not.
    must_end: Option<DisconnectReason>,
    end: Option<DisconnectReason>,
}

impl Model {
    pub(crate) fn new(script: &Script, pattern: Pattern, trace: Trace, start: Instant) -> Self {
        let (hub, plugin) = (&script.hub_limits, &script.plugin_limits);
        let is_halt = |act: &Act| matches!(act, Act::Block(..) | Act::Hold(..));
        Self {
            cover: Coverage::new(),
            trace,
            pattern,
            hub_limits: hub.clone(),
            max_calls: hub.max_calls.min(plugin.max_calls),
            hub_takes: hub.max_frame.max(Limits::LOWEST_MAX_FRAME),
            plugin_takes: plugin.max_frame.max(Limits::LOWEST_MAX_FRAME),
            has_mischief: script.has_mischief(),
            has_halts: script.has(is_halt) || script.vanishes(),
            stops: script.stops().collect(),
            beats: Beats::new(script.has_mischief()),
            hello_deadline: start + hub.hello_deadline,
            calls: Vec::new(),
            by_id: Vec::new(),
            in_table: 0,
            unsent: 0,
            unsent_bytes: 0,
            peak: 0,
            newest_handed: 0,
            cancels_owed: BTreeSet::new(),
            tombstones: 0,
            mute_since: None,
            drainings_owed: 0,
            late_answers: 0,
            strikes: 0,
            finished: 0,
            cut: 0,
            drain: None,
            has_said_drain: false,
            leave: None,
            hub: HubFacts::default(),
            plugin: PluginFacts::default(),
            emitted: Vec::new(),
            seen: 0,
        }
    }

    /// Notes whether the plugin answers nothing.
    pub(crate) fn note_mute(&mut self, now: Instant) {
        let is_mute = self.tombstones == self.max_calls;
        if !is_mute && self.mute_since.is_some() {
            self.cover.visit(Place::AnsweredAtLast);
        }
        self.mute_since = is_mute.then(|| self.mute_since.unwrap_or(now));
        let may_live = self.ending().is_some()
            || self.hub.end.is_some()
            || self.has_mischief
            // Nothing is done while it is stopped.
            || !self.stops.is_empty();
        // However late its timers are.
        let late = now.checked_sub(Duration::from_millis(100)).unwrap_or(now);
        assert!(may_live || !self.is_mute_for_long(late), "a mute plugin is not cut off");
    }

    /// Whether the plugin has answered nothing for as long as the hub bears it.
    fn is_mute_for_long(&self, now: Instant) -> bool {
        let window = self.hub_limits.answer_window;
        let is_long = |since: Instant| now.saturating_duration_since(since) >= window;
        self.ending().is_none() && self.mute_since.is_some_and(is_long)
    }

    /// What must be true between any two steps.
    pub(crate) fn check(&self, hub: &Connection<usize>, plugin: &Connection<()>) {
        if self.hub.end.is_none() {
            assert_eq!(hub.calls(), self.in_table, "calls in the table");
            let placed = self.in_table.min(self.max_calls);
            assert_eq!(hub.calls_in_progress(), placed, "places taken");
            assert_eq!(hub.queued_bytes(), self.unsent_bytes, "bytes queued");
            assert_eq!(hub.late_replies(), self.late_answers, "late answers");
            assert_eq!(self.drainings_owed, 0, "calls that the plugin does not start are over");
            assert!(self.strikes <= MAX_STRIKES, "too many odd frames");
            assert!(self.has_mischief || self.strikes == 0, "honest sides answer once");
        }
        assert!(plugin.running() <= self.max_calls, "handlers at once");
    }

    /// What a side may hold, before its events are taken too.
    pub(crate) fn check_footprints(&self, hub: &Connection<usize>, plugin: &Connection<()>) {
        // No more than were emitted, and a forged flood.
        let events = self.emitted.len() + 1_000;
        let credit = events.min(self.hub_limits.event_credit as usize);
        // Tables sweep what is over when it is more than twice what lives, and 64.
        let swept = |live: usize| 65 + 2 * live;
        let live = self.peak;
        assert!(live <= self.max_calls + self.hub_limits.queue_calls, "{live} calls at once");
        let hub_most = live + 2 * swept(live) + self.max_calls + live + credit + 3;
        assert!(hub.footprint() <= hub_most, "hub holds {} > {hub_most}", hub.footprint());
        let events = 4 * self.max_calls + 4;
        let outbox = self.max_calls + credit;
        let plugin_most = self.max_calls + swept(self.max_calls) + outbox + events;
        assert!(plugin.footprint() <= plugin_most, "plugin holds {}", plugin.footprint());
    }

    /// The transport of a side has ended in this way, which must be its reason if it lives.
    pub(crate) fn hub_must_end(&mut self, reason: DisconnectReason) {
        if self.hub.end.is_none() && !self.has_mischief {
            self.hub.must_end = Some(reason);
        }
    }

    pub(crate) fn plugin_must_end(&mut self, reason: DisconnectReason) {
        if self.plugin.end.is_none() && !self.has_mischief {
            self.plugin.must_end = Some(reason);
        }
    }

    pub(crate) fn is_plugin_closed(&self) -> bool {
        self.plugin.end.is_some()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.hub.end.is_some() && self.plugin.end.is_some()
    }

    /// What must be true when nothing is under way any more and nothing will happen.
    pub(crate) fn check_quiet(&mut self) {
        assert_eq!(self.hub.end.is_some(), self.plugin.end.is_some(), "one side is left behind");
        for (index, call) in self.calls.iter().enumerate() {
            assert!(call.is_over(), "call {index} is left waiting: {call:?}");
        }
        if self.hub.end.is_none() && self.hub.is_in {
            self.beats.check_quiet();
            assert_eq!(self.in_table, 0, "calls are left in the table");
            assert_eq!(self.seen, self.emitted.len(), "events are lost");
            self.cover.visit(Place::QuietEnd);
            if self.strikes > 0 {
                self.cover.visit(Place::Strike);
            }
        }
    }
}
