//! A hub, a plugin, and the connections between them, one after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brpc_core::{Admission, CallErrorKind, Function};
use brpc_proto::codec::Native;
use brpc_proto::resume::Suspended;
use brpc_proto::{
    Call, Connection, Course, Description, DrainCause, Features, Hello, Resumable, Role,
    Settlement, Wires,
};

use super::calls::{At, Journal};
use super::coverage::{Coverage, Place};
use super::hazards::Hazards;
use super::hub::Hub;
use super::line::Line;
use super::plugin::Plugin;
use crate::rng::Rng;
use crate::trace::Trace;

#[derive(Debug)]
pub(crate) struct World {
    now: Instant,
    rng: Rng,
    hazards: Hazards,
    journal: Journal,
    hub: Hub,
    plugin: Plugin,
    /// The newest last. Of the others, only the hub's side may still live.
    lines: Vec<Line>,
    last_generation: u64,
    /// No more trouble: everything comes to its end.
    is_healing: bool,
    description: Arc<Description>,
}

impl World {
    pub(crate) fn new(seed: u64, start: Instant, is_traced: bool) -> Self {
        let mut rng = Rng::new(seed);
        let hazards = Hazards::new(&mut rng);
        let trace = Trace::new(start, is_traced);
        trace.note(start, || format!("{hazards:?}"));
        let is_lossless = hazards.is_lossless();
        let (calls, cover) = (Vec::new(), Coverage::default());
        let journal = Journal { calls, cover, trace, is_lossless, last_started: None };
        let hub = Hub { epoch: [1; 16], suspended: Suspended::default(), is_held_by_other: false };
        let plugin = Plugin::new(&hazards.limits, hazards.few_answers);
        let description = Description::new(&[Function::new("method")]).expect("one and short");
        Self {
            now: start,
            rng,
            hazards,
            journal,
            hub,
            plugin,
            lines: Vec::new(),
            last_generation: 0,
            is_healing: false,
            description: description.into(),
        }
    }

    /// Runs the schedule, and panics if something is not as it must be.
    pub(crate) fn run(mut self) -> Coverage {
        let steps = 40 + 30 * self.hazards.calls;
        for _ in 0..steps {
            self.step();
        }
        self.is_healing = true;
        if self.lines.last().is_some_and(|line| line.is_of_other) {
            self.cut();
        }
        for _ in 0..4_000 {
            if self.is_quiet() {
                break;
            }
            self.step();
        }
        assert!(self.journal.are_all_over(), "calls are left: {:?}", self.journal.calls);
        assert!(self.hub.suspended.is_empty(), "{:?}", self.hub.suspended);
        assert!(self.plugin.kept.is_empty(), "{:?}", self.plugin.kept);
        assert_eq!(self.plugin.kept.bytes(), 0);
        for line in &self.lines {
            assert_eq!(line.hub.connection.calls(), 0, "the hub holds something");
            let at_plugin = line.plugin.connection.footprint();
            assert!(line.is_of_other || at_plugin == 0, "the plugin holds something");
        }
        self.journal.cover
    }

    fn is_quiet(&self) -> bool {
        let is_at_rest = |line: &Line| {
            line.hub.connection.calls() == 0
                && (line.is_of_other || line.plugin.connection.footprint() == 0)
        };
        self.journal.are_all_over()
            && self.plugin.is_idle()
            && self.plugin.kept.is_empty()
            && self.lines.iter().all(is_at_rest)
    }

    fn step(&mut self) {
        match self.rng.range(0, 13) {
            0 | 1 if !self.is_healing => self.make_call(),
            2 if self.hazards.cancels && !self.is_healing => self.cancel(),
            3 | 4 if self.rng.one_in(self.handler_steps()) => {
                let line = self.lines.last_mut();
                self.plugin.finish_one(line, &mut self.journal, &mut self.rng, self.now);
            }
            5 => self.pass_time(),
            6 => self.dial(),
            7 if !self.is_healing => self.trouble(),
            8 => self.notice(),
            9 if !self.is_healing && self.rng.one_in(self.hazards.cut_every / 8 + 1) => self.cut(),
            _ => self.carry(),
        }
    }

    fn handler_steps(&self) -> u64 {
        if self.is_healing { 1 } else { self.hazards.handler_steps / 4 + 1 }
    }

    /// Moves bytes on some connection, and handles what comes of it.
    fn carry(&mut self) {
        let (now, count) = (self.now, self.lines.len());
        if count == 0 {
            return;
        }
        // An old one may still have something to say.
        let index = if self.rng.one_in(4) { self.rng.range(0, count - 1) } else { count - 1 };
        let most = if self.is_healing { 1 << 20 } else { self.rng.pick(&[1, 3, 20, 100, 1 << 20]) };
        let line = &mut self.lines[index];
        if self.rng.one_in(2) {
            line.step_hub(most, now);
            self.handle_hub(index);
        } else {
            line.step_plugin(most, now);
            if !self.lines[index].is_of_other {
                self.plugin.handle_events(&mut self.lines[index], &mut self.journal, now);
            }
        }
    }

    /// Handles the events of a connection at the hub, and registers its plugin.
    fn handle_hub(&mut self, index: usize) {
        let now = self.now;
        let (before, rest) = self.lines.split_at_mut(index);
        let line = &mut rest[0];
        let was_described = line.is_welcomed || line.hub.connection.is_closed();
        // The description is known, so the event follows the Hello at once.
        let is_described = !was_described && Hub::takes_hello(line, &self.description);
        if is_described {
            for old in before {
                self.hub.replace(old, &mut self.journal, now);
            }
            self.hub.register(line, &mut self.journal, now);
        }
        self.hub.handle_events(line, &mut self.journal, now);
    }

    /// The plugin dials, if it has no connection; or another one does.
    fn dial(&mut self) {
        let is_connected =
            self.lines.last().is_some_and(|line| !line.plugin.connection.is_closed());
        if is_connected || self.plugin.stays_away {
            return;
        }
        let is_of_other = self.hazards.others && !self.is_healing && self.rng.one_in(4);
        if is_of_other {
            self.journal.cover.visit(Place::OtherInstance);
        }
        self.last_generation += 1;
        let (generation, now) = (self.last_generation, self.now);
        let mut hello = Hello::new("plugin", self.description.clone());
        if !self.hazards.old_plugin {
            hello.features = Features::RESUME;
        }
        let limits = self.hazards.limits.clone();
        let mut hub = Connection::accepted(limits.clone(), Wires::default(), now);
        if !self.hazards.old_hub {
            hub = hub.with_resumption();
        }
        let codec = Box::new(Native::new(Role::Plugin));
        let plugin = Connection::dialled(codec, hello, limits, now);
        if self.hazards.old_hub || self.hazards.old_plugin {
            self.journal.cover.visit(Place::OldPeer);
        }
        self.journal.trace.note(now, || format!("dials: {generation}, other: {is_of_other}"));
        self.lines.push(Line::new(generation, hub, plugin, is_of_other));
    }

    fn cut(&mut self) {
        let now = self.now;
        if let Some(line) = self.lines.last_mut().filter(|line| !line.is_cut()) {
            self.journal.trace.note(now, || format!("cut: {}", line.generation));
            line.cut(&mut self.rng);
        }
    }

    /// A side gives up a connection that was cut.
    fn notice(&mut self) {
        let (now, count) = (self.now, self.lines.len());
        if count == 0 {
            return;
        }
        let index = if self.rng.one_in(3) { self.rng.range(0, count - 1) } else { count - 1 };
        if !self.lines[index].is_cut() {
            return;
        }
        if self.rng.one_in(2) {
            self.lines[index].hub.end();
            self.handle_hub(index);
        } else {
            self.lines[index].plugin.end();
            if !self.lines[index].is_of_other {
                self.plugin.handle_events(&mut self.lines[index], &mut self.journal, now);
            }
        }
    }

    fn make_call(&mut self) {
        let Some(line) = self.lines.last_mut() else { return };
        let made = self.journal.calls.len();
        if made >= self.hazards.calls || !line.is_welcomed || line.is_of_other {
            return;
        }
        // To one that has just been lost, as when the call was under way to the connection.
        let is_resumable = !self.rng.one_in(5);
        let resumable = is_resumable
            .then(|| Box::new(Resumable { window: self.hazards.window, course: Course::New }));
        let has_deadline = self.hazards.deadlines && self.rng.one_in(2);
        let timeout = has_deadline.then(|| self.rng.micros(400_000) + Duration::from_millis(1));
        line.last_id += 1;
        let (id, now) = (line.last_id, self.now);
        let waits = !self.rng.one_in(8);
        let admission = if waits { Admission::Wait } else { Admission::Refuse };
        let index = self.journal.made(At::Line(line.generation, id), is_resumable, admission);
        self.journal.trace.note(now, || {
            format!("call {index} is made as {}/{id}, resumable: {is_resumable}", line.generation)
        });
        let call = Call {
            payload: index.to_string().into(),
            timeout,
            admission,
            resumable,
            ..Call::default()
        };
        line.hub.connection.submit_call(id, call, index, now);
        let index = self.lines.len() - 1;
        self.handle_hub(index);
    }

    fn cancel(&mut self) {
        if self.journal.calls.is_empty() {
            return;
        }
        let index = self.rng.range(0, self.journal.calls.len() - 1);
        let now = self.now;
        let stage = match self.journal.calls[index].at {
            At::Over => return,
            At::Line(generation, id) => {
                let line = self.lines.iter_mut().rfind(|line| line.generation == generation);
                let (caller, stage) =
                    line.and_then(|line| line.hub.connection.cancel(id, now)).expect("it is there");
                assert_eq!(caller, index, "another call is cancelled");
                stage
            }
            At::Suspended(origin) => {
                self.journal.cover.visit(Place::CancelledWhileSuspended);
                let (caller, stage) = self.hub.suspended.cancel(origin).expect("it is there");
                assert_eq!(caller, index, "another call is cancelled");
                stage
            }
        };
        let cancelled = CallErrorKind::Cancelled { stage };
        self.journal.ended(index, Settlement::Ended(cancelled), self.now);
    }

    fn pass_time(&mut self) {
        let most = if self.is_healing { 1_000_000 } else { 20_000 };
        self.now += self.rng.micros(most);
        let now = self.now;
        self.hub.tick(&mut self.journal, now);
        self.plugin.tick(&mut self.journal, now);
        for index in 0..self.lines.len() {
            self.lines[index].hub.connection.handle_timeout(now);
            self.handle_hub(index);
            let line = &mut self.lines[index];
            line.plugin.connection.handle_timeout(now);
            if !line.is_of_other {
                self.plugin.handle_events(line, &mut self.journal, now);
            }
        }
    }

    /// The hub is restarted, or drains the plugin.
    fn trouble(&mut self) {
        let now = self.now;
        if self.hazards.restarts && self.rng.one_in(12) {
            self.journal.cover.visit(Place::Restarted);
            self.journal.trace.note(now, || "the hub is restarted");
            // Its callers are gone with it.
            for call in &mut self.journal.calls {
                call.at = At::Over;
            }
            self.hub.suspended = Suspended::default();
            self.hub.epoch[0] += 1;
            // It counts its connections anew.
            self.last_generation = 0;
            for line in &mut self.lines {
                line.abandon_hub(&self.hazards.limits, now);
            }
        } else if self.hazards.drains && self.rng.one_in(30) {
            let Some(line) = self.lines.last_mut().filter(|line| line.is_welcomed) else { return };
            self.journal.cover.visit(Place::Drained);
            self.journal.trace.note(now, || "drained");
            let until = now + Duration::from_millis(50);
            line.hub.connection.drain(DrainCause::Unplug, "", Some(until));
            self.hub.end_suspended(&mut self.journal, now);
            let index = self.lines.len() - 1;
            self.handle_hub(index);
        }
    }
}
