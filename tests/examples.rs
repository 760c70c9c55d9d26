//! Runs every example as a process of its own, and checks what it prints and how it ends.
//!
//! `cargo test` builds the examples; with `--test examples` alone, `cargo build --examples` first.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")] // The agents of the fleet read /proc.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// When a test gives up. Nothing waits so long unless it is broken.
const GUARD: Duration = Duration::from_mins(1);

/// An example that runs. Killed when dropped.
struct Program {
    name: &'static str,
    child: Child,
    lines: Receiver<String>,
    /// When the test gives up.
    until: Instant,
}

impl Program {
    fn start(name: &'static str, args: &[&str]) -> Self {
        let mut command = example(name);
        let mut child = command.args(args).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            // Reads to the end, whether anybody listens or not, so that the program never blocks.
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { name, child, lines, until: Instant::now() + GUARD }
    }

    /// A hub on a port that is free, and its address.
    fn start_hub(name: &'static str, args: &[&str]) -> (Self, String) {
        let mut hub = Self::start(name, &[args, &["127.0.0.1:0"]].concat());
        let line = hub.line().unwrap();
        let address = line.to_lowercase().strip_prefix("listening on ").unwrap().to_owned();
        (hub, address)
    }

    /// The next line; `None` at the end.
    fn line(&mut self) -> Option<String> {
        let left = self.until.saturating_duration_since(Instant::now());
        // One that talks for ever is to be noticed as well.
        assert!(!left.is_zero(), "{} takes too long", self.name);
        match self.lines.recv_timeout(left) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("{} takes too long", self.name),
        }
    }

    /// Reads up to the next line that contains this, and returns it.
    fn wait_for(&mut self, part: &str) -> String {
        let mut before = Vec::new();
        while let Some(line) = self.line() {
            if line.contains(part) {
                return line;
            }
            before.push(line);
        }
        panic!("{} ended without {part:?}, after:\n{}", self.name, before.join("\n"));
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Reads to the end; what was still said, and how it ended.
    fn finish(mut self) -> (Vec<String>, ExitStatus) {
        let mut rest = Vec::new();
        while let Some(line) = self.line() {
            rest.push(line);
        }
        (rest, self.child.wait().unwrap())
    }

    /// The same of one that succeeds.
    fn succeed(self) -> Vec<String> {
        let name = self.name;
        let (rest, status) = self.finish();
        assert!(status.success(), "{name}: {status}, after:\n{}", rest.join("\n"));
        rest
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An example, as `cargo test` has built it beside this test.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let path = profile.join("examples").join(name);
    assert!(path.exists(), "{} is missing; `cargo build --examples` makes it", path.display());
    Command::new(path)
}

/// What an example says that fails.
fn error_of(name: &str, args: &[&str]) -> String {
    let Output { status, stderr, .. } = example(name).args(args).output().unwrap();
    assert_eq!(status.code(), Some(1), "{name}");
    String::from_utf8(stderr).unwrap().trim_end().to_owned()
}

/// Lines that contain this, in their order.
fn having<'a>(lines: &'a [String], part: &str) -> Vec<&'a str> {
    lines.iter().map(String::as_str).filter(|line| line.contains(part)).collect()
}

#[test]
fn quickstart() {
    let lines = Program::start("quickstart", &[]).succeed();
    assert_eq!(
        lines,
        [
            "greet: Hello, Ada!",
            "greet: greeter.greet: whom shall I greet?",
            "event from greeter: Ada is here",
            "connected: greeter",
            "  greet: Greets somebody by name.",
            "left cleanly: true",
            "connected: 0",
            "the plugin's run ended: unplugged by the hub",
        ]
    );
}

#[test]
fn typed_client() {
    let lines = Program::start("typed_client", &[]).succeed();
    assert_eq!(
        lines,
        [
            "the client doesn't match: `greet` of `ada`: there is no such method, but `add`, \
             `divide`, `name`",
            "1 + 2 = 3",
            "1 / 4 = 0.25",
            "1 / 0: ada.divide: 1 can't be divided by nothing",
            "connected: ada, bob",
            "connection 1 is ada",
            "connection 2 is bob",
        ]
    );
}

#[test]
fn testing_your_plugin() {
    let lines = Program::start("testing_your_plugin", &[]).succeed();
    assert_eq!(lines, ["today: wash the car"]);
}

#[test]
fn broadcast() {
    let lines = Program::start("broadcast", &[]).succeed();
    assert_eq!(
        lines,
        [
            "asked: a, b, c, d",
            "in the US: c, d",
            "stored by a: photo for t-1",
            "stored by c: photo for t-1",
            "stored by d: photo for t-1",
            "the first says Some(42)",
            "and then: None",
        ]
    );
}

#[test]
fn middleware() {
    let lines = Program::start("middleware", &[]).succeed();
    assert_eq!(
        lines,
        [
            "ink for t-1: Method the gauge is broken",
            r#"Err("press.ink: the gauge is broken")"#,
            "print for t-2: 7 bytes",
            "*one*",
            "print for t-4: Overloaded come back later",
            "print for t-3: 7 bytes",
            "*two*, press.print: too many calls in progress for the plugin, did it run: Never",
            "slowest: print",
        ]
    );
}

#[test]
fn errors_and_deadlines() {
    let lines = Program::start("errors_and_deadlines", &[]).succeed();
    assert_eq!(
        lines,
        [
            "left: 70",
            "too much: bank.pay: 30 is missing",
            r#"  code short, data {"missing":30}"#,
            "  it was carried out, and this is how it ended",
            "unknown account: bank.pay: there is no account 2",
            "  code no-account, data null",
            "  it was carried out, and this is how it ended",
            "  the auditor has Some(true)",
            "too late: bank.audit: the deadline passed with the call sent but not answered",
            "  it may have been done: ask before it is made again",
            "a panic: bank.rob: the method panicked: the alarm went off",
            "  it was carried out, and this is how it ended",
            r#"wrong input: bank.pay: the input is not valid at `account`: invalid type: string "one", expected u32"#,
            "  nothing was done: it can be made again",
            "no such method: bank.close: the plugin has no method `close`; it has: `pay`, `audit`, `rob`",
            "  nothing was done: it can be made again",
            "nobody there: post.pay: no plugin named `post` is connected",
            "  nothing was done: it can be made again",
        ]
    );
}

#[test]
fn events() {
    let lines = Program::start("events", &[]).succeed();
    assert_eq!(
        lines,
        [
            "counter is here",
            "the ledger has all 5000: 12502500",
            "the monitor missed events: true, and saw the last: Some(5000)",
        ]
    );
}

#[test]
fn gateway() {
    let lines = Program::start("gateway", &[]).succeed();
    assert_eq!(
        lines,
        [
            "thermometer, cellar: 11.5 by t-17",
            "thermometer, attic: site-7.forward: there is no attic",
            "clock, hall: site-7.forward: clock.read: no plugin named `clock` is connected",
        ]
    );
}

#[test]
fn hub_and_plugin() {
    let (hub, address) = Program::start_hub("hub", &[]);
    let plugin = Program::start("plugin", &[&address]);
    let expected = [
        "connected as your_plugin_name",
        "away: unplugged by the hub",
        "ended: unplugged by the hub",
    ];
    assert_eq!(plugin.succeed(), expected);

    // Events are printed by a task of their own, so only each half has an order.
    let lines = hub.succeed();
    let (list, events): (Vec<String>, Vec<String>) = lines.into_iter().partition(|line| {
        ["Response", "List", "Unplugged", "Shut"].iter().any(|start| line.starts_with(start))
    });
    assert_eq!(
        list,
        [
            "Response: Message",
            "List: [your_plugin_name]",
            "Unplugged: 0 calls were cut off",
            "List: []",
            "Shut down",
        ]
    );
    assert_eq!(
        events,
        [
            "Connected: your_plugin_name your_plugin_version",
            "Async: ExampleMethod started",
            "Async: ExampleMethod ended",
            "Disconnected: your_plugin_name (unplugged), gracefully: true",
        ]
    );
}

#[test]
fn a_hub_that_is_told_to_stop_lets_the_call_finish() {
    for signal in [Signal::INT, Signal::TERM] {
        let (mut hub, address) = Program::start_hub("hub", &[]);
        let mut plugin = Program::start("plugin", &[&address]);
        hub.wait_for("ExampleMethod started");
        hub.send(signal);
        let lines = hub.succeed();
        assert_eq!(lines[0], "Stopping");
        assert_eq!(having(&lines, "Response"), ["Response: Message"]);
        assert_eq!(having(&lines, "gracefully: true").len(), 1, "{lines:?}");
        // It waits for the next hub, until it is told to stop.
        plugin.wait_for("away: the hub shut down");
        plugin.send(signal);
        assert_eq!(plugin.succeed().last().unwrap(), "ended: stopped");
    }
}

#[test]
fn a_plugin_that_is_told_to_stop_lets_the_call_finish() {
    for signal in [Signal::INT, Signal::TERM] {
        let (mut hub, address) = Program::start_hub("hub", &[]);
        let mut plugin = Program::start("plugin", &[&address]);
        plugin.wait_for("connected as");
        hub.wait_for("ExampleMethod started");
        plugin.send(signal);
        // The hub unplugs it as soon as it has the answer, so either may be first.
        let ended = plugin.succeed().join("; ");
        let expected = ["stopped", "unplugged by the hub"];
        let expected = expected.map(|why| format!("stopping; away: {why}; ended: {why}"));
        assert!(expected.contains(&ended), "{ended}");
        let lines = hub.succeed();
        assert_eq!(having(&lines, "Response"), ["Response: Message"]);
        assert_eq!(having(&lines, "gracefully: true").len(), 1, "{lines:?}");
    }
}

#[test]
fn a_hub_without_plugins_stops_at_once() {
    let (hub, _) = Program::start_hub("hub", &[]);
    hub.send(Signal::TERM);
    assert_eq!(hub.succeed(), ["Stopping", "Shut down"]);
}

#[test]
fn a_plugin_whose_hub_is_killed_comes_back_to_the_next_one() {
    let (mut hub, address) = Program::start_hub("hub", &[]);
    let mut plugin = Program::start("plugin", &[&address]);
    hub.wait_for("ExampleMethod started");
    hub.send(Signal::KILL);
    plugin.wait_for("away: ");
    plugin.wait_for("attempt 1 in ");
    drop(hub);
    let mut hub = Program::start("hub", &[&address]);
    hub.wait_for("Response: Message");
    let expected = [
        "connected as your_plugin_name",
        "away: unplugged by the hub",
        "ended: unplugged by the hub",
    ];
    let lines = plugin.succeed();
    assert_eq!(lines[lines.len() - 3..], expected);
}

#[test]
fn survivor() {
    let lines = Program::start("survivor", &[]).succeed();
    assert_eq!(having(&lines, "connected as counter").len(), 4, "{lines:?}");
    assert_eq!(having(&lines, "away: the hub shut down").len(), 4, "{lines:?}");
    assert_eq!(having(&lines, "ended: stopped"), ["ended: stopped"]);
    let count = |what: &str| -> u32 {
        let [line] = having(&lines, what)[..] else { panic!("{lines:?}") };
        line.split(' ').next().unwrap().parse().unwrap()
    };
    assert!(count("calls answered") > 0 && count("not started") > 0, "{lines:?}");
}

#[test]
fn errors_say_what_is_wrong() {
    let (_hub, address) = Program::start_hub("fleet_hub", &["--agents", "99"]);
    let error = error_of("hub", &[&address]);
    assert!(error.starts_with(&format!("Error: {address}: Address already in use")), "{error}");
    let error = error_of("fleet_hub", &[&address]);
    assert!(error.starts_with(&format!("Error: {address}: Address already in use")), "{error}");

    let error = error_of("fleet_agent", &["--name", "a b", &address]);
    assert!(error.contains("bad plugin name \"a b\": a name is 1 to 128 characters"), "{error}");
    let error = error_of("fleet_agent", &["--nmae", "a", &address]);
    assert!(error.starts_with("Error: usage: fleet_agent [--name NAME]"), "{error}");
    let error = error_of("fleet_hub", &["--every", "-1"]);
    assert_eq!(error, "Error: cannot convert float seconds to Duration: value is negative");

    // A port that was free a moment ago, and that nobody listens on.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut plugin = Program::start("plugin", &[&nobody.to_string()]);
    plugin.wait_for(&format!("away: can't connect to the hub at {nobody}: Connection refused"));
    plugin.send(Signal::TERM);
    assert_eq!(plugin.succeed().last().unwrap(), "ended: stopped");
}

#[test]
fn a_plugin_that_is_stopped_loses_its_name_to_one_that_is_not() {
    let (mut hub, address) = Program::start_hub("hub", &[]);
    let first = Program::start("plugin", &[&address]);
    hub.wait_for("Connected");
    first.send(Signal::STOP);
    let mut second = Program::start("plugin", &[&address]);
    second.wait_for("connected as your_plugin_name");
}

#[test]
fn a_fleet_is_asked_round_by_round() {
    let logs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("logs");
    let _ = std::fs::remove_dir_all(&logs);
    std::fs::create_dir_all(&logs).unwrap();
    let text: Vec<String> = (1..=1000).map(|n| format!("line {n}")).collect();
    std::fs::write(logs.join("log"), text.join("\n")).unwrap();
    // What an agent may not read, wherever the path leads.
    std::os::unix::fs::symlink("/etc/passwd", logs.join("link")).unwrap();
    let logs = logs.to_str().unwrap();

    let options = ["--agents", "3", "--every", "0.1", "--timeout", "30", "--lines", "2"];
    let tail = |path| [&options[..], &["--path", logs, "--tail", path]].concat();
    let agent = |hub: &str| Program::start("fleet_agent", &["--name", "edge", "--logs", logs, hub]);

    let (mut hub, address) = Program::start_hub("fleet_hub", &tail("log"));
    let agents = [agent(&address), agent(&address)];
    // It has none of the methods, as an agent of another version.
    let mut other = Program::start("plugin", &[&address]);

    assert_eq!(hub.wait_for("asking"), "round-1: asking 3 agents");
    assert!(hub.wait_for("AGENT").ends_with(&format!("FILES IN {logs}")));
    for name in ["edge ", "edge-2 "] {
        let row = hub.wait_for(name);
        assert!(row.contains("MiB") || row.contains("GiB"), "{row}");
        // Links are not counted: one file of 1000 lines.
        assert!(row.ends_with("8.7 KiB in 1"), "{row}");
    }
    let lines: Vec<String> = std::iter::from_fn(|| hub.line()).take(6).collect();
    assert!(lines[0].starts_with("your_plugin_name  - "), "{lines:?}");
    assert_eq!(
        lines[1..],
        [
            "edge | line 999",
            "edge | line 1000",
            "edge-2 | line 999",
            "edge-2 | line 1000",
            "your_plugin_name did not answer host, processes, disk_usage, tail_file: \
             it has no such method",
        ]
    );

    hub.send(Signal::INT);
    assert_eq!(hub.succeed().last().unwrap(), "shut down; 3 of 3 agents left in time");
    other.wait_for("away: the hub shut down");
    for agent in agents {
        agent.send(Signal::TERM);
        let lines = agent.succeed();
        assert_eq!(having(&lines, "round-1: ").len(), 4, "{lines:?}");
        assert_eq!(having(&lines, "away: the hub shut down").len(), 1, "{lines:?}");
        assert!(lines.last().unwrap().ends_with("calls: stopped"), "{lines:?}");
    }

    for (path, said) in [
        ("link", "not in the log directory"),
        ("/etc/passwd", "not in the log directory"),
        ("none", "No such file or directory (os error 2)"),
        (".", "not a regular file"),
    ] {
        let options = ["--timeout", "30", "--path", logs, "--tail", path];
        let (mut hub, address) = Program::start_hub("fleet_hub", &options);
        let agent = agent(&address);
        assert_eq!(
            hub.wait_for("did not answer"),
            format!("edge did not answer tail_file: {said} (has run)")
        );
        agent.send(Signal::TERM);
        assert!(agent.succeed().last().unwrap().ends_with("calls: stopped"));
    }
}

#[test]
fn an_agent_that_is_frozen_does_not_hold_up_the_others() {
    let options = ["--agents", "2", "--every", "0.1", "--timeout", "3"];
    let (mut hub, address) = Program::start_hub("fleet_hub", &options);
    let frozen = Program::start("fleet_agent", &["--name", "frozen", &address]);
    hub.wait_for("frozen is connected");
    frozen.send(Signal::STOP);
    let agent = Program::start("fleet_agent", &["--name", "well", &address]);
    let row = |line: String| line.split_whitespace().nth(1).unwrap().to_owned();
    hub.wait_for("AGENT");
    assert_eq!(row(hub.wait_for("frozen")), "-");
    assert_ne!(row(hub.wait_for("well")), "-");
    // Sent or not: the hub sends nothing before it has heard what the agent kept.
    let failure = hub.wait_for("did not answer");
    let late = "frozen did not answer host, processes, disk_usage: the deadline passed";
    assert!(failure.starts_with(late), "{failure}");

    // It goes on where it was.
    frozen.send(Signal::CONT);
    while row(hub.wait_for("frozen  ")) == "-" {}
    hub.send(Signal::TERM);
    assert_eq!(hub.succeed().last().unwrap(), "shut down; 2 of 2 agents left in time");
    for mut agent in [frozen, agent] {
        agent.wait_for("away: the hub shut down");
    }
}

#[test]
fn an_agent_that_is_killed_in_a_call_is_told_apart() {
    let options = ["--agents", "2", "--every", "0.1", "--timeout", "600"];
    let (mut hub, address) = Program::start_hub("fleet_hub", &options);
    let victim = Program::start("fleet_agent", &["--name", "victim", &address]);
    hub.wait_for("victim is connected");
    victim.send(Signal::STOP);
    let mut agent = Program::start("fleet_agent", &["--name", "well", &address]);
    // Both are asked at once, so the victim has been asked as well.
    agent.wait_for("round-1: disk_usage");
    victim.send(Signal::KILL);

    let failure = hub.wait_for("victim did not answer");
    assert!(failure.contains(": disconnected with the call "), "{failure}");
    // The round after it is without the victim.
    hub.wait_for(": asking 1 agents");
    hub.send(Signal::TERM);
    assert_eq!(hub.succeed().last().unwrap(), "shut down; 1 of 1 agents left in time");
    agent.wait_for("away: the hub shut down");
}
