//! Hub and plugin in one program; the plugin dials in to the hub over TCP.
//!
//! ```console
//! $ cargo run --example quickstart
//! ```

#[path = "support/report.rs"]
mod report;
#[path = "support/signal.rs"]
mod signal;

use std::net::SocketAddr;
use std::time::Duration;

use brpc::{AsyncHook, ConnectError, EndReason, Event, Plugin, Socket};
use report::Report;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// The input of `greet`. A hub in another program has a type of its own, or builds JSON.
#[derive(Deserialize, JsonSchema, Serialize)]
struct Greet {
    name: String,
}

/// The output of `greet`.
#[derive(Deserialize, JsonSchema, Serialize)]
struct Greeting {
    text: String,
}

/// A method may return any error that can be displayed.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The plugin: any type of yours.
struct Greeter {
    hook: AsyncHook,
}

#[brpc::plugin]
impl Greeter {
    /// Greets somebody by name.
    pub async fn greet(&self, req: Greet) -> Result<Greeting, BoxError> {
        if req.name.is_empty() {
            return Err("whom shall I greet?".into());
        }
        self.hook.emit(&format!("{} is here", req.name)).await?;
        Ok(Greeting { text: format!("Hello, {}!", req.name) })
    }

    #[brpc(hook)]
    fn use_async_hook(&mut self, hook: AsyncHook) {
        self.hook = hook;
    }
}

#[tokio::main]
async fn main() -> Result<(), Report> {
    let stop = signal::stop_signal()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let hub = Socket::default();
    hub.serve(listener);

    // Normally another process, on another machine.
    let plugin = tokio::spawn(run_plugin(address));

    let result = tokio::select! {
        result = talk(&hub) => result,
        () = stop => Ok(()),
    };
    // Lets calls finish, lets every plugin leave, and closes the port.
    hub.shutdown().await;
    println!("the plugin's run ended: {}", plugin.await??);
    result
}

/// The plugin's side: dials in, and answers calls until one of the two sides ends it.
async fn run_plugin(hub: SocketAddr) -> Result<EndReason, ConnectError> {
    let session = Plugin::new(Greeter { hook: AsyncHook::default() }).connect(hub).await?;
    Ok(session.run().await)
}

/// The hub's side: waits for the plugin, and calls its methods.
async fn talk(hub: &Socket) -> Result<(), Report> {
    let mut events = hub.events();
    hub.wait_for("greeter", Duration::from_secs(5)).await?;

    let greeting: Greeting = hub.call("greeter", "greet", &Greet { name: "Ada".into() }).await?;
    println!("greet: {}", greeting.text);

    // An input is any type that serializes, an output any type that deserializes.
    let nobody = serde_json::json!({ "name": "" });
    let call = hub.call::<serde_json::Value>("greeter", "greet", &nobody);
    match call.timeout(Duration::from_secs(1)).await {
        Ok(greeting) => println!("greet: {greeting}"),
        Err(error) => println!("greet: {error}"),
    }

    // Events that a method sends before it returns arrive before its answer.
    while let Some(event) = events.next().await {
        if let Event::Message(message) = event {
            println!("event from {}: {}", message.plugin().name(), message.decode::<String>()?);
            break;
        }
    }

    for plugin in hub.connected() {
        println!("connected: {}", plugin.name());
        for function in hub.plugin_info(plugin.name()).into_iter().flat_map(|info| info.functions) {
            println!("  {}: {}", function.name, function.description);
        }
    }

    let report = hub.unplug("greeter").await?;
    println!("left cleanly: {}", report.is_clean());
    println!("connected: {}", hub.connected().len());
    Ok(())
}
