//! The independent plugin and hub in Python, as processes. Between them they send and receive every
//! kind of frame.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use brpc::{
    CallErrorKind, Context, DisconnectReason, Event, Events, HookError, Limits, MethodError,
    Plugin, Socket,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;

use crate::good::{LONG, serve};
use crate::scenario::{scenario, within};
use crate::slow::reason_of;

#[test]
fn a_plugin_in_another_language() {
    if !has_python() {
        return;
    }
    scenario(async {
        let mut limits = Limits::default();
        limits.event_credit = 4;
        let (hub, address) = serve(Socket::builder().limits(limits)).await;
        let mut events = hub.events();
        let mut seen = Seen::default();

        let python = plugin(address, "python");
        hub.wait_for("python", LONG).await.unwrap();
        let Some(Event::Connected(_)) = events.next().await else { panic!() };
        assert_eq!(message(&mut events).await, json!({"hello": "python"}));
        answers(&hub).await;
        metadata(&hub).await;
        // More than its credit is for.
        for n in 0..16 {
            hub.call::<()>("python", "announce", &n).await.unwrap();
            assert_eq!(message(&mut events).await, json!(n));
        }
        let again =
            within("a refusal", plugin(address, "python").wait_with_output()).await.unwrap();
        assert!(!again.status.success());
        assert!(seen.note(&again.stdout).contains("refused 6 "), "its name is taken");
        let id = python.id().unwrap().to_string();
        assert!(Command::new("kill").arg(id).status().await.unwrap().success());
        assert_eq!(reason_of(&mut events, "python").await, DisconnectReason::Clean);
        let left = within("its end", python.wait_with_output()).await.unwrap();
        assert!(left.status.success());
        seen.note(&left.stdout);

        let python = plugin(address, "drained");
        hub.wait_for("drained", LONG).await.unwrap();
        let sleeping = tokio::spawn(hub.call::<u64>("drained", "sleep", &600_000).into_future());
        // Behind which it is known to run.
        hub.call::<Value>("drained", "echo", &1).await.unwrap();
        let unplug = hub.unplug("drained").retry_after(Duration::from_secs(7));
        unplug.grace(Duration::from_millis(50)).await.unwrap();
        assert!(sleeping.await.unwrap().is_err());
        let told = within("its end", python.wait_with_output()).await.unwrap();
        let told = seen.note(&told.stdout);
        assert!(told.contains("return 7000\n") && told.contains("goodbye 2 "), "{told}");

        let borders = within("the borders", plugin(address, "--borders").wait_with_output()).await;
        let borders = borders.unwrap();
        assert!(borders.status.success(), "see its error above");
        assert!(seen.note(&borders.stdout).contains("tried "));
        assert_eq!(seen, Seen::by("plugin"), "kinds of frames");
        hub.shutdown().await;
    });
}

#[test]
fn a_hub_in_another_language() {
    if !has_python() {
        return;
    }
    scenario(async {
        let mut hub = python("hub.py", &[]);
        let mut output = BufReader::new(hub.stdout.take().unwrap());
        let mut line = String::new();
        within("its port", output.read_line(&mut line)).await.unwrap();
        let port: u16 = line.trim().strip_prefix("port ").unwrap().parse().unwrap();
        let subject = Subject::default();
        let mut limits = Limits::default();
        limits.max_calls = 16;
        let plugin = Plugin::new(subject).name("rust").limits(limits);
        let dialling = async {
            loop {
                // Whether it is refused, cut off or asked to leave: the hub says what is next.
                let Ok(session) = plugin.connect(("127.0.0.1", port)).await else { continue };
                let stop = plugin.receiver().leave.notified();
                session.run_until(stop, LONG).await;
            }
        };
        let status = tokio::select! {
            status = within("its end", hub.wait()) => status.unwrap(),
            () = dialling => unreachable!("it dials for ever"),
        };
        assert!(status.success(), "see its error above");
        let mut rest = Vec::new();
        output.read_to_end(&mut rest).await.unwrap();
        let mut seen = Seen::default();
        assert!(seen.note(&rest).contains("tried "));
        assert_eq!(seen, Seen::by("hub"), "kinds of frames");
    });
}

/// As many calls at once as it takes, and those that fail.
async fn answers(hub: &Socket) {
    let answers = (0..1_000).map(|n| hub.call::<Value>("python", "echo", &json!([n])).queue());
    for (n, answer) in join_all(answers).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap(), json!([n]));
    }
    let given = json!({"code": "busy", "message": "later", "data": [1]});
    let error = hub.call::<Value>("python", "fail", &given).await.unwrap_err();
    let error = error.method_error().unwrap();
    assert_eq!((error.code(), error.message(), error.data()), ("busy", "later", Some(&json!([1]))));
    let call = hub.call::<Value>("python", "sleep", &600_000);
    let error = call.timeout(Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::DeadlineExceeded { .. }), "{error:?}");
    // Cancelled when it is known to run.
    tokio::select! {
        biased;
        slept = hub.call::<u64>("python", "sleep", &600_000) => panic!("{slept:?}"),
        one = hub.call::<Value>("python", "echo", &1) => assert_eq!(one, Ok(json!(1))),
    }
    // Long enough for a heartbeat of the hub.
    assert_eq!(hub.call::<u64>("python", "sleep", &1_200).await, Ok(1_200));
    // The places are free again, or these would not fit.
    let sleeps = (0..64).map(|n| hub.call::<u64>("python", "sleep", &n).queue());
    for (n, slept) in (0..).zip(join_all(sleeps).await) {
        assert_eq!(slept, Ok(n));
    }
}

/// As much as there may be, with keys that are empty and equal.
async fn metadata(hub: &Socket) {
    let mut call = hub.call::<Value>("python", "echo", &json!("x"));
    let pairs: Vec<_> = (0..64).map(|n| (["", "a"][n % 2], "v".repeat(n % 3))).collect();
    for (key, value) in &pairs {
        call = call.metadata(*key, value);
    }
    let response = call.response().await.unwrap();
    assert!(response.metadata.iter().eq(pairs.iter().map(|(key, value)| (*key, &**value))));
}

async fn message(events: &mut Events) -> Value {
    let Some(Event::Message(message)) = within("an event", events.next()).await else { panic!() };
    message.decode().unwrap()
}

/// The plugin that the hub in Python calls.
#[derive(Default)]
struct Subject {
    leave: Notify,
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
        tokio::time::sleep(Duration::from_millis(ms)).await;
        ms
    }

    pub async fn announce(&self, context: &Context, event: Value) -> Result<(), HookError> {
        context.hook().emit(&event).await
    }

    pub fn leave(&self) {
        self.leave.notify_one();
    }
}

/// The kinds of frames that the programs of a role have sent and received.
#[derive(Debug, Default, Eq, PartialEq)]
struct Seen {
    sent: BTreeSet<u8>,
    received: BTreeSet<u8>,
}

impl Seen {
    /// Every kind on the page that this role sends or receives; but for those of the feature
    /// Resumption, which these programs don't have.
    fn by(role: &str) -> Self {
        const RESUMPTION: [u8; 5] = [0x14, 0x15, 0x16, 0x17, 0x1D];
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol.md");
        let page = std::fs::read_to_string(page).unwrap();
        let mut all = Self::default();
        for row in page.lines().filter_map(|line| line.strip_prefix("| `0x")) {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let kind = u8::from_str_radix(cells[0].trim_end_matches('`'), 16).unwrap();
            if RESUMPTION.contains(&kind) {
                continue;
            }
            if cells[2] == role || cells[2] == "both" {
                all.sent.insert(kind);
            }
            if cells[2] != role {
                all.received.insert(kind);
            }
        }
        assert_eq!(all.sent.union(&all.received).count(), 18);
        all
    }

    /// Notes what a program says of itself in its last lines; returns all that it says.
    fn note(&mut self, output: &[u8]) -> String {
        let output = String::from_utf8_lossy(output).into_owned();
        for line in output.lines() {
            let mut words = line.split(' ');
            let kinds = match words.next() {
                Some("sent") => &mut self.sent,
                Some("received") => &mut self.received,
                _ => continue,
            };
            kinds.extend(words.map(|kind| kind.parse::<u8>().unwrap()));
        }
        output
    }
}

fn plugin(address: SocketAddr, name: &str) -> Child {
    python("plugin.py", &["127.0.0.1", &address.port().to_string(), name])
}

fn python(program: &str, arguments: &[&str]) -> Child {
    let script: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "tests", "conformance", program].iter().collect();
    let mut python = Command::new("python3");
    // No compiled modules in the tree.
    python.arg("-B").arg(script).args(arguments).stdout(Stdio::piped());
    python.kill_on_drop(true).spawn().unwrap()
}

fn has_python() -> bool {
    let has_it = std::process::Command::new("python3").arg("--version").output().is_ok();
    if !has_it {
        println!("skipped: there is no python3 here");
    }
    has_it
}
