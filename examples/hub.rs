//! One of two programs, the hub: waits for the `plugin` example and calls it.
//!
//! ```console
//! $ cargo run --example hub          # takes another address to listen on, if need be
//! $ cargo run --example plugin       # in another terminal
//! ```

#[path = "support/report.rs"]
mod report;
#[path = "support/signal.rs"]
mod signal;

use std::pin::pin;
use std::time::Duration;

use brpc::{Event, Events, PluginRef, Socket};
use report::{Report, chain};
use tokio::net::TcpListener;

/// The name of the plugin to wait for.
const PLUGIN: &str = "your_plugin_name";

/// The grace period when the program is asked to stop.
const GRACE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Report> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let stop = signal::stop_signal()?;

    let hub = Socket::default();
    let events = tokio::spawn(print_events(hub.events()));

    let bound = TcpListener::bind(&address).await;
    let listener = bound.map_err(|error| format!("{address}: {}", chain(&error)))?;
    println!("Listening on {}", listener.local_addr()?);
    let serving = hub.serve(listener);

    let mut talk = pin!(talk(&hub));
    let result = tokio::select! {
        result = &mut talk => result,
        // While the hub doesn't shut down, it ends with an error only.
        ended = serving => ended.map_err(Into::into),
        () = stop => {
            println!("Stopping");
            // Calls in progress finish; later ones are refused.
            let _ = tokio::join!(hub.shutdown().grace(GRACE), talk);
            Ok(())
        }
    };

    // Shut the hub down; every plugin learns why its run ends. Twice is the same as once.
    let report = hub.shutdown().grace(GRACE).await;
    for left in report.plugins.iter().filter(|left| !left.is_clean()) {
        println!("Cut off: {} ({}, {} calls)", shown(&left.plugin), left.reason, left.cut);
    }
    // Streams of events end with the hub.
    events.await?;
    println!("Shut down");
    result
}

/// Calls the plugin as soon as it is connected, and unplugs it.
async fn talk(hub: &Socket) -> Result<(), Report> {
    hub.wait_for(PLUGIN, Duration::from_secs(30)).await?;

    let response: String = hub.call(PLUGIN, "ExampleMethod", &()).await?;
    println!("Response: {response}");

    // List the connected plugins.
    print_list(hub);

    // Any plugin can be unplugged. The trace id reaches it.
    match hub.unplug(PLUGIN).trace("1").await {
        Ok(report) => println!("Unplugged: {} calls were cut off", report.cut),
        // It left by itself.
        Err(error) => println!("Not unplugged: {error}"),
    }
    print_list(hub);
    Ok(())
}

fn print_list(hub: &Socket) {
    let names: Vec<String> = hub.connected().iter().map(shown).collect();
    println!("List: [{}]", names.join(", "));
}

/// The name of a plugin, with escapes: that of a Go program may be any text.
fn shown(plugin: &PluginRef) -> String {
    plugin.name().escape_debug().to_string()
}

/// Prints what happens, beside the calls.
async fn print_events(mut events: Events) {
    while let Some(event) = events.next().await {
        match event {
            Event::Connected(plugin) => {
                println!("Connected: {} {}", shown(&plugin), plugin.version().escape_debug());
            }
            Event::Message(message) => match message.decode::<String>() {
                Ok(text) => println!("Async: {text}"),
                Err(error) => println!("Async: {error}"),
            },
            Event::Disconnected(plugin, reason) => {
                let graceful = reason.is_graceful();
                println!("Disconnected: {} ({reason}), gracefully: {graceful}", shown(&plugin));
            }
            other => println!("{other:?}"),
        }
    }
}
