//! A hub and a plugin, the faulty link between them, and the clock that they share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brpc_core::{DisconnectReason, Function};
use brpc_proto::codec::Native;
use brpc_proto::{Connection, Description, End, Hello, Key, Role, Wires};

use crate::calls::Pattern;
use crate::coverage::Coverage;
use crate::coverage::Place;
use crate::endpoint::Endpoint;
use crate::frames::Said;
use crate::hub_side::HubSide;
use crate::link::{Arrival, Pipe};
use crate::model::Model;
use crate::plugin_side::PluginSide;
use crate::rng::Rng;
use crate::script::{Act, Script};
use crate::trace::Trace;

/// Longer than anything takes that is no heartbeat: a plugin that leaves has a minute.
const LULL: Duration = Duration::from_secs(70);

/// How many methods the plugin has.
pub(crate) const METHODS: usize = 3;

/// The generation that the plugin is given.
pub(crate) const GENERATION: u64 = 7;

/// What all schedules share, for it takes long to make.
#[derive(Clone, Debug)]
pub(crate) struct Props {
    pattern: Pattern,
    /// The plugin's description, and another.
    descriptions: [Arc<Description>; 2],
    start: Instant,
}

impl Props {
    pub(crate) fn new() -> Self {
        let describe = |names: &[&str]| {
            let functions: Vec<_> = names.iter().map(|name| Function::new(*name)).collect();
            Arc::new(Description::new(&functions).expect("few and short"))
        };
        Self {
            pattern: Pattern::new(),
            descriptions: [describe(&["a", "b", "c"]), describe(&["another"])],
            start: Instant::now(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    /// When something happened that was no heartbeat.
    pub(crate) stirred: Instant,
    /// A side that is stopped does nothing before.
    pub(crate) hub_stopped_until: Instant,
    pub(crate) plugin_stopped_until: Instant,
    pub(crate) rng: Rng,
    script: Script,
    next_act: usize,
    pub(crate) hub: Endpoint<usize>,
    pub(crate) plugin: Endpoint<()>,
    pub(crate) to_plugin: Pipe,
    /// The calls that the plugin has heard and its connection has not yet been given.
    unfed: Vec<u64>,
    pub(crate) to_hub: Pipe,
    pub(crate) hub_side: HubSide,
    pub(crate) plugin_side: PluginSide,
    pub(crate) model: Model,
}

impl Pair {
    pub(crate) fn new(seed: u64, props: &Props, is_traced: bool) -> Self {
        let mut rng = Rng::new(seed);
        let script = Script::new(&mut rng);
        let now = props.start;
        let trace = Trace::new(now, is_traced);
        trace.note(now, || script.summary());
        let mut hello = Hello::new(script.welcome.name, props.descriptions[0].clone());
        hello.key = script
            .welcome
            .challenge
            .secret()
            .map(|secret| Key::new("key", secret, rng.bytes()).expect("it is an id"));
        let hub = Connection::accepted(script.hub_limits.clone(), Wires::default(), now);
        let codec = Box::new(Native::new(Role::Plugin));
        let plugin = Connection::dialled(codec, hello, script.plugin_limits.clone(), now);
        let (welcome, consumer) = (script.welcome.clone(), script.consumer);
        Self {
            start: now,
            now,
            stirred: now,
            hub_stopped_until: now,
            plugin_stopped_until: now,
            rng,
            next_act: 0,
            hub: Endpoint::new(hub, script.timer_delays[0]),
            plugin: Endpoint::new(plugin, script.timer_delays[1]),
            to_plugin: Pipe::new(script.to_plugin.clone(), now),
            unfed: Vec::new(),
            to_hub: Pipe::new(script.to_hub.clone(), now),
            hub_side: HubSide::new(welcome, consumer, props.descriptions.clone()),
            plugin_side: PluginSide::new(props.pattern.clone()),
            model: Model::new(&script, props.pattern.clone(), trace, now),
            script,
        }
    }

    /// Runs the schedule, and panics if something is not as it must be.
    pub(crate) fn run(mut self) -> Coverage {
        self.run_until_quiet();
        while self.hub_side.consume_rest(&mut self.hub.connection) {
            self.run_until_quiet();
        }
        self.model.check_quiet();
        let is_idle = self.plugin_side.is_idle() || self.model.is_over();
        assert!(is_idle, "credit is lost: {:?}", self.plugin_side);
        let end = self.script.end.clone();
        self.act(end);
        self.run_until_quiet();
        if !self.model.is_over() {
            self.act(Act::CloseHub(DisconnectReason::ShutdownForced));
            self.run_until_quiet();
        }
        assert!(self.model.is_over(), "both sides have ended");
        assert_eq!(self.hub.connection.footprint(), 0);
        assert_eq!(self.plugin.connection.footprint(), 0);
        assert_eq!(self.hub.connection.calls(), 0);
        assert_eq!(self.hub.connection.calls_in_progress(), 0);
        assert_eq!(self.hub.connection.queued_bytes(), 0);
        assert!(self.hub.timer().is_none() && self.plugin.timer().is_none(), "timers are left");
        self.model.cover
    }

    /// Lets time pass until nothing is under way.
    fn run_until_quiet(&mut self) {
        let mut turns = 0;
        self.stirred = self.now;
        loop {
            // More work at one time than all there is to do is a loop without end.
            turns += 1;
            assert!(turns < 20_000, "busy at {:?}", self.now);
            if self.turn() {
                continue;
            }
            let Some(next) = self.next_time() else { return };
            // What is due in the end of all days doesn't count.
            if next.saturating_duration_since(self.now) > Duration::from_secs(100_000) {
                return;
            }
            // Heartbeats go on for ever.
            if self.script.heartbeat().is_some_and(|it| next > self.stirred + LULL + 4 * it) {
                return;
            }
            if next > self.now {
                self.now = next;
                turns = 0;
            }
        }
    }

    /// Does one thing that is due on each side, in any order; false if nothing is due.
    fn turn(&mut self) -> bool {
        let now = self.now;
        let is_hub_first = self.rng.one_in(2);
        let mut is_busy = false;
        if self.script.acts.get(self.next_act).is_some_and(|(at, _)| self.act_at(*at) <= now) {
            self.next_act += 1;
            self.act(self.script.acts[self.next_act - 1].1.clone());
            is_busy = true;
        }
        for is_hub in [is_hub_first, !is_hub_first] {
            is_busy |= match is_hub {
                true if self.hub_stopped_until <= now => self.turn_hub(),
                false if self.plugin_stopped_until <= now => self.turn_plugin(),
                _ => false,
            };
        }
        is_busy
    }

    fn turn_hub(&mut self) -> bool {
        let (now, mut is_busy) = (self.now, false);
        if let Some(arrival) = self.to_hub.read(now) {
            let said = self.hub.hear(&arrival);
            self.note_said(&said);
            self.model.beats.hub.heard(&arrival, &said);
            self.model.hub_heard(said, now);
            match arrival {
                Arrival::Bytes(_) => self.feed_hub(),
                Arrival::End(end) => self.end_hub(end),
            }
            is_busy = true;
        }
        if self.hub_side.step(&mut self.hub.connection, &mut self.model, now, &mut self.rng) {
            // An answer to the handshake lets the rest of the input go on.
            self.feed_hub();
            is_busy = true;
        }
        if self.hub.tick(now) {
            self.check_footprints();
            self.tell_hub();
            self.model.hub_ticked(now);
            is_busy = true;
        }
        if let Some(said) = self.hub.poll(now) {
            if !said.is_empty() && self.hub.connection.wants_transmit() {
                self.model.cover.visit(Place::InParts);
            }
            self.model.beats.hub.said(&said, &mut self.model.cover);
            self.model.handed(said, now);
            self.tell_hub();
        }
        if self.hub.is_writing() && self.to_plugin.writable_at() <= now {
            is_busy = true;
        }
        if self.hub.write(&mut self.to_plugin, now, &mut self.rng) && self.script.to_plugin.severs {
            self.end_hub(End::Failed);
        }
        self.model.note_mute(now);
        self.model.check(&self.hub.connection, &self.plugin.connection);
        is_busy
    }

    fn turn_plugin(&mut self) -> bool {
        let (now, mut is_busy) = (self.now, false);
        if let Some(arrival) = self.to_plugin.read(now) {
            let said = self.plugin.hear(&arrival);
            self.note_said(&said);
            self.model.beats.plugin.heard(&arrival, &said);
            self.unfed.extend(said.iter().filter_map(Said::called));
            self.model.plugin_heard(said, now);
            let more_is_there = self.to_plugin.readable_at().is_some_and(|at| at <= now);
            match arrival {
                // Read together with what follows.
                Arrival::Bytes(_) if more_is_there && self.rng.one_in(2) => {}
                Arrival::Bytes(_) => self.feed_plugin(),
                Arrival::End(end) => {
                    self.feed_plugin();
                    self.end_plugin(end);
                }
            }
            is_busy = true;
        }
        is_busy |= self.plugin_side.step(&mut self.plugin.connection, &mut self.model, now);
        if self.plugin.tick(now) {
            self.tell_plugin();
            is_busy = true;
        }
        if let Some(said) = self.plugin.poll(now) {
            self.model.beats.plugin.said(&said, &mut self.model.cover);
            for said in &said {
                if let Said::Answer { id, .. } = said {
                    self.plugin_side.answered.push(*id);
                }
            }
            self.tell_plugin();
            self.model.plugin_said(&said, now);
        }
        if self.plugin.is_writing() && self.to_hub.writable_at() <= now {
            is_busy = true;
        }
        if self.plugin.write(&mut self.to_hub, now, &mut self.rng) && self.script.to_hub.severs {
            self.end_plugin(End::Failed);
        }
        is_busy
    }

    /// Notes when something is heard that is no heartbeat.
    fn note_said(&mut self, said: &[Said]) {
        if !said.iter().all(Said::is_beat) {
            self.stirred = self.now;
        }
    }

    fn feed_plugin(&mut self) {
        self.plugin.feed(self.now);
        self.check_footprints();
        self.tell_plugin();
        self.model.plugin_fed(&std::mem::take(&mut self.unfed));
    }

    /// When something is due next.
    fn next_time(&self) -> Option<Instant> {
        let act = self.script.acts.get(self.next_act).map(|(at, _)| self.act_at(*at));
        let hub = [
            self.to_hub.readable_at(),
            self.hub.is_writing().then(|| self.to_plugin.writable_at()),
            self.hub.timer(),
            self.hub_side.next_step(),
        ];
        let plugin = [
            self.to_plugin.readable_at(),
            self.plugin.is_writing().then(|| self.to_hub.writable_at()),
            self.plugin.timer(),
            self.plugin_side.next_step(),
        ];
        let hub = hub.into_iter().flatten().min().map(|at| at.max(self.hub_stopped_until));
        let plugin = plugin.into_iter().flatten().min();
        let plugin = plugin.map(|at| at.max(self.plugin_stopped_until));
        let stops = [self.hub_stopped_until, self.plugin_stopped_until];
        let going_on = stops.into_iter().filter(|until| *until > self.now).min();
        [act, hub, plugin, going_on].into_iter().flatten().min()
    }
}
