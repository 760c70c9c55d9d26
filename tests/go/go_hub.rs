//! A hub in Go, and what it is told to do.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{ChildStdin, Command};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::program::Program;
use crate::scenario::within;
use crate::toolchain;

/// A hub that runs, as a process; killed when it is dropped.
pub struct GoHub {
    pub address: SocketAddr,
    orders: Orders,
    /// What it says unasked. Its sender ends with the process.
    notices: mpsc::UnboundedReceiver<Value>,
    /// Reads what it prints, to the end; its exit code.
    reading: tokio::task::JoinHandle<Option<i32>>,
    /// Dropped, or sent, to kill it.
    killing: oneshot::Sender<()>,
}

/// Tells a hub what to do; a cheap clone.
#[derive(Clone)]
pub struct Orders(Arc<Desk>);

#[derive(Default)]
struct Desk {
    input: Mutex<Option<ChildStdin>>,
    next: AtomicU64,
    /// Whoever waits for an answer, by the number of the order.
    waiting: std::sync::Mutex<HashMap<u64, oneshot::Sender<Value>>>,
}

impl GoHub {
    pub async fn start() -> Self {
        let mut program = Program::start(Command::new(toolchain::program("hub")));
        let line = program.line().await.unwrap();
        let address = line.strip_prefix("listening ").unwrap().parse().unwrap();
        let input = Mutex::new(Some(program.take_input()));
        let orders = Orders(Arc::new(Desk { input, ..Desk::default() }));
        let (sender, notices) = mpsc::unbounded_channel();
        let (killing, killed) = oneshot::channel();
        let reading = tokio::spawn(read(program, orders.clone(), sender, killed));
        Self { address, orders, notices, reading, killing }
    }

    pub fn orders(&self) -> Orders {
        self.orders.clone()
    }

    /// What it says next unasked.
    pub async fn notice(&mut self) -> Value {
        within("a notice", self.notices.recv()).await.expect("the hub has ended")
    }

    /// Has it wait for a plugin, of which it then says that it is connected.
    pub async fn wait_for(&mut self, name: &str) {
        let waited = self.orders.ask(json!({"do": "wait", "name": name, "ms": 60_000})).await;
        assert_eq!(waited, json!({"ok": true}));
        assert_eq!(self.notice().await, json!({"connected": name}));
    }

    pub async fn call(&self, name: &str, method: &str, payload: Value) -> Value {
        self.orders.call(name, method, payload).await
    }

    /// Ends it, which takes as long as calls run; all that it still said unasked.
    pub async fn shutdown(mut self) -> Vec<Value> {
        assert_eq!(self.orders.ask(json!({"do": "shutdown"})).await, json!({"ok": true}));
        assert_eq!(within("the hub's end", &mut self.reading).await.unwrap(), Some(0));
        let mut rest = Vec::new();
        while let Some(notice) = self.notices.recv().await {
            rest.push(notice);
        }
        rest
    }

    pub async fn kill(self) {
        self.killing.send(()).unwrap();
        assert_eq!(within("the hub's end", self.reading).await.unwrap(), None);
    }
}

impl Orders {
    /// What the hub answers, without the number that it repeats.
    pub async fn ask(&self, order: Value) -> Value {
        let answer = self.tell(order).await;
        let mut answer = within("an answer", answer).await.expect("the hub has ended");
        answer.as_object_mut().unwrap().remove("id");
        answer
    }

    /// Tells it what to do; the receiver gets the answer, if one comes.
    pub async fn tell(&self, mut order: Value) -> oneshot::Receiver<Value> {
        let id = self.0.next.fetch_add(1, Ordering::SeqCst);
        order["id"] = id.into();
        let (sender, answer) = oneshot::channel();
        self.0.waiting.lock().unwrap().insert(id, sender);
        let mut input = self.0.input.lock().await;
        input.as_mut().unwrap().write_all(format!("{order}\n").as_bytes()).await.unwrap();
        answer
    }

    /// Has it make a call; its answer, with the number, the trace and the method.
    pub async fn call(&self, name: &str, method: &str, payload: Value) -> Value {
        self.ask(json!({"do": "call", "name": name, "method": method, "payload": payload})).await
    }
}

/// Gives each answer to whoever waits for it, and passes on all else.
async fn read(
    mut program: Program,
    orders: Orders,
    notices: mpsc::UnboundedSender<Value>,
    mut killed: oneshot::Receiver<()>,
) -> Option<i32> {
    loop {
        let line = tokio::select! {
            line = program.line() => line,
            _ = &mut killed => {
                program.kill().await;
                return None;
            }
        };
        let Some(line) = line else { break };
        let said: Value = serde_json::from_str(&line).unwrap();
        let id = said["id"].as_u64();
        match id.and_then(|id| orders.0.waiting.lock().unwrap().remove(&id)) {
            // Nobody waits any more where a test has failed.
            Some(waiting) => drop(waiting.send(said)),
            None => drop(notices.send(said)),
        }
    }
    program.finish().await.1
}
