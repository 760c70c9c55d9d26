//! One of two programs, the plugin: dials the `hub` example and answers its calls.
//!
//! ```console
//! $ cargo run --example hub
//! $ cargo run --example plugin       # in another terminal; takes the hub's address, if need be
//! ```
//!
//! `--gob` before the address dials a hub of the Go package instead.

#[path = "support/report.rs"]
mod report;
#[path = "support/signal.rs"]
mod signal;

use std::pin::pin;
use std::time::Duration;

use brpc::{AsyncHook, HookError, Plugin};
use report::Report;

/// The grace period when the program is asked to stop.
const GRACE: Duration = Duration::from_secs(5);

struct Example {
    hook: AsyncHook,
}

// The name must be unique among the hub's plugins.
#[brpc::plugin(name = "your_plugin_name", version = "your_plugin_version")]
impl Example {
    /// Sends two events, one before and one after a pause.
    #[brpc(rename = "ExampleMethod")]
    pub async fn example_method(&self) -> Result<String, HookError> {
        self.hook.emit("ExampleMethod started").await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.hook.emit("ExampleMethod ended").await?;
        Ok("Message".to_owned())
    }

    #[brpc(hook)]
    fn use_async_hook(&mut self, hook: AsyncHook) {
        self.hook = hook;
    }
}

#[tokio::main]
async fn main() -> Result<(), Report> {
    let (gob, addresses): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|arg| arg == "--gob");
    let hub = addresses.into_iter().next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let mut stop = pin!(signal::stop_signal()?);

    let plugin = Plugin::new(Example { hook: AsyncHook::default() });
    let plugin = if gob.is_empty() { plugin } else { plugin.gob() };
    let session = tokio::select! {
        session = plugin.connect(&hub) => session?,
        () = &mut stop => return Ok(()),
    };
    println!("connected to {hub} as {}", session.name());

    let stop = async {
        stop.await;
        println!("stopping");
    };
    let reason = session.run_until(stop, GRACE).await;
    if !reason.is_graceful() {
        return Err(format!("the connection was lost: {reason}").into());
    }
    println!("ended: {reason}");
    Ok(())
}
