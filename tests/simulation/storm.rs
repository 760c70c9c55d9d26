//! One storm, and what must be true of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brpc::{CallError, Event, Execution, Plugin, Socket};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{advance, sleep};

use crate::random::Random;
use crate::wire::{State, Wire};

/// The plugins' names; a second plugin wants the first of them.
const NAMES: [&str; 3] = ["one", "two", "three"];
const CALLERS: u64 = 6;
const FAULTS: u64 = 25;

/// Longer than the longest wait of the back-off, a dial, and the silence of heartbeats together.
const BACK: Duration = Duration::from_secs(90);

/// How often each call was started, by its number.
type Journal = Arc<Mutex<HashMap<u64, u32>>>;

struct Worker(Journal);

#[brpc::plugin]
impl Worker {
    /// Some are answered in place, and some later.
    pub async fn twice(&self, n: u64) -> u64 {
        *self.0.lock().unwrap().entry(n).or_default() += 1;
        sleep(Duration::from_millis(n % 5 * 200)).await;
        2 * n
    }
}

/// The hub of the moment, and what was told of each that there was.
struct Hubs {
    current: Mutex<Socket>,
    told: Mutex<Vec<tokio::task::JoinHandle<()>>>,
}

impl Hubs {
    fn new() -> Self {
        let hubs = Self { current: Mutex::new(Socket::default()), told: Mutex::default() };
        hubs.listen();
        hubs
    }

    fn now(&self) -> Socket {
        self.current.lock().unwrap().clone()
    }

    /// As after a crash: nobody is told.
    fn replace(&self) {
        let before = std::mem::take(&mut *self.current.lock().unwrap());
        drop(before);
        self.listen();
    }

    /// Whoever comes goes before the next of its name comes, which is a later one.
    fn listen(&self) {
        let mut events = self.now().events().wait();
        self.told.lock().unwrap().push(tokio::spawn(async move {
            let mut there = HashMap::new();
            while let Some(event) = events.next().await {
                match event {
                    Event::Connected(plugin) => {
                        let before = there.insert(plugin.name().to_owned(), plugin.generation());
                        assert_eq!(before, None, "{} has two owners", plugin.name());
                    }
                    Event::Disconnected(plugin, _) => {
                        let owner = there.remove(plugin.name());
                        assert_eq!(
                            owner,
                            Some(plugin.generation()),
                            "{} was not there",
                            plugin.name()
                        );
                    }
                    _ => {}
                }
            }
        }));
    }
}

pub async fn run(seed: u64) {
    let random = Arc::new(Random::new(seed));
    let (hubs, journal) = (Arc::new(Hubs::new()), Journal::default());
    let wires = [(); 4].map(|()| Wire::default());
    let mut plugins = JoinSet::new();
    for (number, wire) in wires.iter().enumerate() {
        let name = NAMES[number % NAMES.len()];
        let plugin = Plugin::new(Worker(journal.clone())).name(name);
        let (hubs, wire) = (hubs.clone(), wire.clone());
        let run = plugin.run_over(move || {
            let (ours, theirs) = wire.connect();
            hubs.now().attach(theirs);
            async { Ok(ours) }
        });
        plugins.spawn(run.into_future());
    }
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        callers.spawn(keep_calling(hubs.clone(), random.clone(), caller));
    }
    for _ in 0..FAULTS {
        break_something(&random, &wires, &hubs).await;
        sleep(Duration::from_millis(random.below(4_000))).await;
    }
    for wire in &wires {
        wire.set(State::default());
    }
    sleep(BACK).await;
    let hub = hubs.now();
    for name in NAMES {
        let answer = hub.call::<u64>(name, "twice", &1).await;
        assert_eq!(answer.ok(), Some(2), "{name} is not back");
    }
    while let Some(outcomes) = callers.join_next().await {
        for (n, outcome) in outcomes.unwrap() {
            check(&journal, n, &outcome);
        }
    }
    drop(hub);
    drop(plugins);
    hubs.replace();
    let last = hubs.now();
    last.shutdown().await;
    drop(last);
    let told = std::mem::take(&mut *hubs.told.lock().unwrap());
    for told in told {
        told.await.unwrap();
    }
    // A connection is closed within seconds.
    sleep(Duration::from_secs(10)).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "tasks are left");
}

fn check(journal: &Journal, n: u64, outcome: &Result<u64, CallError>) {
    let started = journal.lock().unwrap().get(&n).copied().unwrap_or(0);
    assert!(started <= 1, "call {n} ran {started} times");
    match outcome {
        Ok(output) => assert_eq!((*output, started), (2 * n, 1), "call {n}"),
        Err(error) if error.execution() == Execution::Never => assert_eq!(started, 0, "{error:?}"),
        Err(_) => {}
    }
}

/// Calls one after the other, some with a short deadline, some given up.
async fn keep_calling(
    hubs: Arc<Hubs>,
    random: Arc<Random>,
    caller: u64,
) -> Vec<(u64, Result<u64, CallError>)> {
    let mut outcomes = Vec::new();
    for call in 0..60 {
        let n = 1_000_000 * (caller + 1) + call;
        let name = NAMES[usize::try_from(random.below(3)).unwrap()];
        let timeout = Duration::from_millis(50 + random.below(10_000));
        let call = hubs.now().call::<u64>(name, "twice", &n).timeout(timeout);
        if random.below(10) == 0 {
            let patience = Duration::from_millis(random.below(500));
            if let Ok(outcome) = tokio::time::timeout(patience, call).await {
                outcomes.push((n, outcome));
            }
        } else {
            outcomes.push((n, call.await));
        }
        sleep(Duration::from_millis(random.below(500))).await;
    }
    outcomes
}

async fn break_something(random: &Random, wires: &[Wire], hubs: &Hubs) {
    let wire = &wires[usize::try_from(random.below(4)).unwrap()];
    let whole = State::default();
    match random.below(8) {
        0 | 1 => wire.set(State { cut_after: usize::try_from(random.below(3_000)).ok(), ..whole }),
        2 => wire.set(State { delay: Duration::from_millis(random.below(500)), ..whole }),
        3 => wire.set(State { is_silent: [true, true], ..whole }),
        4 => wire.set(State { is_silent: [true, false], ..whole }),
        5 => wire.set(State { is_silent: [false, true], ..whole }),
        6 if random.below(2) == 0 => hubs.replace(),
        // The process stands still, and with it all that it has.
        6 => advance(Duration::from_secs(random.below(60))).await,
        _ => wires.iter().for_each(|wire| wire.set(whole)),
    }
}
