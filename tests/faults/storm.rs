//! A hub that is killed and restarted, and the plugins of two processes that come back to it.
//!
//! `BRPC_STORM=10000` makes it so many plugins, `BRPC_STORM_DOWN=60` keeps the hub down for so many
//! seconds; both print how long it took until all were back. A hub and each process may need as many
//! descriptors.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use brpc::{Backoff, Plugin, Selector, Socket};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::process::{Child, say};
use crate::scenario::{scaled, scenario, within};

/// How many plugins there are.
const COUNT: &str = "BRPC_STORM";
/// For how many seconds the hub is down.
const DOWN: &str = "BRPC_STORM_DOWN";
/// Of a process: where it writes what it has to tell.
const FILE: &str = "BRPC_STORM_FILE";
/// Of a process: where the hub is.
const HUB: &str = "BRPC_STORM_HUB";
/// Of the plugins: whether they back off, and the first number in their names.
const BACKOFF: &str = "BRPC_STORM_BACKOFF";
const FIRST: &str = "BRPC_STORM_FIRST";

/// The processes of the plugins.
const CLIENTS: usize = 2;

/// Loops that call.
const CALLERS: usize = 8;

#[test]
fn l28_all_plugins_come_back_to_a_hub_that_was_killed() {
    scenario(async {
        for backoff in ["off", "default"] {
            storm(backoff).await;
        }
    });
}

async fn storm(backoff: &str) {
    let count = number(COUNT).unwrap_or_else(|| scaled(200));
    let down = Duration::from_secs(number(DOWN).unwrap_or(0) as u64);
    let directory = Directory::new(backoff);
    // The port is free again when this is dropped.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let hub = |life: usize| {
        let outcomes = directory.0.join(format!("hub-{life}"));
        let life = life.to_string();
        let settings = [
            (HUB, &*address),
            (COUNT, &count.to_string()),
            (FILE, outcomes.to_str().unwrap()),
            (FIRST, &life),
        ];
        Child::with_role("storm_hub", &settings)
    };
    let mut first = hub(1);
    let mut clients: Vec<Child> = (0..CLIENTS)
        .map(|client| {
            let (from, to) = (client * count / CLIENTS, (client + 1) * count / CLIENTS);
            let (from, plugins) = (from.to_string(), (to - from).to_string());
            let journal = directory.0.join(format!("journal-{client}"));
            let settings = [
                (HUB, &*address),
                (COUNT, &plugins),
                (FIRST, &from),
                (BACKOFF, backoff),
                (FILE, journal.to_str().unwrap()),
            ];
            Child::with_role("storm_plugins", &settings)
        })
        .collect();
    println!("{count} plugins, back-off {backoff}: {}", first.line().await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    first.kill().await;
    tokio::time::sleep(down).await;

    let mut second = hub(2);
    println!(
        "{count} plugins, back-off {backoff}, hub back after {down:?}: {}",
        second.line().await
    );
    // Each of them answers.
    second.order("stop").await;
    println!("calls: {}", second.line().await);

    let mut journal = HashMap::<u64, u32>::new();
    for client in &mut clients {
        client.order("stop").await;
        client.line().await;
    }
    for client in 0..CLIENTS {
        for id in numbers(&directory.0.join(format!("journal-{client}"))) {
            *journal.entry(id).or_default() += 1;
        }
    }
    assert!(journal.values().all(|&times| times == 1), "no call has run twice");
    let mut answered = HashMap::<u64, u32>::new();
    for life in [1, 2] {
        for id in numbers(&directory.0.join(format!("hub-{life}"))) {
            *answered.entry(id).or_default() += 1;
        }
    }
    assert!(answered.values().all(|&times| times == 1), "no call was answered twice");
    assert!(answered.keys().all(|id| journal.contains_key(id)), "each that was answered has run");
    println!("{} calls answered, {} run, each once", answered.len(), journal.len());
    second.kill().await;
    for client in clients {
        client.kill().await;
    }
}

fn number(name: &str) -> Option<usize> {
    Some(std::env::var(name).ok()?.parse().unwrap())
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap()
}

/// The numbers in a file, a line each; the last line may be cut off.
fn numbers(path: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(path).unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| line.parse().unwrap()).collect()
}

/// A directory that is removed when it is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("brpc-storm-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A hub that calls its plugins from the beginning, and says when all are there.
pub async fn be_hub() {
    let count = number(COUNT).unwrap();
    let outcomes = Arc::new(Mutex::new(File::create(variable(FILE)).unwrap()));
    let hub = Socket::default();
    let listener = TcpListener::bind(variable(HUB)).await.unwrap();
    let begun = Instant::now();
    drop(hub.serve(listener));
    let is_over = Arc::new(AtomicBool::new(false));
    let ids = Arc::new(AtomicU64::new((number(FIRST).unwrap() as u64) << 40));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (hub, is_over, ids) = (hub.clone(), is_over.clone(), ids.clone());
        callers.spawn(call(hub, count, caller, is_over, ids, outcomes.clone()));
    }
    hub.wait_for_matching(&Selector::all(), count, Duration::from_mins(2)).await.unwrap();
    say(&format!("all there after {:?}", begun.elapsed()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    orders.next_line().await.unwrap();
    is_over.store(true, Ordering::SeqCst);
    let (mut made, mut answered) = (0, 0);
    while let Some(caller) = within("all calls end", callers.join_next()).await {
        let (its_made, its_answered) = caller.unwrap();
        made += its_made;
        answered += its_answered;
    }
    say(&format!("{made} made, all ended, {answered} with their answers"));
    orders.next_line().await.unwrap();
}

/// Calls one plugin after the other, and notes which calls were answered.
async fn call(
    hub: Socket,
    count: usize,
    caller: usize,
    is_over: Arc<AtomicBool>,
    ids: Arc<AtomicU64>,
    outcomes: Arc<Mutex<File>>,
) -> (usize, usize) {
    let (mut made, mut answered) = (0, 0);
    for turn in 0.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let id = ids.fetch_add(1, Ordering::SeqCst);
        let name = format!("plugin-{}", (turn * CALLERS + caller) % count);
        made += 1;
        if let Ok(answer) = hub.call::<u64>(&name, "note", &id).await {
            assert_eq!(answer, id);
            answered += 1;
            outcomes.lock().unwrap().write_all(format!("{id}\n").as_bytes()).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    (made, answered)
}

/// Notes which calls it has run.
struct Noting(Arc<Mutex<Vec<u64>>>);

#[brpc::plugin]
impl Noting {
    pub async fn note(&self, id: u64) -> u64 {
        self.0.lock().unwrap().push(id);
        tokio::task::yield_now().await;
        id
    }
}

/// Many plugins that stay connected.
pub async fn be_plugins() {
    let (count, first, hub) = (number(COUNT).unwrap(), number(FIRST).unwrap(), variable(HUB));
    let backoff = match &*variable(BACKOFF) {
        "off" => Backoff::constant(Duration::from_secs(1)),
        _ => Backoff::default(),
    };
    let journal = Arc::<Mutex<Vec<u64>>>::default();
    let mut runs = JoinSet::new();
    for number in first..first + count {
        let plugin = Plugin::new(Noting(journal.clone())).name(format!("plugin-{number}"));
        runs.spawn(plugin.run(&hub).backoff(backoff.clone()).into_future());
    }
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    orders.next_line().await.unwrap();
    let mut file = std::io::BufWriter::new(File::create(variable(FILE)).unwrap());
    for id in journal.lock().unwrap().iter() {
        writeln!(file, "{id}").unwrap();
    }
    file.flush().unwrap();
    say("noted");
    orders.next_line().await.unwrap();
    assert!(runs.try_join_next().is_none(), "no plugin gives up");
}
