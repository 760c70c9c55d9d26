//! The hub in Python, with a plugin.

use std::future::IntoFuture as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brpc::{Backoff, Context, EndReason, HookError, Limits, MethodError, Plugin, Secret, Token};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout};
use tokio::sync::Notify;

use super::{Seen, has_python, python};
use crate::good::LONG;
use crate::scenario::{scenario, within};

#[test]
fn a_hub_in_another_language() {
    if !has_python() {
        return;
    }
    scenario(async {
        let mut seen = Seen::default();
        let mut hub = PythonHub::start("hub.py").await;
        let plugin = subject();
        let dialling = async {
            loop {
                // Whether it is refused, cut off or asked to leave: the hub says what is next.
                let Ok(session) = plugin.connect(("127.0.0.1", hub.port)).await else { continue };
                let stop = plugin.receiver().leave.notified();
                session.run_until(stop, LONG).await;
            }
        };
        tokio::select! {
            _ = within("its end", hub.process.wait()) => {}
            () = dialling => unreachable!("it dials for ever"),
        };
        hub.end(&mut seen).await;

        // Whose connections break.
        let hub = PythonHub::start("resuming.py").await;
        let run = subject().run(("127.0.0.1", hub.port)).backoff(Backoff::constant(Duration::ZERO));
        let end = within("its end", run.into_future()).await;
        assert!(matches!(end, Ok(EndReason::Unplugged { .. })), "{end:?}");
        hub.end(&mut seen).await;
        assert_eq!(seen, Seen::by("hub"), "kinds of frames");
    });
}

/// A hub in Python.
struct PythonHub {
    process: Child,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl PythonHub {
    async fn start(program: &str) -> Self {
        let mut process = python(program, &[]);
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        within("its port", output.read_line(&mut line)).await.unwrap();
        Self { process, output, port: line.trim().strip_prefix("port ").unwrap().parse().unwrap() }
    }

    /// Its end, which must be good, and what it says of itself.
    async fn end(mut self, seen: &mut Seen) {
        let status = within("its end", self.process.wait()).await.unwrap();
        assert!(status.success(), "see its error above");
        let mut rest = Vec::new();
        self.output.read_to_end(&mut rest).await.unwrap();
        assert!(seen.note(&rest).contains("tried "));
    }
}

fn subject() -> Plugin<Subject> {
    let mut limits = Limits::default();
    limits.max_calls = 16;
    let secret = Secret::new("0123456789abcdef").unwrap();
    let plugin = Plugin::new(Subject::default()).name("rust").limits(limits);
    plugin.token(Token::text("a token")).secret("edge-7", secret)
}

/// The plugin that the hub in Python calls.
#[derive(Default)]
struct Subject {
    leave: Notify,
    /// How many handlers of `sleep` run.
    sleeping: AtomicU64,
}

#[brpc::plugin]
impl Subject {
    /// Gives its input and the call's metadata back.
    pub fn echo(&self, context: &Context, value: Option<Value>) -> Option<Value> {
        for (key, value) in context.metadata() {
            context.add_response_metadata(key, value).unwrap();
        }
        value
    }

    pub fn fail(&self, code: String, message: String, data: Value) -> Result<(), MethodError> {
        Err(MethodError::new(code, message).with_data(data))
    }

    pub async fn sleep(&self, ms: u64) -> u64 {
        let _sleeping = Sleeping::of(&self.sleeping);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        ms
    }

    pub fn running(&self) -> u64 {
        self.sleeping.load(Ordering::SeqCst)
    }

    pub async fn announce(&self, context: &Context, event: Value) -> Result<(), HookError> {
        context.hook().emit(&event).await
    }

    pub fn leave(&self) {
        self.leave.notify_one();
    }
}

/// Counted until it is dropped.
struct Sleeping<'a>(&'a AtomicU64);

impl<'a> Sleeping<'a> {
    fn of(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Sleeping<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
