//! Plugins in Go.

use std::net::SocketAddr;

use brpc::{CallError, Socket};
use futures_util::FutureExt as _;
use serde_json::json;
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::program::Program;
use crate::scenario::GUARD;
use crate::toolchain;

/// The Go plugin, with more arguments.
pub fn start(hub: SocketAddr, name: &str, more: &[&str]) -> Program {
    let mut command = Command::new(toolchain::program("plugin"));
    command.args(["-hub", &hub.to_string(), "-name", name]).args(more);
    Program::start(command)
}

/// One that is connected.
pub async fn connect(hub: &Socket, address: SocketAddr, name: &str) -> Program {
    let mut program = start(address, name, &[]);
    program.expect(&format!("connected {name}")).await;
    hub.wait_for(name, GUARD).await.unwrap();
    program
}

/// A process with so many, whose names are `NAME-1` and so on, that are connected.
pub async fn connect_many(hub: &Socket, address: SocketAddr, name: &str, count: usize) -> Program {
    let program = start(address, name, &["-count", &count.to_string()]);
    hub.wait_for_all((1..=count).map(|n| format!("{name}-{n}")), GUARD).await.unwrap();
    program
}

/// A call that takes so long, and that the plugin has begun with.
pub async fn begin(hub: &Socket, name: &str, ms: u64) -> JoinHandle<Result<u64, CallError>> {
    let mut sleep = hub.call(name, "Sleep", &json!({"ms": ms}));
    assert!((&mut sleep).now_or_never().is_none());
    // It reads its calls one after the other.
    assert!(hub.call::<String>(name, "Who", &()).await.is_ok());
    tokio::spawn(sleep)
}

/// Fails unless all its plugins were asked to leave, and it has ended well.
pub async fn assert_left(program: Program) {
    let (lines, code) = program.finish().await;
    // Those of several plugins are mixed.
    let count = |what| lines.iter().filter(|line| *line == what).count();
    let closed = count("closed");
    assert!(closed > 0 && count("shutdown") == closed, "{lines:?}");
    assert_eq!(code, Some(0), "{lines:?}");
}
