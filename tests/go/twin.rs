//! The Go plugin once more, in Rust: the same methods, under the same names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brpc::{AsyncHook, Plugin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use crate::scenario::eventually;

#[derive(Deserialize, JsonSchema, Serialize)]
pub struct Name {
    pub name: String,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Text {
    pub text: String,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

#[derive(Deserialize, JsonSchema, Serialize)]
pub struct Points {
    pub points: Vec<Point>,
}

/// What Go writes in its own ways.
#[derive(Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Kept {
    pub bytes: Vec<u8>,
    pub list: Vec<String>,
    pub of: BTreeMap<String, isize>,
}

/// An event, as the Go plugin sends it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Tick {
    pub n: u64,
    pub text: String,
}

/// What a test sees and does of the calls that wait; a cheap clone.
#[derive(Clone, Default)]
pub struct Gate(Arc<(watch::Sender<bool>, AtomicUsize)>);

impl Gate {
    /// Returns when so many calls wait.
    pub async fn has_waiting(&self, calls: usize) {
        eventually("the calls wait", || self.0.1.load(Ordering::SeqCst) == calls).await;
    }

    /// Lets them go on.
    pub fn open(&self) {
        self.0.0.send_replace(true);
    }
}

pub struct Twin {
    name: String,
    gate: Gate,
    hook: AsyncHook,
}

/// A twin of this name, and the gate at which its `Wait` waits.
pub fn twin(name: &str) -> (Plugin<Twin>, Gate) {
    let gate = Gate::default();
    let (hook, own_name) = (AsyncHook::default(), name.to_owned());
    (Plugin::new(Twin { name: own_name, gate: gate.clone(), hook }).name(name), gate)
}

#[allow(clippy::unused_self, clippy::needless_pass_by_value)] // Methods that are exposed.
#[allow(clippy::cast_precision_loss)] // Of few points.
#[brpc::plugin(version = "1.0.0", rename_all = "PascalCase")]
impl Twin {
    #[brpc(hook)]
    fn take_hook(&mut self, hook: AsyncHook) {
        self.hook = hook;
    }

    pub fn greet(&self, input: Name) -> Text {
        Text { text: format!("Hello, {}!", input.name) }
    }

    pub fn add(&self, a: isize, b: isize) -> isize {
        a + b
    }

    pub fn centre(&self, input: Points) -> Result<Point, &'static str> {
        if input.points.is_empty() {
            return Err("no points");
        }
        let mut centre = Point { x: 0.0, y: 0.0 };
        for point in &input.points {
            centre.x += point.x / input.points.len() as f64;
            centre.y += point.y / input.points.len() as f64;
        }
        Ok(centre)
    }

    pub fn echo(&self, value: Value) -> Value {
        value
    }

    pub fn fail(&self, input: Text) -> Result<(), String> {
        Err(input.text)
    }

    pub fn panic(&self, input: Text) {
        // As `panic!`, without a report among the harness's lines.
        std::panic::resume_unwind(Box::new(input.text));
    }

    /// Waits until the test opens the gate, then so many milliseconds more.
    pub async fn wait(&self, ms: u64) -> u64 {
        self.gate.0.1.fetch_add(1, Ordering::SeqCst);
        let _ = self.gate.0.0.subscribe().wait_for(|is_open| *is_open).await;
        tokio::time::sleep(Duration::from_millis(ms)).await;
        ms
    }

    pub async fn emit(&self, count: u64, text: Option<String>) -> Result<u64, String> {
        let text = text.unwrap_or_default();
        for n in 0..count {
            let tick = Tick { n, text: text.clone() };
            self.hook.emit(&tick).await.map_err(|error| error.to_string())?;
        }
        Ok(count)
    }

    pub fn keep(&self, input: Kept) -> Kept {
        input
    }

    pub fn nothing(&self) {}

    pub fn who(&self) -> String {
        self.name.clone()
    }
}
