//! A hub in a process of its own. It follows the orders on its standard input.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use brpc::{Event, Execution, PluginRef, Socket};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::flood::{flood, steady, unread};
use crate::mutual;
use crate::process::{DESCRIPTORS, Growth, HEARTBEAT, LISTEN, RATE, limits, memory, say};
use crate::record::{OUTCOMES, Record, verdict};

struct Desk {
    hub: Socket,
    record: Record,
    /// The numbers of calls, which differ from those of any other hub.
    last: AtomicU64,
    /// How many are in progress.
    pending: AtomicUsize,
}

pub async fn be() {
    let mut limits = limits(HEARTBEAT);
    if std::env::var_os(DESCRIPTORS).is_some() {
        // No connection is closed for being slow, so there are none left.
        limits.hello_deadline = Duration::from_mins(10);
    }
    // In a network of its own, if it is in a namespace.
    let hub = Socket::builder().limits(limits).allow_insecure();
    let hub = match mutual::of_hub() {
        Some((tls, known)) => hub.tls(tls).authenticator(known).build(),
        None => hub.build(),
    };
    tokio::spawn(tell(hub.clone()));
    let listener = bind(&std::env::var(LISTEN).unwrap()).await;
    let address = listener.local_addr().unwrap();
    let serving = hub.serve(listener);
    say(&format!("listening {address}"));
    let last = AtomicU64::new(u64::from(std::process::id()) << 32);
    let (record, pending) = (Record::of(OUTCOMES), AtomicUsize::new(0));
    let desk = Arc::new(Desk { hub, record, last, pending });
    let mut load: Option<JoinHandle<()>> = None;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        match *line.split(' ').collect::<Vec<_>>() {
            // So many calls a second.
            ["load", rate] => {
                load = Some(tokio::spawn(keep_calling(desk.clone(), rate.parse().unwrap())));
            }
            // So many calls that outlive their links.
            ["jobs", calls] => {
                let plugins = desk.hub.connected();
                for turn in 0..calls.parse().unwrap() {
                    let plugin: &PluginRef = &plugins[turn % plugins.len()];
                    desk.pending.fetch_add(1, Ordering::SeqCst);
                    drop(tokio::spawn(have_done(desk.clone(), plugin.name().to_owned())));
                }
            }
            // Until all of them have ended.
            ["rest"] => {
                load.take().inspect(JoinHandle::abort);
                while desk.pending.load(Ordering::SeqCst) > 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                say("resting");
            }
            // More than fits between the processes.
            ["fill", plugin] => {
                for _ in 0..64 {
                    let input = "x".repeat(256 * 1024);
                    let call = desk.hub.call::<usize>(plugin, "length", &input).timeout(None);
                    drop(tokio::spawn(call));
                }
            }
            // How long calls to the plugins that are well take, for a second.
            ["steady"] => {
                let hub = desk.hub.clone();
                tokio::spawn(async move {
                    let mut times = steady(hub, Duration::from_secs(1)).await;
                    times.sort_unstable();
                    let [half, most] = [50, 99].map(|part| times[times.len() * part / 100]);
                    say(&format!("steady {} {}", half.as_micros(), most.as_micros()));
                });
            }
            ["flood", plugin] => {
                let (hub, plugin) = (desk.hub.clone(), plugin.to_owned());
                tokio::spawn(async move {
                    let growth = Growth::begin();
                    let [sent, queued, refused] = flood(hub, &plugin).await;
                    say(&format!("flooded {} {sent} {queued} {refused}", growth.so_far()));
                });
            }
            ["unread", plugin, count] => {
                let (grown, calls) = unread(&desk.hub, plugin, count.parse().unwrap()).await;
                say(&format!("unread {grown} {calls}"));
            }
            // A shutdown with so many milliseconds of grace, or one plugin less.
            ["shutdown", grace] => {
                let (hub, grace) = (desk.hub.clone(), millis(grace));
                let (took, report) = timed(hub.shutdown().grace(grace)).await;
                say(&format!("shut {took} {}", report.plugins.len()));
            }
            ["unplug", plugin, grace] => {
                let (took, report) = timed(desk.hub.unplug(plugin).grace(millis(grace))).await;
                say(&format!("unplugged {took} {:?}", report.map(|report| report.reason)));
            }
            // A call that nobody awaits the end of.
            ["begin", plugin, method] => {
                let call = desk.hub.call::<()>(plugin, method, &()).timeout(None);
                drop(tokio::spawn(call.resumable(Duration::from_mins(1))));
            }
            ["wait", plugin] => {
                let call = desk.hub.call::<()>(plugin, "hang", &()).timeout(None);
                drop(tokio::spawn(call.wait_for_plugin(Duration::from_mins(1))));
            }
            ["look"] => {
                let (plugins, files) = (desk.hub.connected().len(), crate::process::files());
                let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
                say(&format!("look {plugins} {} {files} {tasks}", memory()));
            }
            _ => panic!("no such order: {line}"),
        }
    }
    drop(serving);
}

fn millis(text: &str) -> Duration {
    Duration::from_millis(text.parse().unwrap())
}

/// What comes out, and after how many milliseconds.
async fn timed<F: IntoFuture>(doing: F) -> (u128, F::Output) {
    let begin = Instant::now();
    let output = doing.await;
    (begin.elapsed().as_millis(), output)
}

/// The port may still be another hub's for a moment.
async fn bind(address: &str) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn tell(hub: Socket) {
    let mut events = hub.events().wait();
    while let Some(event) = events.next().await {
        match event {
            Event::Connected(plugin) => say(&format!("up {}", plugin.name())),
            Event::Disconnected(plugin, reason) => {
                say(&format!("down {} {reason:?}", plugin.name()));
            }
            _ => {}
        }
    }
}

/// Makes a call that outlives its link; again, if it never ran.
async fn have_done(desk: Arc<Desk>, plugin: String) {
    /// Longer than the link is away at any time.
    const WINDOW: Duration = Duration::from_mins(2);
    let n = 1 + desk.last.fetch_add(1, Ordering::SeqCst);
    desk.record.note(&format!("{n} made"));
    let outcome = loop {
        let call = desk.hub.call::<u64>(&plugin, "job", &n).timeout(None);
        let outcome = call.resumable(WINDOW).wait_for_plugin(WINDOW).queue().await;
        if !outcome.as_ref().is_err_and(|error| error.execution() == Execution::Never) {
            break outcome;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    desk.record.note(&format!("{n} {}", verdict(n, &outcome)));
    desk.pending.fetch_sub(1, Ordering::SeqCst);
}

/// Calls whoever is connected, one after the other.
async fn keep_calling(desk: Arc<Desk>, rate: usize) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    let mut turn = 0;
    loop {
        ticks.tick().await;
        let plugins = desk.hub.connected();
        for _ in 0..rate.div_ceil(RATE as usize) {
            if plugins.is_empty() {
                break;
            }
            turn += 1;
            let plugin = plugins[turn % plugins.len()].name().to_owned();
            let desk = desk.clone();
            desk.pending.fetch_add(1, Ordering::SeqCst);
            // In a task of its own: it outlives the load.
            drop(tokio::spawn(async move {
                let n = 1 + desk.last.fetch_add(1, Ordering::SeqCst);
                desk.record.note(&format!("{n} made"));
                let call = desk.hub.call::<u64>(&plugin, "answer", &n);
                let outcome = call.timeout(Duration::from_secs(5)).await;
                desk.record.note(&format!("{n} {}", verdict(n, &outcome)));
                desk.pending.fetch_sub(1, Ordering::SeqCst);
            }));
        }
    }
}
