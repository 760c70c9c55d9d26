//! Events of plugins: for a subscriber that must miss nothing, and for one that only watches.
//!
//! ```console
//! $ cargo run --example events
//! ```

#[path = "support/report.rs"]
mod report;

use brpc::testing::plug;
use brpc::{AsyncHook, Event, HookError, Plugin, Socket};
use report::Report;

/// Counts, with an event for each number.
#[derive(Default)]
struct Counter {
    hook: AsyncHook,
}

#[brpc::plugin(client)]
impl Counter {
    /// Counts up to a number; each is an event. Waits while the hub's subscribers lag.
    pub async fn count(&self, to: u32) -> Result<(), HookError> {
        for number in 1..=to {
            self.hook.emit(&number).await?;
        }
        Ok(())
    }

    #[brpc(hook)]
    fn use_hook(&mut self, hook: AsyncHook) {
        self.hook = hook;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Report> {
    const COUNT: u32 = 5_000;
    let hub = Socket::default();
    // Plugins wait for this subscriber, however slow it is.
    let mut ledger = hub.events().wait();
    // This one keeps ten events, and misses old ones when it lags; that is the default.
    let mut monitor = hub.events().capacity(10);

    let _counter = plug(&hub, &Plugin::new(Counter::default())).await?;
    let counting = tokio::spawn(CounterClient::new(&hub, "counter").count(COUNT));

    let (mut sum, mut next) = (0_u64, 1);
    while next <= COUNT {
        match ledger.next().await {
            Some(Event::Message(message)) => {
                let number: u32 = message.decode()?;
                assert_eq!(number, next, "in order, and none is missing");
                (sum, next) = (sum + u64::from(number), next + 1);
            }
            Some(Event::Connected(plugin)) => println!("{} is here", plugin.name()),
            other => println!("{other:?}"),
        }
    }
    counting.await??;
    println!("the ledger has all {COUNT}: {sum}");

    let (mut missed, mut seen) = (0, Vec::new());
    while seen.last() != Some(&COUNT) {
        match monitor.next().await {
            Some(Event::Lagged(dropped)) => missed += dropped.total(),
            Some(Event::Message(message)) => seen.push(message.decode::<u32>()?),
            _ => {}
        }
    }
    println!("the monitor missed events: {}, and saw the last: {:?}", missed > 0, seen.last());
    Ok(())
}
