//! A hub that calls its plugins by types: with a client generated from a plugin, and with one
//! generated from a trait, for hubs without the plugin's crate.
//!
//! ```console
//! $ cargo run --example typed_client
//! ```

#[path = "support/report.rs"]
mod report;

use std::time::Duration;

use brpc::{Plugin, Socket};
use report::Report;
use tokio::net::TcpListener;

/// A plugin. `client` generates `CalculatorClient` from its methods.
struct Calculator {
    name: String,
}

#[brpc::plugin(client)]
impl Calculator {
    /// Adds two numbers.
    pub fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    /// Divides one number by another.
    pub fn divide(&self, a: f64, b: f64) -> Result<f64, String> {
        if b == 0.0 { Err(format!("{a} can't be divided by nothing")) } else { Ok(a / b) }
    }

    /// Its own name; a caller gets a `String`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What a hub needs to know of the same plugins. `client` generates `NamedClient` from it.
#[brpc::client]
trait Named {
    async fn name(&self) -> String;
}

/// A method that no calculator has.
#[brpc::client]
trait Greet {
    async fn greet(&self, name: String) -> String;
}

#[tokio::main]
async fn main() -> Result<(), Report> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let hub = Socket::default();
    hub.serve(listener);

    // Normally other processes.
    for name in ["ada", "bob"] {
        let plugin = Plugin::new(Calculator { name: name.to_owned() }).name(name);
        tokio::spawn(plugin.connect(address).await?.run());
    }

    let ada = CalculatorClient::new(&hub, "ada");
    // Calls nothing yet: compares the client with the plugin's description.
    ada.check_interface()?;
    let greeter = GreetClient::new(&hub, "ada");
    if let Err(difference) = greeter.check_interface() {
        println!("{difference}");
    }
    println!("1 + 2 = {}", ada.add(1, 2).await?);
    println!("1 / 4 = {}", ada.divide(1.0, 4.0).timeout(Duration::from_secs(1)).await?);
    match ada.divide(1.0, 0.0).await {
        Ok(quotient) => println!("1 / 0 = {quotient}"),
        Err(error) => println!("1 / 0: {error}"),
    }

    // All of them at once, in the order of their answers.
    let mut names = Vec::new();
    let mut answers = NamedClient::all(&hub).name();
    while let Some((_, name)) = answers.next().await {
        names.push(name?);
    }
    names.sort();
    println!("connected: {}", names.join(", "));

    // This plugin, and no later one of its name.
    for plugin in hub.connected() {
        let name = NamedClient::instance(&hub, &plugin).name().await?;
        println!("connection {} is {name}", plugin.generation());
    }

    hub.shutdown().await;
    Ok(())
}
