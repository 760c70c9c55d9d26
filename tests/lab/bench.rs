//! What experiments are made with: a hub, plugins in some processes, and the links between them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::mutual::{self, MUTUAL};
use crate::process::{BACKOFF, COUNT, DESCRIPTORS, HASTY, HEARTBEAT, HUB, LISTEN, NAME, Process};
use crate::record;

/// Long enough for a plugin to come back: the longest pause of the back-off, and the time in which a
/// dial is given up.
pub const BACK: Duration = Duration::from_mins(1);

/// How long it may take until a peer that can't be heard is found out: four intervals, 20 s by default
/// and 4 s with the shortest. It takes three since it was last heard, which may be four fifths of one
/// after the link has broken, if that carries the other way.
pub fn goal(heartbeat: u64) -> Duration {
    Duration::from_secs(heartbeat) * 4
}

/// How much later a process may be on a machine that others use as well: so many milliseconds as the
/// environment says, and else none.
pub fn busy() -> Duration {
    let said = std::env::var("BRPC_LAB_BUSY_MS").ok();
    Duration::from_millis(said.map_or(0, |said| said.parse().expect("a number of milliseconds")))
}

/// A folder for the files of an experiment.
pub fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("brpc-lab-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    folder
}

pub struct Bench {
    pub folder: PathBuf,
    pub heartbeat: u64,
    /// How soon plugins dial again.
    pub backoff: &'static str,
    /// What its processes are told beside the rest.
    with: Vec<(&'static str, &'static str)>,
    pub hub: Process,
    pub address: String,
}

impl Bench {
    /// A hub at this address, in a namespace if one is named.
    pub async fn new(name: &str, heartbeat: u64, place: Option<&str>, listen: &str) -> Self {
        Self::with(folder(name), heartbeat, place, &[(LISTEN, listen)]).await
    }

    /// The same where the hub may have so many descriptors.
    pub async fn with_descriptors(name: &str, descriptors: &str) -> Self {
        let with = [(LISTEN, "127.0.0.1:0"), (DESCRIPTORS, descriptors)];
        Self::with(folder(name), 5, None, &with).await
    }

    /// The same where all is over mutual TLS; the plugins are of these processes, named as their names
    /// begin.
    pub async fn with_mutual_tls(name: &str, heartbeat: u64, plugins: &'static str) -> Self {
        let folder = folder(name);
        mutual::make(&folder, &plugins.split(' ').collect::<Vec<_>>());
        let with = [(LISTEN, "127.0.0.1:0"), (MUTUAL, plugins)];
        let bench = Self::with(folder, heartbeat, None, &with).await;
        Self { with: vec![(MUTUAL, plugins)], ..bench }
    }

    async fn with(
        folder: PathBuf,
        heartbeat: u64,
        place: Option<&str>,
        with: &[(&str, &str)],
    ) -> Self {
        let hub = start_hub(&folder, heartbeat, place, with);
        let address = listening(&hub).await;
        Self { folder, heartbeat, backoff: HASTY, with: Vec::new(), hub, address }
    }

    /// Plugins that dial this address; connected when this returns.
    pub async fn plugins(
        &self,
        place: Option<&str>,
        hub: &str,
        name: &str,
        count: usize,
    ) -> Process {
        let plugins = self.start_plugins(place, hub, name, count);
        plugins.says(0, "connected", count, BACK).await;
        plugins
    }

    /// The same, connected soon.
    pub fn start_plugins(
        &self,
        place: Option<&str>,
        hub: &str,
        name: &str,
        count: usize,
    ) -> Process {
        let (heartbeat, number) = (self.heartbeat.to_string(), count.to_string());
        let with = [
            (HUB, hub),
            (NAME, name),
            (COUNT, &number),
            (HEARTBEAT, &heartbeat),
            (BACKOFF, self.backoff),
        ];
        let with = [&with[..], &self.with].concat();
        Process::start("plugins", place, &self.folder, &with)
    }

    /// Kills the hub, and starts another at its address.
    pub async fn restart_hub(&mut self) {
        let with = [&[(LISTEN, &*self.address)], &self.with[..]].concat();
        let next = start_hub(&self.folder, self.heartbeat, None, &with);
        std::mem::replace(&mut self.hub, next).kill().await;
        listening(&self.hub).await;
    }

    /// Waits until so many plugins are connected; returns how long it took.
    pub async fn all_back(&mut self, count: usize) -> Duration {
        let start = Instant::now();
        loop {
            let look = self.hub.ask("look", "look", BACK).await;
            if look.split(' ').nth(1).unwrap() == count.to_string() {
                return start.elapsed();
            }
            assert!(start.elapsed() < BACK, "{look} of {count} plugins in {BACK:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Breaks the link of the only plugin, `lone0`, with `calls` or with `a full buffer`, which is more
    /// than fits between both sides: both find out.
    pub async fn both_find(
        &mut self,
        plugin: &Process,
        (fault, traffic): (&str, &str),
        break_link: impl FnOnce(),
    ) {
        self.all_back(1).await;
        if traffic == "calls" {
            self.hub.order("load 100").await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let (hub_from, plugin_from) = (self.hub.lines(), plugin.lines());
        let (since, goal) = (Instant::now(), goal(self.heartbeat));
        break_link();
        if traffic == "a full buffer" {
            self.hub.order("fill lone0").await;
        }
        let what = |side: &str| format!("{fault}, {traffic}: the {side}");
        finds(&what("hub"), &self.hub, hub_from, "down", since, goal).await;
        finds(&what("plugin"), plugin, plugin_from, "away", since, goal).await;
    }

    /// Ends the load, and checks all that was written down.
    pub async fn finish(mut self) -> record::Sums {
        self.rest().await;
        self.hub.kill().await;
        let sums = record::check(&self.folder);
        println!("{sums}");
        std::fs::remove_dir_all(&self.folder).unwrap();
        sums
    }

    /// Ends the load. A call ends at the latest when its deadline passes, which is after 5 s.
    pub async fn rest(&mut self) {
        self.hub.ask("rest", "resting", Duration::from_secs(15)).await;
    }
}

fn start_hub(
    folder: &std::path::Path,
    heartbeat: u64,
    place: Option<&str>,
    with: &[(&str, &str)],
) -> Process {
    let heartbeat = heartbeat.to_string();
    let with = [with, &[(HEARTBEAT, &*heartbeat)]].concat();
    Process::start("hub", place, folder, &with)
}

async fn listening(hub: &Process) -> String {
    let said = hub.says(0, "listening", 1, Duration::from_secs(20)).await;
    said[0].1.strip_prefix("listening ").unwrap().to_owned()
}

/// Tells how long a side took to find out, and fails if that was too long.
pub async fn finds(
    what: &str,
    side: &Process,
    from: usize,
    begin: &str,
    since: Instant,
    goal: Duration,
) {
    // The goal and as much again, so that a figure that is too high is seen.
    let said = side.says(from, begin, 1, 2 * goal).await.swap_remove(0);
    let took = said.0 - since;
    println!("{what:<52} {took:>7.2?}   {}", said.1);
    let allowed = goal + busy();
    assert!(took <= allowed, "{what}: {took:?} is more than {allowed:?}");
}
