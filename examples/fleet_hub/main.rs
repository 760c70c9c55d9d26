//! The hub of a fleet: asks every `fleet_agent` that is connected, round by round, and prints what
//! they say, and who did not answer and why.
//!
//! ```console
//! $ cargo run --example fleet_hub -- --path /tmp --tail syslog
//! $ cargo run --example fleet_agent                  # in other terminals, as many as you like
//! ```
//!
//! To see it cope, stop an agent with `kill -STOP`, kill one with `kill -KILL`, or let the `plugin`
//! example dial in, which has other methods.

mod table;

#[path = "../support/fleet.rs"]
mod fleet;
#[path = "../support/report.rs"]
mod report;
#[path = "../support/signal.rs"]
mod signal;

use std::collections::BTreeMap;
use std::time::Duration;

use brpc::{CallError, CallErrorKind, Event, Events, Execution, Socket};
use fleet::{DiskUsage, Host, Processes, TailFile};
use report::Report;
use table::{Table, printable, size};
use tokio::net::TcpListener;

/// How long calls in progress get to finish when the program is told to stop.
const GRACE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Report> {
    let settings = Settings::parse(std::env::args().skip(1))?;
    let stop = signal::stop_signal()?;

    // Agents on one machine have one name by default; the second becomes `name-2`.
    let hub = Socket::builder().key_sequencer(next_name, 100).build();
    let events = tokio::spawn(print_events(hub.events()));

    let bound = TcpListener::bind(&settings.address).await;
    let listener = bound.map_err(|error| format!("{}: {error}", settings.address))?;
    println!("listening on {}", listener.local_addr()?);
    let serving = hub.serve(listener);

    tokio::select! {
        () = ask_for_ever(&hub, &settings) => {}
        // The round that goes on is given up: its calls are cancelled.
        () = stop => {}
        // While the hub doesn't shut down, it ends with an error only.
        ended = serving => ended?,
    }
    let report = hub.shutdown().grace(GRACE).await;
    events.await?;
    let clean = report.plugins.iter().filter(|left| left.is_clean()).count();
    println!("shut down; {clean} of {} agents left in time", report.plugins.len());
    Ok(())
}

async fn ask_for_ever(hub: &Socket, settings: &Settings) {
    let mut events = hub.events();
    while hub.connected().len() < settings.agents {
        events.next().await;
    }
    for round in 1_u64.. {
        ask(hub, settings, &format!("round-{round}")).await;
        tokio::time::sleep(settings.every).await;
    }
}

/// Asks every agent everything at once, and prints the answers.
async fn ask(hub: &Socket, settings: &Settings, trace: &str) {
    println!("\n{trace}: asking {} agents", hub.connected().len());
    let timeout = settings.timeout;
    let host = hub.broadcast::<Host>("host", &());
    let processes = hub.broadcast::<Processes>("processes", &1);
    let disk = hub.broadcast::<DiskUsage>("disk_usage", &settings.path);
    let tail = settings.tail.as_ref().map(|path| {
        let input = TailFile { path: path.clone(), lines: settings.lines };
        hub.broadcast::<Vec<String>>("tail_file", &input)
    });
    let (host, processes, disk, tail) = tokio::join!(
        host.timeout(timeout).trace(trace).collect(),
        processes.timeout(timeout).trace(trace).collect(),
        disk.timeout(timeout).trace(trace).collect(),
        async {
            match tail {
                Some(tail) => tail.timeout(timeout).trace(trace).collect().await,
                None => BTreeMap::new(),
            }
        },
    );
    print_table(&settings.path, &host, &processes, &disk);
    for (agent, lines) in &tail {
        for line in lines.iter().flatten() {
            println!("{agent} | {}", printable(line));
        }
    }
    let mut failures = Failures::new();
    note_failures(&mut failures, "host", &host);
    note_failures(&mut failures, "processes", &processes);
    note_failures(&mut failures, "disk_usage", &disk);
    note_failures(&mut failures, "tail_file", &tail);
    for ((agent, reason), methods) in failures {
        println!("{agent} did not answer {}: {}", methods.join(", "), printable(&reason));
    }
}

/// What each agent answered.
type Answers<T> = BTreeMap<String, Result<T, CallError>>;

/// Who did not answer and why, and the methods that were asked for.
type Failures = BTreeMap<(String, String), Vec<&'static str>>;

fn print_table(
    path: &str,
    hosts: &Answers<Host>,
    processes: &Answers<Processes>,
    disks: &Answers<DiskUsage>,
) {
    let files = format!("FILES IN {path}");
    let head =
        ["AGENT", "HOST", "KERNEL", "UP", "LOAD", "MEMORY", "LARGEST PROCESS", "DISK", &files];
    let mut table = Table::new(head);
    for (agent, host) in hosts {
        let mut row = std::array::from_fn(|_| "-".to_owned());
        row[0].clone_from(agent);
        if let Ok(host) = host {
            let (hours, minutes) = (host.uptime_seconds / 3600, host.uptime_seconds / 60 % 60);
            let used = host.memory_bytes.saturating_sub(host.memory_available_bytes);
            row[1].clone_from(&host.name);
            row[2].clone_from(&host.kernel);
            row[3] = format!("{hours}:{minutes:02}");
            row[4] = format!("{:.2}", host.load);
            row[5] = format!("{} of {}", size(used), size(host.memory_bytes));
        }
        if let Some(Ok(Processes { count, largest })) = processes.get(agent)
            && let Some(top) = largest.first()
        {
            row[6] = format!("{} ({}), of {count}", top.name, size(top.memory_bytes));
        }
        if let Some(Ok(disk)) = disks.get(agent) {
            let used = disk.file_system_bytes.saturating_sub(disk.file_system_available_bytes);
            let more = if disk.complete { "" } else { "at least " };
            row[7] = format!("{} of {}", size(used), size(disk.file_system_bytes));
            row[8] = format!("{more}{} in {}", size(disk.bytes), disk.files);
        }
        table.push(row);
    }
    table.print();
}

/// Notes who did not answer and why, and whether the method has run all the same.
fn note_failures<T>(failures: &mut Failures, method: &'static str, answers: &Answers<T>) {
    for (agent, answer) in answers {
        let Err(error) = answer else { continue };
        let reason = match error.kind() {
            CallErrorKind::MethodNotFound { .. } => "it has no such method".to_owned(),
            kind => format!("{kind} ({})", execution(error)),
        };
        failures.entry((agent.clone(), reason)).or_default().push(method);
    }
}

fn execution(error: &CallError) -> &'static str {
    match error.execution() {
        Execution::Never => "not started",
        Execution::Unknown => "may have run",
        Execution::Completed => "has run",
    }
}

/// Says who comes and goes.
async fn print_events(mut events: Events) {
    while let Some(event) = events.next().await {
        match event {
            Event::Connected(agent) => println!("{} is connected", agent.name()),
            Event::Disconnected(agent, reason) => println!("{} is gone: {reason}", agent.name()),
            // Agents send none.
            _ => {}
        }
    }
}

/// `edge` becomes `edge-2`, and that `edge-3`.
fn next_name(name: &str) -> String {
    let numbered = name.rsplit_once('-').and_then(|(name, number)| {
        let number: u32 = number.parse().ok()?;
        Some(format!("{name}-{}", number.checked_add(1)?))
    });
    numbered.unwrap_or_else(|| format!("{name}-2"))
}

struct Settings {
    address: String,
    /// How many agents the first round waits for.
    agents: usize,
    /// The pause between two rounds.
    every: Duration,
    /// How long the agents have to answer.
    timeout: Duration,
    /// The directory whose size is asked for.
    path: String,
    /// The log file whose last lines are asked for, and how many.
    tail: Option<String>,
    lines: usize,
}

impl Settings {
    const USAGE: &str = "usage: fleet_hub [--agents NUMBER] [--every SECONDS] [--timeout SECONDS] \
                         [--path DIRECTORY] [--tail FILE] [--lines NUMBER] [ADDRESS]";

    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Report> {
        let mut settings = Self {
            address: "127.0.0.1:8081".to_owned(),
            agents: 1,
            every: Duration::from_secs(5),
            timeout: Duration::from_secs(3),
            path: "/etc".to_owned(),
            tail: None,
            lines: 3,
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(Self::USAGE);
            match arg.as_str() {
                "--agents" => settings.agents = value()?.parse()?,
                "--every" => settings.every = seconds(&value()?)?,
                "--timeout" => settings.timeout = seconds(&value()?)?,
                "--path" => settings.path = value()?,
                "--tail" => settings.tail = Some(value()?),
                "--lines" => settings.lines = value()?.parse()?,
                option if option.starts_with('-') => return Err(Self::USAGE.into()),
                _ => settings.address = arg,
            }
        }
        Ok(settings)
    }
}

fn seconds(text: &str) -> Result<Duration, Report> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}
