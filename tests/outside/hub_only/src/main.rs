//! A hub that knows brpc-socket and no other crate of brpc. Prints its address, waits for the
//! plugin `greeter`, calls it, and lets it go.

use std::error::Error;
use std::time::Duration;

use brpc_socket::{Event, Socket};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

#[derive(Serialize)]
struct Greet<'a> {
    name: &'a str,
}

#[derive(Deserialize)]
struct Greeting {
    text: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let hub = Socket::builder().build();
    let mut events = hub.events();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    drop(hub.serve(listener));
    hub.wait_for("greeter", Duration::from_mins(1)).await?;

    let Some(Event::Connected(plugin)) = events.next().await else {
        return Err("no plugin".into());
    };
    println!("connected: {} {}", plugin.name(), plugin.version());
    for function in hub.plugin_info("greeter").ok_or("no plugin")?.functions {
        // A schema can be read, though nothing here makes one of a type.
        let input = function.input.ok_or("no input")?;
        let name = input.pointer("/properties/name/type").and_then(|it| it.as_str());
        println!("function: {}: {} name: {}", function.name, function.description, name.unwrap());
    }
    let greeting: Greeting = hub.call("greeter", "greet", &Greet { name: "Ada" }).await?;
    println!("greeting: {}", greeting.text);
    let Some(Event::Message(message)) = events.next().await else { return Err("no event".into()) };
    println!("event: {}", message.decode::<String>()?);
    match hub.call::<Greeting>("greeter", "greet", &Greet { name: "" }).await {
        Err(error) if error.method_error().is_some() => println!("error: {error}"),
        _ => return Err("an empty name was greeted".into()),
    }
    println!("shutdown: {}", hub.shutdown().await.is_clean());
    Ok(())
}
