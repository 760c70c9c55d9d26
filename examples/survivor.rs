//! A hub is restarted under its plugin, again and again, while a caller goes on calling.
//!
//! ```console
//! $ cargo run --example survivor
//! ```
//!
//! Nothing here waits for a connection by hand: the plugin comes back by itself, and the caller is
//! told of each call whether it may be made again.

#[path = "support/report.rs"]
mod report;
#[path = "support/states.rs"]
mod states;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brpc::{Backoff, Execution, Plugin, Socket};
use report::Report;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;

/// How many hubs there are, one after the other.
const HUBS: u32 = 4;

/// How long a hub lives, and for how long there is none then.
const LIFE: Duration = Duration::from_millis(700);
const DOWN: Duration = Duration::from_millis(300);

/// Counts the calls that it has answered.
#[derive(Default)]
struct Counter {
    calls: AtomicU64,
}

#[brpc::plugin(client)]
impl Counter {
    /// The number of this call.
    pub async fn count(&self) -> u64 {
        sleep(Duration::from_millis(20)).await;
        self.calls.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// What the calls ended in.
#[derive(Default)]
struct Tally {
    answered: AtomicU64,
    /// Not carried out, so the caller makes them again.
    not_started: AtomicU64,
    /// Perhaps carried out.
    in_doubt: AtomicU64,
}

#[tokio::main]
async fn main() -> Result<(), Report> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;

    // Normally another process, on another machine.
    let run = Plugin::new(Counter::default()).run(address);
    let run = run.backoff(Backoff::constant(Duration::from_millis(200)));
    let handle = run.handle();
    let printing = tokio::spawn(states::print_states(run.states()));
    let plugin = tokio::spawn(run.into_future());

    let (hub, tally) = (watch::Sender::new(serve(listener)), Tally::default());
    tokio::select! {
        restarted = restart(&hub, address) => restarted?,
        () = call_for_ever(&hub, &tally) => {}
    }
    handle.stop(Duration::from_secs(1));
    println!("ended: {}", plugin.await??);
    printing.await?;

    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!("{} calls answered", count(&tally.answered));
    println!("{} not started, and made again", count(&tally.not_started));
    println!("{} in doubt, because they were on their way", count(&tally.in_doubt));
    Ok(())
}

/// A hub on this port.
fn serve(listener: TcpListener) -> Socket {
    let hub = Socket::default();
    hub.serve(listener);
    hub
}

/// Ends one hub after the other, and starts the next one on the same port.
async fn restart(hub: &watch::Sender<Socket>, address: SocketAddr) -> Result<(), Report> {
    for number in 1..=HUBS {
        sleep(LIFE).await;
        // The first one lets calls finish; the others are cut off, as if their process was killed.
        let grace = if number == 1 { LIFE } else { Duration::ZERO };
        let ending = hub.borrow().clone();
        ending.shutdown().grace(grace).await;
        println!("-- hub {number} has ended");
        if number < HUBS {
            sleep(DOWN).await;
            hub.send_replace(serve(TcpListener::bind(address).await?));
            println!("-- hub {} serves", number + 1);
        }
    }
    Ok(())
}

/// Calls the plugin, whichever hub there is.
async fn call_for_ever(hub: &watch::Sender<Socket>, tally: &Tally) {
    loop {
        let current = hub.borrow().clone();
        let count = match CounterClient::new(&current, "counter").count().await {
            Ok(_) => &tally.answered,
            Err(error) if error.execution() == Execution::Never => {
                // The plugin, or the hub, is away for a moment.
                sleep(Duration::from_millis(20)).await;
                &tally.not_started
            }
            Err(_) => &tally.in_doubt,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}
