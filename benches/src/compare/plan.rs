//! What is compared with what, and the goals.

use super::number::apart;

/// One load, put on several systems.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    /// What it is, for people.
    pub(super) title: String,
    /// The load, in flags.
    pub(super) flags: Vec<String>,
    pub(super) entries: Vec<Entry>,
    pub(super) measures: Vec<Measure>,
}

/// One system under the load. The first of a case is checked against the goal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) system: &'static str,
    /// Flags of its own.
    pub(super) flags: &'static [&'static str],
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Project,
    Limit,
    /// A limit that does less: no task waits for a call's answer.
    Ceiling,
    Peer,
}

/// A number of the result.
#[derive(Debug)]
pub(super) struct Measure {
    pub(super) title: &'static str,
    /// Where it is in the result, as a JSON pointer.
    pub(super) path: &'static str,
    pub(super) better: Better,
    pub(super) goals: Vec<Goal>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Better {
    More,
    Less,
}

/// The goal for the project's number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    pub(super) beside: Beside,
    pub(super) wanted: Wanted,
}

/// What it is compared with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Beside {
    /// The entry of this name.
    Entry(&'static str),
    /// The best of the entries of this kind, in each round anew.
    Best(Kind),
    /// Nothing: the goal is for the number itself.
    Nothing,
}

/// Of the ratio, or of the number itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
    /// It is good to know.
    Anything,
}

use Beside::{Best, Nothing};
use Better::{Less, More};
use Wanted::{Anything, AtLeast, AtMost};

const BRPC: Entry = Entry::new("brpc", Kind::Project);
/// Callers that each wait for their own answer, and a task for each call: what brpc does, and no
/// more.
const SPAWN: Entry = Entry::new("buf-json-spawn", Kind::Limit);
const INLINE: Entry = Entry::new("buf-json", Kind::Limit);
const QUEUE: Entry = Entry::new("mux-json", Kind::Limit);
const TARPC: Entry = Entry::new("tarpc", Kind::Peer);
const NATS: Entry = Entry::new("nats", Kind::Peer);
/// The project's hub and the one in Go, each with the same plugin in Go.
const GO_PLUGIN: Entry = Entry::new("go-plugin", Kind::Project);
const GO_HUB: Entry = Entry::new("go-hub", Kind::Peer);

/// All that is measured.
pub(super) fn plan() -> Vec<Case> {
    let throughput = [16, 256, 1_024].into_iter().flat_map(|inflight| {
        [64, 1_024].into_iter().map(move |payload| throughput(inflight, payload))
    });
    throughput
        .chain([large(), sequential(), fixed_rate(), many()])
        .chain([broadcast(1_000, 20), broadcast(10_000, 5)])
        .chain([idle(1_000), idle(10_000), beside_idle(), events(), churn()])
        .chain(over_tls())
        .chain(go())
        .collect()
}

fn throughput(inflight: u32, payload: u32) -> Case {
    let times_the_peer = if inflight < 256 { 1.5 } else { 4.0 };
    let goals = vec![
        SPAWN.at_least(0.85),
        INLINE.to_know(),
        Goal { beside: Best(Kind::Peer), wanted: AtLeast(times_the_peer) },
    ];
    let mut measures = vec![Measure::new("calls/s", "/calls_per_s", More, goals)];
    if inflight == 256 {
        let goals = vec![SPAWN.at_most(1.25)];
        measures.push(Measure::new("CPU µs a call", "/cpu_us_per_call/total", Less, goals));
    }
    Case {
        name: format!("call-{inflight}-{payload}"),
        title: format!("{} calls in flight, {} B", whole(inflight), whole(payload)),
        flags: flags(&[("inflight", inflight), ("payload", payload)]),
        entries: [&[BRPC, SPAWN, INLINE][..], peers()].concat(),
        measures,
    }
}

fn large() -> Case {
    const PIPE: Entry = Entry::new("pipe-json", Kind::Ceiling);
    let others = ["mux-json-spawn", "mux-json-yield", "mux-json-spawn-yield"];
    let mut entries = vec![BRPC, SPAWN, INLINE, QUEUE, PIPE];
    entries.extend(others.map(|name| Entry::new(name, Kind::Limit)));
    let goals = vec![Goal { beside: Best(Kind::Limit), wanted: AtLeast(0.9) }, PIPE.to_know()];
    Case {
        name: "call-16-65536".to_owned(),
        title: "16 calls in flight, 64 KiB".to_owned(),
        flags: flags(&[("inflight", 16), ("payload", 65_536)]),
        entries,
        measures: vec![Measure::new("calls/s", "/calls_per_s", More, goals)],
    }
}

fn sequential() -> Case {
    let goals = || vec![SPAWN.at_most(1.15), INLINE.to_know()];
    let mut flags = flags(&[("inflight", 1), ("payload", 64)]);
    flags.push("--one-cpu".to_owned());
    Case {
        name: "sequential".to_owned(),
        title: "one call after the other, both processes on one CPU".to_owned(),
        flags,
        entries: vec![BRPC, SPAWN, INLINE],
        measures: vec![
            Measure::new("p50 µs", "/latency_us/p50", Less, goals()),
            Measure::new("p99 µs", "/latency_us/p99", Less, goals()),
        ],
    }
}

fn fixed_rate() -> Case {
    let goals = || vec![SPAWN.to_know()];
    Case {
        name: "rate".to_owned(),
        title: "20,000 calls/s, due at even times, 16 callers".to_owned(),
        flags: flags(&[("inflight", 16), ("payload", 64), ("rate", 20_000)]),
        entries: vec![BRPC, SPAWN],
        measures: vec![
            Measure::new("p50 µs", "/latency_us/p50", Less, goals()),
            Measure::new("p99 µs", "/latency_us/p99", Less, goals()),
        ],
    }
}

fn many() -> Case {
    Case {
        name: "connections-100".to_owned(),
        title: "100 connections with 16 calls in flight each, 64 B".to_owned(),
        flags: flags(&[("connections", 100), ("inflight", 16), ("payload", 64)]),
        entries: vec![BRPC, SPAWN],
        measures: vec![Measure::new("calls/s", "/calls_per_s", More, vec![SPAWN.at_least(0.85)])],
    }
}

fn broadcast(plugins: u32, times: u32) -> Case {
    let mut flags = flags(&[("connections", plugins), ("broadcasts", times), ("payload", 64)]);
    flags.extend(["--scenario".to_owned(), "broadcast".to_owned()]);
    let goals = vec![QUEUE.at_most(1.2)];
    Case {
        name: format!("broadcast-{plugins}"),
        title: format!("a call to all of {} plugins", whole(plugins)),
        flags,
        entries: vec![BRPC, QUEUE],
        measures: vec![Measure::new("ms", "/broadcast/median_ms", Less, goals)],
    }
}

fn idle(plugins: u32) -> Case {
    let memory = vec![Goal { beside: Nothing, wanted: AtMost(10.0) }, QUEUE.to_know()];
    let mut flags = flags(&[("connections", plugins)]);
    flags.extend(["--scenario".to_owned(), "idle".to_owned()]);
    Case {
        name: format!("idle-{plugins}"),
        title: format!("{} idle plugins of 10 methods and 100 kinds", whole(plugins)),
        flags,
        entries: vec![BRPC, QUEUE, SPAWN],
        measures: vec![
            Measure::new("KiB of the hub each", "/memory/hub_kib_per_plugin", Less, memory),
            // The one sends each plugin a message first, the other sends it nothing.
            Measure::new(
                "plugins/s connected",
                "/connect/plugins_per_s",
                More,
                vec![SPAWN.at_least(0.65), QUEUE.at_least(0.65)],
            ),
        ],
    }
}

fn beside_idle() -> Case {
    const IDLE: Entry = Entry { name: "brpc, 10,000 idle", flags: &["--idle", "10000"], ..BRPC };
    const ALONE: Entry = Entry { name: "brpc, none idle", kind: Kind::Limit, ..BRPC };
    Case {
        name: "beside-idle".to_owned(),
        title: "256 calls in flight to one plugin, beside idle ones".to_owned(),
        flags: flags(&[("inflight", 256), ("payload", 64)]),
        entries: vec![IDLE, ALONE],
        measures: vec![Measure::new(
            "CPU µs of the hub a call",
            "/cpu_us_per_call/caller",
            Less,
            vec![ALONE.at_most(1.05)],
        )],
    }
}

fn events() -> Case {
    let mut flags = flags(&[("payload", 64)]);
    flags.extend(["--scenario".to_owned(), "events".to_owned()]);
    Case {
        name: "events".to_owned(),
        title: "events of one plugin to one reader, 64 B".to_owned(),
        flags,
        entries: vec![BRPC, SPAWN, INLINE],
        // The one counts the events that are sent ahead, and queues them for a reader; the other is
        // a bare stream.
        measures: vec![Measure::new(
            "events/s",
            "/calls_per_s",
            More,
            vec![SPAWN.at_least(0.8), INLINE.at_least(0.8)],
        )],
    }
}

fn churn() -> Case {
    let mut flags = flags(&[("connections", 16), ("payload", 64)]);
    flags.extend(["--scenario".to_owned(), "churn".to_owned()]);
    Case {
        name: "churn".to_owned(),
        title: "16 plugins at a time that connect, are called once and leave".to_owned(),
        flags,
        entries: vec![BRPC, INLINE],
        measures: vec![Measure::new("lives/s", "/churn/lives_per_s", More, vec![INLINE.to_know()])],
    }
}

/// The limits are encrypted as brpc is, so these ratios are those to a bare echo over rustls.
fn over_tls() -> [Case; 4] {
    let encrypted = |case: Case, measures| {
        let flags = [case.flags, vec!["--tls".to_owned()]].concat();
        let entries = vec![BRPC, SPAWN, INLINE];
        let (name, title) = (format!("tls-{}", case.name), format!("over TLS: {}", case.title));
        Case { name, title, flags, entries, measures }
    };
    let to_know = || vec![SPAWN.to_know(), INLINE.to_know()];
    let at_least = || vec![SPAWN.at_least(0.85), INLINE.to_know()];
    // At least 0.85 of its speed.
    let p50 = Measure::new(
        "p50 µs",
        "/latency_us/p50",
        Less,
        vec![SPAWN.at_most(1.17), INLINE.to_know()],
    );
    let kib = vec![Goal { beside: Nothing, wanted: AtMost(32.0) }, SPAWN.to_know()];
    [
        encrypted(sequential(), vec![p50]),
        encrypted(
            throughput(256, 64),
            vec![Measure::new("calls/s", "/calls_per_s", More, at_least())],
        ),
        encrypted(
            idle(1_000),
            vec![
                Measure::new("KiB of the hub each", "/memory/hub_kib_per_plugin", Less, kib),
                Measure::new("plugins/s connected", "/connect/plugins_per_s", More, at_least()),
            ],
        ),
        encrypted(churn(), vec![Measure::new("lives/s", "/churn/lives_per_s", More, to_know())]),
    ]
}

/// Calls to a plugin in Go, if this build can measure them.
fn go() -> Vec<Case> {
    const SEQUENTIAL: &str = "one call after the other to a Go plugin";
    if !cfg!(feature = "go") {
        return Vec::new();
    }
    let mut one_cpu =
        to_go("go-one-cpu", &format!("{SEQUENTIAL}, all on one CPU"), 1, GO_HUB.to_know());
    one_cpu.flags.push("--one-cpu".to_owned());
    let many = |inflight| {
        let title = format!("{inflight} calls to a Go plugin in flight, 64 B");
        to_go(&format!("go-{inflight}"), &title, inflight, GO_HUB.to_know())
    };
    vec![to_go("go-sequential", SEQUENTIAL, 1, GO_HUB.at_most(1.0)), one_cpu, many(16), many(64)]
}

fn to_go(name: &str, title: &str, inflight: u32, median: Goal) -> Case {
    let to_know = || vec![GO_HUB.to_know()];
    Case {
        name: name.to_owned(),
        title: title.to_owned(),
        flags: flags(&[("inflight", inflight), ("payload", 64)]),
        entries: vec![GO_PLUGIN, GO_HUB],
        measures: vec![
            Measure::new("p50 µs", "/latency_us/p50", Less, vec![median]),
            Measure::new("p99 µs", "/latency_us/p99", Less, to_know()),
            Measure::new("calls/s", "/calls_per_s", More, to_know()),
            Measure::new("CPU µs of the hub a call", "/cpu_us_per_call/caller", Less, to_know()),
        ],
    }
}

/// The peers that this build can measure.
fn peers() -> &'static [Entry] {
    if cfg!(feature = "peers") { &[TARPC, NATS] } else { &[] }
}

fn whole(number: u32) -> String {
    apart(&number.to_string())
}

fn flags(pairs: &[(&str, u32)]) -> Vec<String> {
    pairs.iter().flat_map(|(name, value)| [format!("--{name}"), value.to_string()]).collect()
}

impl Case {
    /// The one that is checked against the goal.
    pub(super) fn subject(&self) -> &Entry {
        &self.entries[0]
    }
}

impl Entry {
    /// Named as its system.
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, system: name, flags: &[], kind }
    }

    fn at_least(self, ratio: f64) -> Goal {
        Goal { beside: Beside::Entry(self.name), wanted: AtLeast(ratio) }
    }

    fn at_most(self, ratio: f64) -> Goal {
        Goal { beside: Beside::Entry(self.name), wanted: AtMost(ratio) }
    }

    fn to_know(self) -> Goal {
        Goal { beside: Beside::Entry(self.name), wanted: Anything }
    }
}

impl Measure {
    fn new(title: &'static str, path: &'static str, better: Better, goals: Vec<Goal>) -> Self {
        Self { title, path, better, goals }
    }
}

impl Wanted {
    /// Whether the goal is reached; `None` if any number is good.
    pub(super) fn is_met(self, value: f64) -> Option<bool> {
        match self {
            AtLeast(least) => Some(value >= least),
            AtMost(most) => Some(value <= most),
            Anything => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::flags::Cli;

    #[test]
    fn all_flags_are_known() {
        for case in plan() {
            for entry in &case.entries {
                let own = entry.flags.iter().copied();
                let load = case.flags.iter().map(String::as_str);
                let flags = ["brpc-bench", "--system", entry.system].into_iter();
                let parsed = Cli::try_parse_from(flags.chain(load).chain(own));
                assert!(parsed.is_ok(), "{}: {:?}", case.name, parsed.err());
            }
        }
    }

    #[test]
    fn names_are_used_once_and_goals_know_them() {
        let plan = plan();
        let mut names: Vec<&str> = plan.iter().map(|case| case.name.as_str()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");

        for case in &plan {
            for goal in case.measures.iter().flat_map(|measure| &measure.goals) {
                if let Beside::Entry(name) = goal.beside {
                    assert!(case.entries.iter().any(|entry| entry.name == name), "{name}");
                }
            }
        }
    }
}
