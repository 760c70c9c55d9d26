//! Middleware, which each call passes: at the hub and in a plugin.
//!
//! ```console
//! $ cargo run --example middleware
//! ```

#[path = "support/report.rs"]
mod report;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use brpc::middleware::{hub, plugin};
use brpc::testing::plug;
use brpc::{Answer, Failure, Plugin, Socket, Status};
use report::Report;
use tokio::sync::Semaphore;

/// At the hub: how long the slowest call of each method took, whatever its outcome.
#[derive(Clone, Default)]
struct Timing(Arc<Mutex<BTreeMap<String, Duration>>>);

impl hub::Middleware<hub::Outgoing> for Timing {
    async fn handle(&self, call: hub::Outgoing, next: hub::Next) -> hub::Outcome {
        let _clock = Clock { timing: self, method: call.method.clone(), begin: Instant::now() };
        next.run(call).await
    }
}

/// Notes the time when it is dropped. Code after `run` isn't reached if the call is cancelled or
/// its deadline passes: then all of this is dropped.
struct Clock<'t> {
    timing: &'t Timing,
    method: String,
    begin: Instant,
}

impl Drop for Clock<'_> {
    fn drop(&mut self) {
        let mut slowest = self.timing.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slowest = slowest.entry(std::mem::take(&mut self.method)).or_default();
        *slowest = self.begin.elapsed().max(*slowest);
    }
}

/// At the hub: limits the calls at a time, over all plugins; the others wait for their turn, up to
/// their deadlines.
struct AtOnce(Semaphore);

impl hub::Middleware<hub::Outgoing> for AtOnce {
    async fn handle(&self, call: hub::Outgoing, next: hub::Next) -> hub::Outcome {
        let _place = self.0.acquire().await.expect("it is never closed");
        next.run(call).await
    }
}

/// In a plugin: logs a line for each call.
struct Logging;

impl plugin::Middleware<plugin::Incoming> for Logging {
    async fn handle(&self, call: plugin::Incoming, next: plugin::Next) -> Answer {
        let line = format!("{} for {}", call.method, call.context.trace());
        let answer = next.run(call).await;
        match &answer {
            Ok(output) => println!("{line}: {} bytes", output.len()),
            Err(failure) => println!("{line}: {:?} {}", failure.status, failure.message),
        }
        answer
    }
}

/// In a plugin: limits the calls at a time and refuses the others. The hub knows that those never
/// ran.
struct NoMoreThan(Semaphore);

impl plugin::Middleware<plugin::Incoming> for NoMoreThan {
    async fn handle(&self, call: plugin::Incoming, next: plugin::Next) -> Answer {
        let Ok(_place) = self.0.try_acquire() else {
            return Err(Failure::new(Status::Overloaded, "come back later"));
        };
        next.run(call).await
    }
}

struct Press;

#[brpc::plugin(client)]
impl Press {
    /// Prints a page, which takes a while.
    pub async fn print(&self, page: String) -> String {
        tokio::time::sleep(Duration::from_millis(50)).await;
        format!("*{page}*")
    }

    /// How much ink is left.
    pub fn ink(&self) -> Result<u8, String> {
        Err("the gauge is broken".to_owned())
    }
}

#[tokio::main]
async fn main() -> Result<(), Report> {
    let timing = Timing::default();
    // The first one added is outermost: the time includes the wait for a turn.
    let hub = Socket::builder().middleware(timing.clone()).middleware(AtOnce(Semaphore::new(2)));
    let hub = hub.build();
    let press = Plugin::new(Press).middleware(Logging).middleware(NoMoreThan(Semaphore::new(1)));
    let _plugged = plug(&hub, &press).await?;

    let press = PressClient::new(&hub, "press");
    println!("{:?}", press.ink().trace("t-1").await.map_err(|error| error.to_string()));
    println!("{}", press.print("one".to_owned()).trace("t-2").await?);

    let (first, second) = tokio::join!(
        press.print("two".to_owned()).trace("t-3"),
        press.print("three".to_owned()).trace("t-4"),
    );
    let refused = second.expect_err("one at a time");
    println!("{}, {refused}, did it run: {:?}", first?, refused.execution());

    let slowest = timing.0.lock().unwrap_or_else(PoisonError::into_inner);
    let slowest = slowest.iter().max_by_key(|(_, time)| **time);
    println!("slowest: {}", slowest.map_or("nothing", |(method, _)| method));
    Ok(())
}
