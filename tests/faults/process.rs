//! Hubs and plugins in processes of their own: this binary, started once more.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brpc::{Limits, Socket};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{ChildStdin, ChildStdout, Command};
use tracing::Metadata;
use tracing::span::{Attributes, Id, Record};

use crate::scenario::{eventually, within};
use crate::storm;
use crate::worker::Worker;

/// What a process is to be; set only in those that [`Child`] starts.
const ROLE: &str = "BRPC_FAULTS_ROLE";
const NAME: &str = "BRPC_FAULTS_NAME";
const HUB: &str = "BRPC_FAULTS_HUB";

/// Not a test but what [`Child`] starts; without a role it does nothing.
#[test]
fn entry() {
    let Ok(role) = std::env::var(ROLE) else { return };
    // A task that panics shall not go unseen.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap().block_on(async {
        match role.as_str() {
            "plugin" => be_plugin().await,
            "hub" => be_hub().await,
            "staying" => be_staying().await,
            "storm_hub" => storm::be_hub().await,
            "storm_plugins" => storm::be_plugins().await,
            other => panic!("no such role: {other}"),
        }
    });
}

async fn be_plugin() {
    let (name, hub) = (std::env::var(NAME).unwrap(), std::env::var(HUB).unwrap());
    let (_, plugin) = Worker::plugin(&name);
    plugin.connect(hub).await.unwrap().run().await;
}

/// The same, and it comes back to the hub.
async fn be_staying() {
    let (name, hub) = (std::env::var(NAME).unwrap(), std::env::var(HUB).unwrap());
    let (_, plugin) = Worker::plugin(&name);
    plugin.run(hub).await.unwrap();
}

/// Executes the lines on its standard input, and ends with them.
async fn be_hub() {
    let logged = Logged::default();
    tracing::subscriber::set_global_default(logged.clone()).unwrap();
    let mut limits = Limits::default();
    // No connection is closed for being slow, so all of them stay.
    limits.hello_deadline = Duration::from_mins(10);
    let hub = Socket::builder().limits(limits).build();
    let address = std::env::var(HUB).unwrap_or_else(|_| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address).await.unwrap();
    say(&listener.local_addr().unwrap().to_string());
    drop(hub.serve(listener));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        match *line.split(' ').collect::<Vec<_>>() {
            ["call", plugin, method, n] => {
                let n: u64 = n.parse().unwrap();
                match hub.call::<u64>(plugin, method, &n).await {
                    Ok(answer) => say(&answer.to_string()),
                    Err(error) => say(&format!("{error:?}")),
                }
            }
            ["warnings"] => say(&logged.0.warnings.load(Ordering::SeqCst).to_string()),
            ["refused"] => say(&logged.0.refused.load(Ordering::SeqCst).to_string()),
            ["begin", plugin, method] => {
                drop(tokio::spawn(hub.call::<u64>(plugin, method, &0).timeout(None)));
            }
            _ => panic!("no such order: {line}"),
        }
    }
}

/// Counts what a hub logs.
#[derive(Clone, Default)]
struct Logged(Arc<Counts>);

#[derive(Default)]
struct Counts {
    warnings: AtomicUsize,
    /// Plugins that were refused.
    refused: AtomicUsize,
}

/// Where the hub logs whom it refuses, and nothing else.
fn is_refusal(metadata: &Metadata<'_>) -> bool {
    metadata.target().ends_with("::registration")
}

impl tracing::Subscriber for Logged {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN || is_refusal(metadata)
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let Counts { warnings, refused } = &*self.0;
        let count = if is_refusal(event.metadata()) { refused } else { warnings };
        count.fetch_add(1, Ordering::SeqCst);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Prints a line for whoever has started this process. Begins one, because the test harness may have
/// begun one already.
pub fn say(text: &str) {
    println!("\n> {text}");
}

/// This binary, with so many descriptors.
fn limited(descriptors: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -n {descriptors} && exec \"$0\" \"$@\""));
    command.arg(std::env::current_exe().unwrap());
    command
}

/// Another process; killed when it is dropped.
pub struct Child {
    process: tokio::process::Child,
    orders: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Child {
    /// A worker that dials this hub.
    pub fn plugin(name: &str, hub: SocketAddr) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        Self::start(command.env(ROLE, "plugin").env(NAME, name).env(HUB, hub.to_string()))
    }

    /// A worker that stays connected to this hub.
    pub fn staying(name: &str, hub: SocketAddr) -> Self {
        Self::with_role("staying", &[(NAME, name), (HUB, &hub.to_string())])
    }

    /// A hub that may have so many descriptors, and its address.
    pub async fn hub(descriptors: &str) -> (Self, SocketAddr) {
        Self::hub_at("127.0.0.1:0", descriptors).await
    }

    /// The same, at this address.
    pub async fn hub_at(address: &str, descriptors: &str) -> (Self, SocketAddr) {
        let mut command = limited(descriptors);
        let mut child = Self::start(command.env(ROLE, "hub").env(HUB, address));
        let address = child.line().await.parse().unwrap();
        (child, address)
    }

    /// A process of this role, with these settings. It may have as many descriptors as there are.
    pub fn with_role(role: &str, settings: &[(&str, &str)]) -> Self {
        let mut command = limited("$(ulimit -Hn)");
        Self::start(command.env(ROLE, role).envs(settings.iter().copied()))
    }

    fn start(command: &mut Command) -> Self {
        command.args(["process::entry", "--exact", "--nocapture", "--test-threads=1"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let orders = process.stdin.take().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, orders, lines }
    }

    pub fn id(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// How long it has used a processor.
    pub fn processor_time(&self) -> Duration {
        // In hundredths of a second, whatever the system counts in.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(10 * ticks)
    }

    /// The next line that the process prints.
    pub async fn line(&mut self) -> String {
        loop {
            let line = within("a line", self.lines.next_line()).await.unwrap();
            let line = line.expect("the process has ended");
            if let Some(line) = line.strip_prefix("> ") {
                return line.to_owned();
            }
        }
    }

    pub async fn order(&mut self, line: &str) {
        self.orders.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Has the hub make a call; its output.
    pub async fn call(&mut self, plugin: &str, method: &str, n: u64) -> u64 {
        self.order(&format!("call {plugin} {method} {n}")).await;
        let line = self.line().await;
        line.parse().unwrap_or_else(|_| panic!("{plugin}: {line}"))
    }

    /// Stops the process: nothing of it runs any more.
    pub async fn pause(&self) {
        self.signal("-STOP").await;
        let tasks = format!("/proc/{}/task", self.id());
        eventually("all threads are stopped", || {
            std::fs::read_dir(&tasks).unwrap().all(|task| {
                let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
                // The state is behind the name, which is in brackets.
                stat.rsplit(')').next().unwrap().trim_start().starts_with('T')
            })
        })
        .await;
    }

    /// Has it go on.
    pub async fn resume(&self) {
        self.signal("-CONT").await;
    }

    async fn signal(&self, signal: &str) {
        let id = self.process.id().unwrap().to_string();
        let status = Command::new("kill").arg(signal).arg(id).status().await;
        assert!(status.unwrap().success());
    }

    /// Ends the process as nothing else can, and waits until it is gone.
    pub async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }
}
