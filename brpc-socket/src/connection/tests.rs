//! Plugins that the hub accepts and registers late, and in another task than the connection's.

use std::collections::vec_deque::Drain;
use std::sync::Arc;
use std::time::Duration;

use brpc_plugin::{ConnectError, Plugin, Session};
use brpc_proto::Event as ConnectionEvent;
use brpc_rt::{Link, SharedConnection, Slot};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::attached::Attached;
use crate::events::{Event, Events};
use crate::hub::{Config, Hub, Place, Registry};

struct Greeter;

#[brpc_plugin::plugin]
impl Greeter {
    /// Greets.
    pub fn greet(&self) -> String {
        "hello".to_owned()
    }
}

type Question = (Arc<Attached>, ConnectionEvent<Arc<Slot>>);

/// A connection that leaves the events of its handshake to another task.
struct Deliberating {
    attached: Arc<Attached>,
    questions: mpsc::UnboundedSender<Question>,
}

impl Link for Deliberating {
    fn connection(&self) -> &SharedConnection {
        self.attached.connection()
    }

    fn handle_events(&self, events: Drain<'_, ConnectionEvent<Arc<Slot>>>) {
        for event in events {
            match event {
                ConnectionEvent::Hello(_) | ConnectionEvent::Described(_) => {
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
}

impl Desk {
    fn new() -> Self {
        let hub = Arc::new(Hub::new(Config::default()));
        let events = Events::of(hub.bus());
        let (ask, questions) = mpsc::unbounded_channel();
        Self { hub, events, questions, ask }
    }

    /// A plugin that dials in.
    fn plugin(&self) -> JoinHandle<Result<Session<Greeter>, ConnectError>> {
        let (ours, theirs): (DuplexStream, DuplexStream) = tokio::io::duplex(1 << 16);
        let attached = Arc::new(Attached::new(&self.hub, None, Place::default()));
        let link = Deliberating { attached, questions: self.ask.clone() };
        tokio::spawn(async move { brpc_rt::drive(&link, ours).await });
        let plugin = Plugin::new(Greeter).name("greeter");
        tokio::spawn(async move { plugin.serve(theirs).await })
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
