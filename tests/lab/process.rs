//! The processes of an experiment: this program, started once more.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use brpc::Limits;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdin, Command};
use tokio::time::sleep;

use crate::ROLE;
use crate::record::FOLDER;

pub const LISTEN: &str = "BRPC_LAB_LISTEN";
pub const HUB: &str = "BRPC_LAB_HUB";
pub const NAME: &str = "BRPC_LAB_NAME";
pub const COUNT: &str = "BRPC_LAB_COUNT";
/// How soon plugins dial again.
pub const BACKOFF: &str = "BRPC_LAB_BACKOFF";
pub const USUAL: &str = "usual";
pub const HASTY: &str = "hasty";
pub const EAGER: &str = "eager";
/// How many milliseconds a slow plugin takes to read a byte; 0 for ever.
pub const PACE: &str = "BRPC_LAB_PACE";
/// How many descriptors a process may have, if not as many as there are.
pub const DESCRIPTORS: &str = "BRPC_LAB_DESCRIPTORS";
/// The interval of heartbeats, in seconds.
pub const HEARTBEAT: &str = "BRPC_LAB_HEARTBEAT";
/// How often a second a hub under load makes some of its calls.
pub const RATE: u32 = 50;

/// What the processes say is on lines of its own.
pub fn say(text: &str) {
    println!("> {text}");
}

pub fn limits(heartbeat: &str) -> Limits {
    let mut limits = Limits::default();
    limits.heartbeat =
        Some(Duration::from_secs(std::env::var(heartbeat).unwrap().parse().unwrap()));
    limits
}

/// The memory of this process, in KiB.
pub fn memory() -> usize {
    status("VmRSS:")
}

/// How much more memory this process takes than at some time.
pub struct Growth(usize);

impl Growth {
    pub fn begin() -> Self {
        // The system forgets the most that it was.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        Self(memory())
    }

    /// At most so far, in KiB.
    pub fn so_far(&self) -> usize {
        status("VmHWM:").saturating_sub(self.0)
    }
}

fn status(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The open files of this process.
pub fn files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Another process; killed when it is dropped.
pub struct Process {
    child: tokio::process::Child,
    orders: ChildStdin,
    /// What it has said so far, with the time.
    said: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl Process {
    /// Starts one in a role, in a network namespace if one is named.
    pub fn start(role: &str, place: Option<&str>, folder: &Path, with: &[(&str, &str)]) -> Self {
        let program = std::env::current_exe().unwrap();
        let descriptors = with.iter().find(|(name, _)| *name == DESCRIPTORS).map(|(_, it)| it);
        let mut command = match place {
            None => match descriptors {
                None => Command::new(program),
                Some(descriptors) => {
                    let mut command = Command::new("sh");
                    command.arg("-c").arg(format!("ulimit -n {descriptors} && exec \"$0\""));
                    command.arg(program);
                    command
                }
            },
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(program);
                command
            }
        };
        command.envs(with.iter().copied().collect::<HashMap<_, _>>());
        command.env(ROLE, role).env(FOLDER, folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let orders = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = Arc::<Mutex<Vec<_>>>::default();
        let saying = said.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(line) = line.strip_prefix("> ") {
                    saying.lock().unwrap().push((Instant::now(), line.to_owned()));
                }
            }
        });
        Self { child, orders, said }
    }

    pub async fn order(&mut self, line: &str) {
        self.orders.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// What it has said so far, in number.
    pub fn lines(&self) -> usize {
        self.said.lock().unwrap().len()
    }

    /// Lines from this one on that begin with this.
    pub fn said(&self, from: usize, begin: &str) -> Vec<(Instant, String)> {
        let said = self.said.lock().unwrap();
        said[from..].iter().filter(|(_, line)| line.starts_with(begin)).cloned().collect()
    }

    /// Waits until it has said so many such lines; returns them.
    pub async fn says(
        &self,
        from: usize,
        begin: &str,
        count: usize,
        limit: Duration,
    ) -> Vec<(Instant, String)> {
        let start = Instant::now();
        loop {
            let said = self.said(from, begin);
            if said.len() >= count {
                return said;
            }
            let late = format!(
                "{} of {count} `{begin}` in {limit:?}: {:?}",
                said.len(),
                self.said(from, "")
            );
            assert!(start.elapsed() < limit, "{late}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Gives an order and returns the answer to it.
    pub async fn ask(&mut self, order: &str, answer: &str, limit: Duration) -> String {
        let from = self.lines();
        self.order(order).await;
        self.says(from, answer, 1, limit).await.swap_remove(0).1
    }

    /// How long it has used a processor.
    pub fn processor_time(&self) -> Duration {
        // In hundredths of a second, whatever the system counts in.
        let path = format!("/proc/{}/stat", self.child.id().unwrap());
        let stat = std::fs::read_to_string(path).unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(10 * ticks)
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Ends it as nothing else can.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}
