//! What happens in one schedule, decided in advance from the seed.

use std::time::Duration;

use brpc_core::{DisconnectReason, Limits};
use brpc_proto::{Admission, DrainCause, End, Secret};

use crate::calls::{CallPlan, call_plan};
use crate::rng::Rng;
use crate::rogue::Mischief;

/// One schedule.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) hub_limits: Limits,
    pub(crate) plugin_limits: Limits,
    pub(crate) welcome: WelcomePlan,
    /// The hub's words to the plugin, and the plugin's to the hub.
    pub(crate) to_plugin: LinkPlan,
    pub(crate) to_hub: LinkPlan,
    /// How much later than asked for the hub's and the plugin's timers fire.
    pub(crate) timer_delays: [Duration; 2],
    pub(crate) consumer: Consumer,
    /// What is done when, in the order of time.
    pub(crate) acts: Vec<(Duration, Act)>,
    /// How the connection is ended if it still lives when all is quiet.
    pub(crate) end: Act,
}

/// How the hub's owner receives the plugin.
#[derive(Clone, Debug)]
pub(crate) struct WelcomePlan {
    /// The name that the plugin asks for.
    pub(crate) name: &'static str,
    /// The answer to its Hello, and to its description; `None` for silence.
    pub(crate) hello: Option<Word>,
    pub(crate) described: Option<Word>,
    /// How long each answer takes, at most; in microseconds.
    pub(crate) delay: usize,
    /// Whether the plugin is asked to prove who it is.
    pub(crate) challenge: Challenge,
    /// Whether the hub has seen such a description before.
    pub(crate) known: Known,
}

/// What the owner says to a plugin that asks to be let in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Word {
    Yes,
    Refuse,
    RefuseForNow,
}

/// Whether a plugin proves that it knows a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Challenge {
    /// It offers nothing to prove.
    None,
    /// It does, and the hub doesn't ask.
    NotAsked,
    /// It knows the secret, or another one.
    Right,
    Wrong,
}

/// What the hub's owner remembers of descriptions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    Nothing,
    /// This one, from an earlier connection.
    This,
    /// One with another digest.
    Another,
}

/// One direction of the link.
#[derive(Clone, Debug)]
pub(crate) struct LinkPlan {
    /// The most bytes that are taken at once.
    pub(crate) room: usize,
    /// The most bytes of a piece, unless there would be too many pieces.
    pub(crate) piece: usize,
    /// The longest delay of a piece, in microseconds.
    pub(crate) delay: usize,
    /// Whether room comes slowly.
    pub(crate) trickle: bool,
    /// After how many bytes the link breaks, and how the receiver sees it.
    pub(crate) cut: Option<(usize, End)>,
    /// Whether a cut is one in both directions.
    pub(crate) severs: bool,
    /// Whether nobody learns of a cut: bytes are taken and don't arrive.
    pub(crate) vanishes: bool,
}

/// When the hub's owner consumes events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Consumer {
    AtOnce,
    /// After at most so many microseconds, in any order.
    Later(usize),
    /// When all else is quiet.
    AtTheEnd,
}

impl Challenge {
    /// The secret that the hub knows.
    pub(crate) fn known_secret() -> Secret {
        Secret::new("the hub knows this").expect("it is long enough")
    }

    /// The secret that the plugin knows, if it knows one.
    pub(crate) fn secret(self) -> Option<Secret> {
        match self {
            Self::None => None,
            Self::NotAsked | Self::Right => Some(Self::known_secret()),
            Self::Wrong => Secret::new("the hub knows thas").ok(),
        }
    }
}

/// Something that somebody does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Call(CallPlan),
    /// The caller of this call gives it up.
    Cancel(usize),
    /// All of these at once, before any byte moves.
    All(Vec<Act>),
    /// So many calls, given up again at once; and some more.
    Burst(usize),
    /// The plugin emits an event of this size, outside any call.
    Emit(usize),
    Drain(DrainCause, Option<Duration>),
    Leave,
    CloseHub(DisconnectReason),
    ClosePlugin(DisconnectReason),
    /// A direction takes no bytes, or lets none arrive, for a while.
    Block(Side, Duration),
    Hold(Side, Duration),
    /// A side is stopped, or both at once, and does nothing for a while.
    Stall(Side, Duration),
    Suspend(Duration),
    /// A side wants to know whether the other is there.
    Probe(Side),
    /// Bytes that no honest side would send, between two frames to this side.
    Mischief(Side, Mischief),
}

/// The side that receives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Hub,
    Plugin,
}

/// When the last act happens, at the latest.
const HORIZON: usize = 60_000;

impl Script {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let (mut hub_limits, mut plugin_limits) = (limits(rng), limits(rng));
        let is_large = rng.one_in(32);
        if is_large {
            make_large(&mut hub_limits);
            make_large(&mut plugin_limits);
        }
        let max_frame = (hub_limits.max_frame, plugin_limits.max_frame);
        let calls = rng.range(8, 16);
        let mut acts: Vec<_> = (0..calls).map(|_| Act::Call(call_plan(rng, max_frame))).collect();
        for _ in 0..rng.range(0, 5) {
            acts.push(Act::Cancel(rng.range(0, calls + 2)));
        }
        for _ in 0..rng.range(0, 3) {
            acts.push(Act::Emit(rng.pick(&[8, 20, 9_000, 16_000, 30_000])));
        }
        if is_large || rng.one_in(8) {
            acts.push(volley(rng, max_frame, if is_large { 65_000 } else { 15_000 }));
        }
        if rng.one_in(64) {
            acts.push(Act::Burst(rng.range(50, 300)));
        }
        faults(rng, &mut acts);
        // Slowly enough for heartbeats in between.
        let stretch = if rng.one_in(4) { 200 } else { 1 };
        let mut acts: Vec<_> =
            acts.into_iter().map(|act| (stretch * rng.micros(HORIZON), act)).collect();
        if rng.one_in(2) {
            // Late rather than early, so that calls are under way; and often another close behind.
            let at = stretch * rng.micros(HORIZON).max(rng.micros(HORIZON));
            acts.push((at, endings(rng)));
            if rng.one_in(2) {
                acts.push((at + rng.micros_of(&[0, 1_000, 20_000]), endings(rng)));
            }
        }
        acts.sort_by_key(|(at, _)| *at);
        let has_heartbeats = hub_limits.heartbeat.is_some() && plugin_limits.heartbeat.is_some();
        let (mut to_plugin, mut to_hub) = (link_plan(rng), link_plan(rng));
        for plan in [&mut to_plugin, &mut to_hub] {
            // Without heartbeats nobody would find out.
            plan.vanishes = has_heartbeats && rng.one_in(2);
        }
        Self {
            hub_limits,
            plugin_limits,
            welcome: welcome_plan(rng),
            to_plugin,
            to_hub,
            timer_delays: [0, 0].map(|_| Duration::from_micros(rng.pick(&[0, 0, 500, 8_000]))),
            consumer: rng.pick(&[
                Consumer::AtOnce,
                Consumer::Later(500),
                Consumer::Later(30_000),
                Consumer::AtTheEnd,
            ]),
            acts,
            end: endings(rng),
        }
    }

    /// All but the acts, which the trace shows when they happen.
    pub(crate) fn summary(&self) -> String {
        let Self { hub_limits, plugin_limits, welcome, to_plugin, to_hub, consumer, .. } = self;
        let timers = format!("timers {:?} late", self.timer_delays);
        format!(
            "hub's {hub_limits:?}\nplugin's {plugin_limits:?}\n{welcome:?}\nto plugin \
             {to_plugin:?}\nto hub {to_hub:?}\n{consumer:?}, {timers}"
        )
    }

    /// The interval of heartbeats, if both sides have them.
    pub(crate) fn heartbeat(&self) -> Option<Duration> {
        Some(self.hub_limits.heartbeat?.min(self.plugin_limits.heartbeat?))
    }

    /// Who is stopped for a while: a side, or both at once.
    pub(crate) fn stops(&self) -> impl Iterator<Item = Option<Side>> {
        self.acts.iter().filter_map(|(_, act)| match act {
            Act::Stall(side, _) => Some(Some(*side)),
            Act::Suspend(_) => Some(None),
            _ => None,
        })
    }

    /// Whether one of these is done.
    pub(crate) fn has(&self, is_meant: impl Fn(&Act) -> bool) -> bool {
        self.acts.iter().any(|(_, act)| is_meant(act))
    }

    /// Whether bytes may be lost and nobody learns of it.
    pub(crate) fn vanishes(&self) -> bool {
        [&self.to_plugin, &self.to_hub].iter().any(|plan| plan.vanishes && plan.cut.is_some())
    }

    /// Whether somebody breaks the protocol.
    pub(crate) fn has_mischief(&self) -> bool {
        self.acts.iter().any(|(_, act)| matches!(act, Act::Mischief(..)))
    }
}

fn limits(rng: &mut Rng) -> Limits {
    let mut limits = Limits::default();
    limits.hello_deadline = Duration::from_secs(rng.pick(&[1, 5]));
    limits.max_frame = rng.pick(&[0, 20_000, 20_000, 128 << 10]);
    limits.max_calls = rng.pick(&[1, 2, 3, 5, 8, 8]);
    limits.queue_bytes = rng.pick(&[100, 20_000, 200_000, 4 << 20, 4 << 20]);
    limits.queue_calls = rng.pick(&[1, 4, 16, 4_096, 4_096]);
    limits.event_credit = rng.pick(&[1, 2, 3, 256, u32::MAX]);
    limits.event_credit_bytes = rng.pick(&[0, 0, 50_000, 1 << 20, u64::MAX]);
    limits.answer_window = rng.pick(&[
        Duration::from_secs(1),
        Duration::from_secs(2),
        Duration::from_mins(1),
        Duration::MAX,
    ]);
    // Often, since each side needs them.
    limits.heartbeat =
        rng.pick(&[None, Some(1), Some(1), Some(5), Some(60)]).map(Duration::from_secs);
    limits.stall_window = rng.pick(&[
        Duration::from_secs(1),
        Duration::from_secs(2),
        Duration::from_secs(10),
        Duration::MAX,
    ]);
    limits
}

fn welcome_plan(rng: &mut Rng) -> WelcomePlan {
    let mut word = || match rng.range(0, 60) {
        0 => None,
        1 => Some(Word::Refuse),
        2 => Some(Word::RefuseForNow),
        _ => Some(Word::Yes),
    };
    WelcomePlan {
        hello: word(),
        described: word(),
        name: if rng.one_in(50) { ".hidden" } else { "plugin" },
        delay: rng.pick(&[0, 0, 0, 2_000]),
        challenge: match rng.range(0, 15) {
            0 => Challenge::Wrong,
            1..=5 => Challenge::Right,
            6..=8 => Challenge::NotAsked,
            _ => Challenge::None,
        },
        known: rng.pick(&[Known::Nothing, Known::This, Known::Another]),
    }
}

fn link_plan(rng: &mut Rng) -> LinkPlan {
    let end = rng.pick(&[End::Eof, End::Failed]);
    let far = rng.pick(&[60, 400, 2_000, 40_000]);
    LinkPlan {
        room: rng.pick(&[50, 1_000, 1 << 20, 1 << 20]),
        piece: rng.pick(&[3, 40, 1 << 20]),
        delay: rng.pick(&[0, 100, 1_000, 10_000]),
        trickle: rng.one_in(8),
        cut: rng.one_in(7).then(|| (rng.range(0, far), end)),
        severs: rng.one_in(2),
        vanishes: false,
    }
}

/// Ways in which a side ends the connection.
fn endings(rng: &mut Rng) -> Act {
    let cause = rng.pick(&[DrainCause::Unplug, DrainCause::Shutdown]);
    match rng.range(0, 7) {
        0 | 1 => Act::Leave,
        2 => Act::CloseHub(rng.pick(&[
            DisconnectReason::Unplugged,
            DisconnectReason::Shutdown,
            DisconnectReason::ShutdownForced,
            DisconnectReason::Replaced,
            DisconnectReason::Revoked,
        ])),
        3 => Act::ClosePlugin(DisconnectReason::Clean),
        _ => {
            let grace = rng.micros_of(&[0, 20_000, 5_000_000]);
            Act::Drain(cause, (!rng.one_in(3)).then_some(grace))
        }
    }
}

/// Makes room for calls that are more than is handed to the transport at a time.
fn make_large(limits: &mut Limits) {
    (limits.max_frame, limits.max_calls) = (128 << 10, 8);
    (limits.queue_bytes, limits.queue_calls) = (4 << 20, 4_096);
}

/// Calls with inputs of this size at once, so that some that have a place stay queued; and something
/// that happens to them.
fn volley(rng: &mut Rng, max_frame: (usize, usize), input: usize) -> Act {
    let mut acts = Vec::new();
    for _ in 0..rng.range(5, 8) {
        let mut plan = call_plan(rng, max_frame);
        (plan.input, plan.timeout, plan.admission) = (input, None, Admission::Wait);
        acts.push(Act::Call(plan));
    }
    if rng.one_in(2) {
        acts.push(endings(rng));
    }
    Act::All(acts)
}

/// What goes wrong besides cuts.
fn faults(rng: &mut Rng, acts: &mut Vec<Act>) {
    for _ in 0..2 {
        let side = rng.pick(&[Side::Hub, Side::Plugin]);
        let time = rng.micros_of(&[5_000, 50_000, 5_000_000, 15_000_000]);
        match rng.range(0, 15) {
            0 | 1 => acts.push(Act::Block(side, time)),
            2 | 3 => acts.push(Act::Hold(side, time)),
            4 => acts.push(Act::Stall(side, time)),
            5 | 6 => acts.push(Act::Suspend(time)),
            7 | 8 => acts.push(Act::Probe(side)),
            _ => {}
        }
    }
    if rng.one_in(5) {
        for _ in 0..rng.range(1, 3) {
            let side = rng.pick(&[Side::Hub, Side::Plugin]);
            acts.push(Act::Mischief(side, Mischief::new(side, rng)));
        }
    }
}

/// What a call does when there is no place for it.
pub(crate) fn admission(rng: &mut Rng) -> Admission {
    rng.pick(&[Admission::Refuse, Admission::Wait, Admission::Wait])
}
