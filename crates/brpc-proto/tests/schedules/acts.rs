//! What the owners and the link do to the pair.

use std::time::{Duration, Instant};

use brpc_core::DisconnectReason;
use brpc_proto::{Admission, End};

use crate::calls::{CallPlan, HandlerPlan, Verdict};
use crate::coverage::Place;
use crate::pair::Pair;
use crate::script::{Act, Side};

impl Pair {
    pub(crate) fn act(&mut self, act: Act) {
        let now = self.now;
        self.stirred = now;
        self.model.trace.note(now, || format!("act: {act:?}"));
        match act {
            Act::Call(plan) => _ = self.call(&plan),
            Act::Cancel(call) => self.cancel(call),
            Act::All(acts) => acts.into_iter().for_each(|act| self.act(act)),
            Act::Burst(count) => self.burst(count),
            Act::Emit(size) => {
                self.plugin_side.emit(size, &mut self.plugin.connection, &mut self.model);
            }
            Act::Drain(cause, grace) => {
                let until = grace.map(|grace| now + grace);
                self.model.draining(cause, until);
                self.hub.connection.drain(cause, "trace", until);
                self.tell_hub();
            }
            Act::Leave => {
                self.plugin.connection.leave();
                self.tell_plugin();
            }
            Act::CloseHub(reason) => {
                self.model.hub_must_end(reason);
                self.hub.connection.close(reason);
                self.tell_hub();
            }
            Act::ClosePlugin(reason) => {
                self.model.plugin_must_end(reason);
                self.plugin.connection.close(reason);
                self.tell_plugin();
            }
            Act::Block(Side::Hub, time) => self.to_hub.block(now + time),
            Act::Block(Side::Plugin, time) => self.to_plugin.block(now + time),
            Act::Hold(Side::Hub, time) => self.to_hub.hold(now + time),
            Act::Hold(Side::Plugin, time) => self.to_plugin.hold(now + time),
            Act::Stall(Side::Hub, time) => self.hub_stopped_until = now + time,
            Act::Stall(Side::Plugin, time) => self.plugin_stopped_until = now + time,
            Act::Suspend(time) => {
                self.hub_stopped_until = now + time;
                self.plugin_stopped_until = now + time;
            }
            Act::Probe(Side::Hub) => {
                let is_sent = self.hub.connection.probe();
                self.model.beats.hub.probed(is_sent);
            }
            Act::Probe(Side::Plugin) => {
                let is_sent = self.plugin.connection.probe();
                self.model.beats.plugin.probed(is_sent);
            }
            Act::Mischief(against, mischief) => {
                let (answered, newest) = (&self.plugin_side.answered, self.plugin_side.newest);
                let bytes = mischief.bytes(answered, newest);
                match against {
                    Side::Hub => self.plugin.forged.extend(bytes),
                    Side::Plugin => self.hub.forged.extend(bytes),
                }
            }
        }
    }

    /// When an act is due that the script puts at this time: not while a side is stopped.
    pub(crate) fn act_at(&self, at: Duration) -> Instant {
        (self.start + at).max(self.hub_stopped_until).max(self.plugin_stopped_until)
    }

    /// Makes a call; whether it was let in.
    fn call(&mut self, plan: &CallPlan) -> bool {
        let (index, call) = self.model.new_call(plan, self.now);
        let result = self.hub.connection.start_call(call, index, self.now);
        let is_in = result.is_ok();
        self.model.made(result, self.now);
        is_in
    }

    fn cancel(&mut self, index: usize) {
        let Some(id) = self.model.calls.get(index).and_then(|call| call.id) else { return };
        let given = self.hub.connection.cancel(id, self.now);
        self.model.cancelled(index, given, self.now);
        assert!(self.hub.connection.cancel(id, self.now).is_none(), "a caller is handed back once");
    }

    /// Makes many calls and gives them up.
    fn burst(&mut self, count: usize) {
        let first = self.model.calls.len();
        let plan = CallPlan {
            input: 3,
            timeout: Some(Duration::from_hours(1)),
            admission: Admission::Wait,
            handler: HandlerPlan {
                wait: Duration::ZERO,
                pause: Duration::ZERO,
                events: Vec::new(),
                insists: false,
                heeds_cancel: true,
                verdict: Verdict::Output(3),
            },
        };
        let mut let_in = 0;
        // One by one: few at a time, so that what is over must not pile up.
        for n in 0..count {
            let_in += usize::from(self.call(&plan));
            self.cancel(first + n);
            self.check_footprints();
        }
        let first = first + count;
        for _ in 0..count / 2 {
            let_in += usize::from(self.call(&plan));
            self.check_footprints();
        }
        for n in (0..count / 2).rev() {
            self.cancel(first + n);
            self.check_footprints();
        }
        if let_in > 40 {
            self.model.cover.visit(Place::Burst);
        }
    }

    /// Hands the hub its input, again after each word that it waited for.
    pub(crate) fn feed_hub(&mut self) {
        while self.hub.feed(self.now) {
            self.check_footprints();
            self.tell_hub();
        }
        self.tell_hub();
    }

    pub(crate) fn tell_hub(&mut self) {
        while let Some(event) = self.hub.connection.poll_event() {
            self.stirred = self.now;
            self.hub_side.handle_event(event, &mut self.model, self.now, &mut self.rng);
        }
        assert!(!self.hub.connection.has_events(), "nothing is left to be told");
    }

    pub(crate) fn tell_plugin(&mut self) {
        while let Some(event) = self.plugin.connection.poll_event() {
            self.stirred = self.now;
            let connection = &mut self.plugin.connection;
            self.plugin_side.handle_event(event, connection, &mut self.model, self.now);
        }
        assert!(!self.plugin.connection.has_events(), "nothing is left to be told");
    }

    /// The hub learns that the link is broken. One that has closed before doesn't look.
    pub(crate) fn end_hub(&mut self, end: End) {
        if self.hub.connection.is_closed() {
            return;
        }
        let inside = self.hub.inside();
        if matches!(inside, Some(0x18 | 0x19)) {
            self.model.cover.visit(Place::CutInAnswer);
        }
        self.model.hub_must_end(reason(end, inside.is_some()));
        self.hub.end(end);
        self.check_footprints();
        self.tell_hub();
        self.to_plugin.end(self.rng.pick(&[End::Eof, End::Failed]), self.now, &mut self.rng);
    }

    /// The plugin learns that the link is broken.
    pub(crate) fn end_plugin(&mut self, end: End) {
        if self.plugin.connection.is_closed() {
            return;
        }
        let inside = self.plugin.inside();
        if inside == Some(0x10) {
            self.model.cover.visit(Place::CutInCall);
        }
        self.model.plugin_must_end(reason(end, inside.is_some()));
        self.plugin.end(end);
        self.tell_plugin();
        self.to_hub.end(self.rng.pick(&[End::Eof, End::Failed]), self.now, &mut self.rng);
    }

    pub(crate) fn check_footprints(&self) {
        self.model.check_footprints(&self.hub.connection, &self.plugin.connection);
    }
}

/// What an end of the link is to a side.
fn reason(end: End, is_inside_frame: bool) -> DisconnectReason {
    match end {
        End::Failed => DisconnectReason::Reset,
        End::Eof if is_inside_frame => DisconnectReason::MidFrame,
        End::Eof => DisconnectReason::Unclean,
    }
}
