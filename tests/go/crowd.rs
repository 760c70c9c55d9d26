//! Plugins of both kinds on one hub, and one port.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use brpc::{CallErrorKind, DisconnectReason, EndReason, Event, Execution, Socket, Wire};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::go_plugin;
use crate::good::serve;
use crate::peer::{Peer, garbage};
use crate::program::Program;
use crate::scenario::{eventually, within};
use crate::twin::{Text, Tick, twin};

/// How many plugins of each kind.
const EACH: usize = 10;

/// How many events each plugin sends.
const EVENTS: u64 = 500;

struct Crowd {
    hub: Socket,
    address: SocketAddr,
    natives: HashMap<String, JoinHandle<EndReason>>,
    /// The process of `go-1` to `go-9`.
    many: Program,
    /// The process of `go`, until it is killed.
    single: Option<Program>,
    /// All events so far, by plugin.
    ticks: Arc<Mutex<HashMap<String, Vec<Tick>>>>,
    /// Collects them until the hub ends.
    collecting: JoinHandle<()>,
}

impl Crowd {
    async fn gather() -> Self {
        let (hub, address) = serve(Socket::builder()).await;
        let ticks = Arc::<Mutex<HashMap<_, _>>>::default();
        let collecting = tokio::spawn(collect(hub.events().wait(), ticks.clone()));
        let mut natives = HashMap::new();
        for n in 1..=EACH {
            let name = format!("native-{n}");
            let session = twin(&name).0.connect(address).await.unwrap();
            natives.insert(name, tokio::spawn(session.run()));
        }
        let many = go_plugin::connect_many(&hub, address, "go", EACH - 1).await;
        let single = Some(go_plugin::connect(&hub, address, "go").await);
        Self { hub, address, natives, many, single, ticks, collecting }
    }

    /// The names of all that are connected.
    fn names(&self) -> Vec<String> {
        self.hub.connected().iter().map(|plugin| plugin.name().to_owned()).collect()
    }
}

async fn collect(mut events: brpc::Events, ticks: Arc<Mutex<HashMap<String, Vec<Tick>>>>) {
    while let Some(event) = events.next().await {
        match event {
            Event::Message(message) => {
                let (tick, name) = (message.decode().unwrap(), message.plugin().name().to_owned());
                ticks.lock().unwrap().entry(name).or_default().push(tick);
            }
            Event::Connected(_) | Event::Disconnected(..) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Calls all plugins in turns, until it is told to stop; how often it has.
async fn keep_calling(hub: Socket, names: Vec<String>, is_over: Arc<AtomicBool>) -> u64 {
    let mut n = 0;
    while !is_over.load(Ordering::SeqCst) {
        for name in &names {
            let sent = json!({"to": name, "n": n});
            assert_eq!(hub.call::<Value>(name, "Echo", &sent).await.as_ref(), Ok(&sent));
        }
        n += 1;
    }
    n
}

pub async fn twenty_plugins_of_both_kinds_on_one_port() {
    let mut crowd = Crowd::gather().await;
    let hub = crowd.hub.clone();
    let plugins = hub.connected();
    assert_eq!(plugins.len(), 2 * EACH);
    for plugin in &plugins {
        let is_native = plugin.name().starts_with("native");
        assert_eq!(plugin.wire(), if is_native { Wire::Native } else { Wire::Gob });
    }

    for name in crowd.names() {
        let greeting = hub.call(&name, "Greet", &json!({"name": name})).await;
        assert_eq!(greeting, Ok(Text { text: format!("Hello, {name}!") }));
        assert_eq!(hub.call(&name, "Add", &json!({"a": 2, "b": 3})).await, Ok(5));
    }
    let answers = hub.broadcast::<String>("Who", &()).collect().await;
    assert_eq!(answers.len(), 2 * EACH);
    assert!(answers.iter().all(|(name, who)| who.as_ref() == Ok(name)), "{answers:?}");

    let names = crowd.names();
    let emitting = names
        .iter()
        .map(|name| hub.call::<u64>(name, "Emit", &json!({"count": EVENTS, "text": name})));
    assert_eq!(join_all(emitting).await, vec![Ok(EVENTS); 2 * EACH]);
    every_event_arrives(&crowd).await;

    strangers_and_a_death(&mut crowd).await;
    one_of_each_kind_is_unplugged(&hub).await;

    let report = hub.shutdown().await;
    assert_eq!(report.plugins.len(), 2 * EACH - 3);
    assert!(report.is_clean(), "{report:?}");
    for (name, run) in crowd.natives {
        let end = within("a native plugin's end", run).await.unwrap();
        if name == "native-1" {
            let trace = "bye".to_owned();
            assert_eq!(end, EndReason::Unplugged { trace, retry_after: None });
        } else {
            assert!(matches!(end, EndReason::Shutdown { .. }), "{name}: {end:?}");
        }
    }
    go_plugin::assert_left(crowd.many).await;
    within("the end of events", crowd.collecting).await.unwrap();
}

/// All of each plugin, in order. Before any leaves: of one that is gone, unread events may be lost.
async fn every_event_arrives(crowd: &Crowd) {
    let most = 2 * EACH * usize::try_from(EVENTS).unwrap();
    let so_far = || crowd.ticks.lock().unwrap().values().map(Vec::len).sum::<usize>();
    eventually("every event arrives", || so_far() == most).await;
    let ticks = crowd.ticks.lock().unwrap();
    assert_eq!(ticks.len(), 2 * EACH);
    for (name, ticks) in &*ticks {
        let expected = (0..EVENTS).map(|n| Tick { n, text: name.clone() });
        assert!(expected.eq(ticks.iter().cloned()), "{name}: {ticks:?}");
    }
}

/// While nobody else notices, strangers come and one Go process is killed in a call.
async fn strangers_and_a_death(crowd: &mut Crowd) {
    let (hub, address) = (crowd.hub.clone(), crowd.address);
    let others: Vec<_> = crowd.names().into_iter().filter(|name| name != "go").collect();
    let is_over = Arc::<AtomicBool>::default();
    let calling = tokio::spawn(keep_calling(hub.clone(), others, is_over.clone()));

    for (what, bytes) in garbage() {
        let mut peer = Peer::connect(address).await;
        peer.send(&bytes).await;
        peer.is_closed().await;
        assert_eq!(hub.connected().len(), 2 * EACH, "{what}");
    }
    let strangers = hub.strangers();
    assert_eq!((strangers.http, strangers.tls, strangers.gob), (1, 1, 0), "{strangers:?}");

    let call = go_plugin::begin(&hub, "go", 600_000).await;
    crowd.single.take().unwrap().kill().await;
    let error = within("the call", call).await.unwrap().unwrap_err();
    assert_eq!(error.execution(), Execution::Unknown);
    let CallErrorKind::Disconnected { reason, .. } = error.kind() else { panic!("{error:?}") };
    assert!(matches!(reason, DisconnectReason::Unclean | DisconnectReason::Reset), "{reason:?}");
    assert_eq!(hub.connected().len(), 2 * EACH - 1);

    is_over.store(true, Ordering::SeqCst);
    assert!(within("the calls", calling).await.unwrap() > 0);
}

async fn one_of_each_kind_is_unplugged(hub: &Socket) {
    for name in ["native-1", "go-1"] {
        let report = hub.unplug(name).trace("bye").await.unwrap();
        assert_eq!((report.reason, report.cut), (DisconnectReason::Unplugged, 0));
        let error = hub.call::<String>(name, "Who", &()).await.unwrap_err();
        assert_eq!(error, CallErrorKind::NoPlugin { name: name.to_owned() });
    }
}

pub async fn broadcasts_reach_every_plugin() {
    let (hub, address) = serve(Socket::builder()).await;
    let program = go_plugin::connect_many(&hub, address, "go", 20).await;
    for round in 0..300 {
        let echoed = hub.broadcast::<Value>("Echo", &json!({"round": round})).collect().await;
        assert_eq!(echoed.len(), 20);
        for answer in echoed.into_values() {
            assert_eq!(answer, Ok(json!({"round": round})));
        }
        // No answer is another's.
        let names = hub.broadcast::<String>("Who", &()).collect().await;
        assert_eq!(names.len(), 20);
        assert!(names.iter().all(|(name, who)| who.as_ref() == Ok(name)), "{names:?}");
    }
    assert!(hub.shutdown().await.is_clean());
    go_plugin::assert_left(program).await;
}
