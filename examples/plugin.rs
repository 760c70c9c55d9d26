//! One of two programs, the plugin: dials the `hub` example and answers its calls, and comes back if
//! the connection is lost.
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
#[path = "support/states.rs"]
mod states;

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
    let stop = signal::stop_signal()?;
    let stop = async {
        stop.await;
        println!("stopping");
    };

    let plugin = Plugin::new(Example { hook: AsyncHook::default() });
    let plugin = if gob.is_empty() { plugin } else { plugin.gob() };
    let run = plugin.run(&hub).until(stop, GRACE);
    let printing = tokio::spawn(states::print_states(run.states()));
    let reason = run.await?;
    printing.await?;
    println!("ended: {reason}");
    Ok(())
}
