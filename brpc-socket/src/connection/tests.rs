//! Plugins that the hub accepts and registers late, and in another task than the connection's.

use std::collections::vec_deque::Drain;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use brpc_core::{DisconnectReason, Function, Limits, RefusalCode};
use brpc_plugin::{ConnectError, Plugin, Session};
use brpc_proto::codec::Native;
use brpc_proto::{Connection, Description, Event as ConnectionEvent, Hello, Role, WriteBuffer};
use brpc_rt::{Link, SharedConnection, Slot};
use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::attached::Attached;
use crate::encryption::Encryption;
use crate::events::{Event, Events};
use crate::hub::{Config, Hub, Registry};

struct Greeter;

#[brpc_plugin::plugin]
impl Greeter {
    /// Greets.
    pub fn greet(&self) -> String {
        "hello".to_owned()
    }
}

type Dialling = JoinHandle<Result<Session<Greeter>, ConnectError>>;

type Question = (Arc<Attached>, ConnectionEvent<Arc<Slot>>);

/// A connection that leaves the events of its handshake to another task.
struct Deliberating {
    attached: Arc<Attached>,
    questions: mpsc::UnboundedSender<Question>,
    /// Whether the end of a connection is such an event as well.
    ends_are_asked: Arc<AtomicBool>,
}

impl Link for Deliberating {
    fn connection(&self) -> &SharedConnection {
        self.attached.connection()
    }

    fn poll_takes_events(&self, context: &mut Context<'_>) -> Poll<()> {
        self.attached.poll_takes_events(context)
    }

    fn handle_events(&self, events: Drain<'_, ConnectionEvent<Arc<Slot>>>) {
        for event in events {
            match event {
                ConnectionEvent::Hello(_) | ConnectionEvent::Described(_) => {
                    self.questions.send((self.attached.clone(), event)).unwrap();
                }
                ConnectionEvent::Closed(..) if self.ends_are_asked.load(Ordering::SeqCst) => {
                    self.questions.send((self.attached.clone(), event)).unwrap();
                }
                event => self.attached.handle_event(event),
            }
        }
    }
}

/// A hub whose handshakes the test decides.
struct Desk {
    hub: Arc<Hub>,
    events: Events,
    questions: mpsc::UnboundedReceiver<Question>,
    ask: mpsc::UnboundedSender<Question>,
    ends_are_asked: Arc<AtomicBool>,
}

impl Desk {
    fn new() -> Self {
        let hub = Arc::new(Hub::new(Config::default()));
        let events = Events::of(hub.bus());
        let (ask, questions) = mpsc::unbounded_channel();
        Self { hub, events, questions, ask, ends_are_asked: Arc::default() }
    }

    /// A plugin that dials in.
    fn plugin(&self) -> Dialling {
        self.dial(&Arc::new(Plugin::new(Greeter).name("greeter")))
    }

    /// The same plugin, which may have dialled before.
    fn dial(&self, plugin: &Arc<Plugin<Greeter>>) -> Dialling {
        let (ours, theirs): (DuplexStream, DuplexStream) = tokio::io::duplex(1 << 16);
        let link = self.link();
        tokio::spawn(async move { brpc_rt::drive(&link, ours).await });
        let plugin = plugin.clone();
        tokio::spawn(async move { plugin.serve(theirs).await })
    }

    fn link(&self) -> Deliberating {
        let attached = Arc::new(Attached::new(&self.hub, None, Encryption::Off, None));
        let ends_are_asked = self.ends_are_asked.clone();
        Deliberating { attached, questions: self.ask.clone(), ends_are_asked }
    }

    /// The next event of a handshake, not yet answered.
    async fn question(&mut self) -> Question {
        self.questions.recv().await.unwrap()
    }

    /// Answers the next event of a handshake as a hub does.
    async fn decide(&mut self) {
        let (attached, question) = self.question().await;
        attached.handle_event(question);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_is_let_in_when_that_is_decided() {
    let mut desk = Desk::new();
    let plugin = desk.plugin();
    for _ in 0..2 {
        sleep(Duration::from_secs(2)).await;
        assert!(!plugin.is_finished() && desk.hub.plugin("greeter").is_none());
        desk.decide().await;
    }
    assert_eq!(plugin.await.unwrap().unwrap().name(), "greeter");
    assert!(matches!(desk.events.next().await, Some(Event::Connected(_))));
}

#[tokio::test(start_paused = true)]
async fn one_for_whom_it_is_decided_too_late_takes_no_name() {
    let mut desk = Desk::new();
    for _ in 0..2 {
        let plugin = desk.plugin();
        desk.decide().await;
        let (attached, question) = desk.question().await;
        assert!(plugin.await.unwrap().is_err());
        sleep(Duration::from_secs(5)).await;
        attached.handle_event(question);
        assert_eq!(desk.hub.with_registry(Registry::names), 0);
    }
    // No subscriber has received an event.
    desk.hub.bus().close();
    assert!(desk.events.next().await.is_none());
}

/// As a takeover must do.
#[tokio::test(start_paused = true)]
async fn a_name_can_be_given_when_its_last_connection_has_ended() {
    let mut desk = Desk::new();
    let first = desk.plugin();
    desk.decide().await;
    desk.decide().await;
    let session = first.await.unwrap().unwrap();
    let old = desk.hub.plugin("greeter").unwrap();

    let second = desk.plugin();
    desk.decide().await;
    let (attached, question) = desk.question().await;
    tokio::spawn(async move {
        old.ended().await;
        attached.handle_event(question);
    });
    sleep(Duration::from_secs(1)).await;
    assert!(!second.is_finished());
    drop(session);
    assert_eq!(second.await.unwrap().unwrap().name(), "greeter");
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(match desk.events.next().await {
            Some(Event::Connected(plugin)) => ("connected", plugin.generation()),
            Some(Event::Disconnected(plugin, _)) => ("disconnected", plugin.generation()),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(told, [("connected", 1), ("disconnected", 1), ("connected", 2)]);
}

/// What has been told of each generation so far.
fn told(hub: &Hub, events: &mut Events) -> Vec<(&'static str, u64)> {
    let told = all_events(hub, events).into_iter().map(|event| match event {
        Event::Connected(plugin) => ("connected", plugin.generation()),
        Event::Disconnected(plugin, DisconnectReason::Replaced) => {
            ("replaced", plugin.generation())
        }
        other => panic!("{other:?}"),
    });
    told.collect()
}

/// The plugin dials again, and goes before the hub has decided: it takes nothing with it.
#[tokio::test(start_paused = true)]
async fn one_that_has_gone_replaces_nobody() {
    let mut desk = Desk::new();
    let plugin = Arc::new(Plugin::new(Greeter).name("greeter"));
    let first = desk.dial(&plugin);
    desk.decide().await;
    desk.decide().await;
    let _session = first.await.unwrap().unwrap();
    let again = desk.dial(&plugin);
    desk.decide().await;
    let (attached, question) = desk.question().await;
    again.abort();
    let link = attached.link().clone();
    while !link.is_over() {
        sleep(Duration::from_millis(1)).await;
    }
    attached.handle_event(question);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(desk.hub.plugin("greeter").unwrap().id, 1);
    assert!(desk.hub.plugin("greeter").unwrap().is_ready());
    assert_eq!(told(&desk.hub, &mut desk.events), [("connected", 1)]);
}

/// The hub begins to shut down between the plugin's description and its registration.
#[tokio::test(start_paused = true)]
async fn nobody_is_replaced_once_the_hub_shuts_down() {
    let mut desk = Desk::new();
    let plugin = Arc::new(Plugin::new(Greeter).name("greeter"));
    let first = desk.dial(&plugin);
    desk.decide().await;
    desk.decide().await;
    let session = first.await.unwrap().unwrap();
    let again = desk.dial(&plugin);
    desk.decide().await;
    let (attached, question) = desk.question().await;
    desk.hub.phase().stop();
    attached.handle_event(question);
    let Err(ConnectError::Refused(refused)) = again.await.unwrap() else { panic!() };
    assert_eq!(refused.code, RefusalCode::ShuttingDown);
    assert!(desk.hub.plugin("greeter").unwrap().is_ready());
    drop(session);
}

/// The end of a connection that lost its name is reported late; until then nothing is said of the
/// one that has it, which can be called all the same.
#[tokio::test(start_paused = true)]
async fn nothing_is_reported_of_one_before_the_end_of_the_other() {
    let mut desk = Desk::new();
    let plugin = Arc::new(Plugin::new(Greeter).name("greeter"));
    let first = desk.dial(&plugin);
    desk.decide().await;
    desk.decide().await;
    let old = desk.hub.plugin("greeter").unwrap();
    desk.ends_are_asked.store(true, Ordering::SeqCst);
    let _old_session = first.await.unwrap().unwrap();
    let second = desk.dial(&plugin);
    desk.decide().await;
    desk.decide().await;
    let new_session = second.await.unwrap().unwrap();
    let (attached, end) = desk.question().await;
    let new = desk.hub.plugin("greeter").unwrap();
    assert!(old.is_over() && new.id == 2 && new.is_ready());
    sleep(Duration::from_secs(1)).await;
    let mut events = Events::of(desk.hub.bus());
    attached.handle_event(end);
    drop(attached);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(told(&desk.hub, &mut events), [("replaced", 1), ("connected", 2)]);
    drop(new_session);
}

/// A plugin's side of a connection, with no driver and no clock of its own.
struct Dialled {
    connection: Connection<()>,
    stream: DuplexStream,
    now: std::time::Instant,
}

impl Dialled {
    fn new(stream: DuplexStream) -> Self {
        let now = std::time::Instant::now();
        let description = Description::new(&[Function::new("greet")]).unwrap();
        let hello = Hello::new("greeter", description.into());
        let codec = Box::new(Native::new(Role::Plugin));
        let connection = Connection::dialled(codec, hello, Limits::default(), now);
        Self { connection, stream, now }
    }

    /// What it has to send, when it has something.
    async fn next(&mut self) -> Vec<u8> {
        let (mut out, mut input) = (WriteBuffer::new(), BytesMut::new());
        loop {
            self.connection.poll_transmit(&mut out, self.now);
            if out.has_remaining() {
                return out.copy_to_bytes(out.remaining()).to_vec();
            }
            self.stream.read_buf(&mut input).await.unwrap();
            self.connection.handle_input(&mut input, self.now);
        }
    }

    async fn send_next(&mut self) {
        let bytes = self.next().await;
        self.stream.write_all(&bytes).await.unwrap();
    }
}

/// What came of all plugins, after the end.
fn all_events(hub: &Hub, events: &mut Events) -> Vec<Event> {
    hub.bus().close();
    std::iter::from_fn(|| futures_util::FutureExt::now_or_never(events.next()).flatten()).collect()
}

/// A hub that was stopped for a moment takes the description in at the deadline: in one turn the plugin
/// has described itself, and is refused.
#[tokio::test]
async fn one_whose_connection_has_just_ended_is_neither_connected_nor_disconnected() {
    let mut config = Config::default();
    config.limits.hello_deadline = Duration::from_millis(500);
    let hub = Arc::new(Hub::new(config));
    let mut events = Events::of(hub.bus());
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    super::attach(&hub, ours, None, Encryption::Off, None);
    let mut plugin = Dialled::new(theirs);
    plugin.send_next().await;
    let describe = plugin.next().await;
    sleep(Duration::from_millis(400)).await;
    plugin.stream.write_all(&describe).await.unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let mut rest = Vec::new();
    plugin.stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(hub.with_registry(Registry::names), 0);
    let told = all_events(&hub, &mut events);
    assert!(told.is_empty(), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn one_who_waits_for_a_decision_is_not_read() {
    /// Much more than what is read of it.
    const MUCH: usize = 4 << 20;
    let mut desk = Desk::new();
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let link = desk.link();
    tokio::spawn(async move { brpc_rt::drive(&link, ours).await });
    let mut plugin = Dialled::new(theirs);
    plugin.send_next().await;
    let _hello = desk.question().await;
    let mut taken = 0;
    let bytes = [0; 1 << 12];
    while taken < MUCH
        && timeout(Duration::from_secs(1), plugin.stream.write_all(&bytes)).await.is_ok()
    {
        taken += bytes.len();
    }
    assert!(taken < 256 << 10, "{taken} bytes");
}
