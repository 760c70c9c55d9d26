//! Listeners: TCP, Unix sockets, memory, and users' own.

use std::collections::VecDeque;
use std::error::Error as _;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brpc::{
    ConnectError, EndReason, Limits, Listener, MemoryConnector, MemoryListener, PluginRef,
    ServeError, Socket, Source,
};
use futures_util::FutureExt as _;
use tokio::io::DuplexStream;
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, timeout};

use crate::support::peer::{Peer, refusal};
use crate::support::worker::worker;
use crate::support::{LONG, ROOM, plug, settle};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hub = Socket::default();
    let serving = hub.serve(listener);
    let session = worker("worker").0.connect(address).await.unwrap();
    let run = tokio::spawn(session.run());
    let text = "x".repeat(900_000);
    assert_eq!(hub.call::<String>("worker", "echo", &text).await, Ok(text));
    assert!(hub.shutdown().await.is_clean());
    serving.await.unwrap();
    assert!(matches!(run.await.unwrap(), EndReason::Shutdown { .. }));
    let error = worker("worker").0.connect(address).await.unwrap_err();
    assert_eq!(error.to_string(), format!("can't connect to the hub at {address}"));
    assert!(error.source().is_some(), "the system says why");
    let ConnectError::Io { addresses, .. } = error else { panic!("{error:?}") };
    assert_eq!(addresses, [address]);
}

/// A plugin that starts before the network does is to try again.
#[tokio::test]
async fn a_name_that_is_not_found_may_be_found_later() {
    // The top-level domain is reserved for names that are never found.
    let error = worker("worker").0.connect("no-such-host.invalid:80").await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(error.source().is_some(), "the system says why");
    let ConnectError::Io { hub, addresses, .. } = error else { panic!("{error:?}") };
    assert_eq!((hub.to_string(), addresses), ("no-such-host.invalid:80".to_owned(), vec![]));
}

#[tokio::test]
async fn what_is_no_address_is_told_apart_from_a_hub_that_is_not_there() {
    for given in
        ["127.0.0.1", "http://127.0.0.1:7000", " 127.0.0.1:80", "ws://hub:80", "256.0.0.1:80"]
    {
        let error = worker("worker").0.connect(given).await.unwrap_err();
        assert!(error.to_string().contains("expected host:port"), "{error}");
        assert!(!error.is_transient(), "{error:?}");
        let ConnectError::Address(error) = error else { panic!("{given:?}: {error:?}") };
        assert_eq!(error.given, given);
    }
    let error = worker("worker").0.connect(&[][..]).await.unwrap_err();
    assert!(matches!(error, ConnectError::Address(_)), "{error:?}");
}

/// The lines of this file at which these panic.
fn panic_lines(calls: Vec<Box<dyn FnOnce() + '_>>) -> Vec<u32> {
    /// The hook of panics is that of the process.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let (noted, before) = (lines.clone(), Arc::new(std::panic::take_hook()));
    let (here, others) = (std::thread::current().id(), before.clone());
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() != here {
            return others(panic);
        }
        let location = panic.location().unwrap();
        assert_eq!(location.file(), file!());
        noted.lock().unwrap().push(location.line());
    }));
    for call in calls {
        assert!(std::panic::catch_unwind(AssertUnwindSafe(call)).is_err());
    }
    std::panic::set_hook(Box::new(move |panic| before(panic)));
    lines.lock().unwrap().clone()
}

#[test]
fn a_panic_outside_of_a_runtime_names_the_users_line() {
    let hub = Socket::default();
    let (_connector, listener) = MemoryListener::new();
    let stream = tokio::io::duplex(ROOM).0;
    let line = line!();
    let serve = || drop(hub.serve(listener));
    let attach = || hub.attach(stream);
    let subscribe = || hub.on_disconnect(|_, _| {});
    let lines = panic_lines(vec![Box::new(serve), Box::new(attach), Box::new(subscribe)]);
    assert_eq!(lines, [1, 2, 3].map(|after| line + after));
}

/// And not the task of each connection, whose panic nobody sees.
#[test]
fn a_runtime_without_timers_is_found_at_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let _context = runtime.enter();
    let hub = Socket::default();
    let (_connector, listener) = MemoryListener::new();
    let stream = tokio::io::duplex(ROOM).0;
    let line = line!();
    let serve = || drop(hub.serve(listener));
    let attach = || hub.attach(stream);
    let lines = panic_lines(vec![Box::new(serve), Box::new(attach)]);
    assert_eq!(lines, [1, 2].map(|after| line + after));
    let (_ours, theirs) = tokio::io::duplex(ROOM);
    let plugin = worker("worker").0;
    let serving = AssertUnwindSafe(plugin.serve(theirs)).catch_unwind();
    assert!(runtime.block_on(serving).is_err());
}

/// A path for a Unix socket.
#[cfg(unix)]
fn path(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("brpc-it-{name}-{}.sock", std::process::id()))
}

#[cfg(unix)]
#[tokio::test]
async fn unix() {
    let path = path("unix");
    let hub = Socket::default();
    // When the hub has shut down, the path is free again.
    for _ in 0..2 {
        let serving = hub.serve(UnixListener::bind(&path).unwrap());
        let stream = UnixStream::connect(&path).await.unwrap();
        let session = worker("worker").0.serve(stream).await.unwrap();
        let run = tokio::spawn(session.run());
        assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(1));
        assert!(hub.shutdown().await.is_clean());
        assert!(run.await.unwrap().is_graceful());
        assert!(!path.exists());
        serving.await.unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_path_that_somebody_else_has_made_since_stays() {
    let path = path("taken-over");
    let hub = Socket::default();
    let serving = hub.serve(UnixListener::bind(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    hub.shutdown().await;
    serving.await.unwrap();
    assert!(UnixStream::connect(&path).await.is_ok());
    drop(other);
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test(start_paused = true)]
async fn several_at_once() {
    let hub = Socket::default();
    let mut connectors = Vec::new();
    for number in 0..3 {
        let (connector, listener) = MemoryListener::new();
        drop(hub.serve(listener));
        connectors.push(connector.clone());
        let session = worker(&format!("worker-{number}")).0;
        let session = session.serve(connector.connect().await.unwrap()).await.unwrap();
        tokio::spawn(session.run());
    }
    assert_eq!(hub.connected().len(), 3);
    assert!(hub.shutdown().await.is_clean());
    for connector in connectors {
        let error = connector.connect().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}

/// Gives what is scripted, then what comes.
struct Scripted {
    script: VecDeque<io::Error>,
    /// How often it was asked.
    asked: Arc<AtomicUsize>,
    source: Source,
    listener: MemoryListener,
}

impl Listener for Scripted {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, Source)> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.script.pop_front() {
            Some(error) => Err(error),
            None => Ok((self.listener.accept().await?.0, self.source)),
        }
    }

    fn is_of_this_host(&self) -> bool {
        true
    }
}

fn scripted(script: Vec<io::Error>, source: Source) -> (MemoryConnector, Scripted) {
    let (connector, listener) = MemoryListener::new();
    (connector, Scripted { script: script.into(), asked: Arc::default(), source, listener })
}

fn errors(kind: io::ErrorKind, count: usize) -> Vec<io::Error> {
    (0..count).map(|_| kind.into()).collect()
}

/// The time it takes until a plugin is registered after these errors.
async fn let_in_after(script: Vec<io::Error>) -> Duration {
    let hub = Socket::default();
    let (connector, listener) = scripted(script, Source::Local);
    let start = Instant::now();
    let _serving = hub.serve(listener);
    let mut limits = Limits::default();
    limits.hello_deadline = LONG;
    let plugin = worker("worker").0.limits(limits);
    let session = plugin.serve(connector.connect().await.unwrap()).await.unwrap();
    assert_eq!(session.name(), "worker");
    start.elapsed()
}

/// One that has gone before it was accepted is no reason to make the next wait.
#[tokio::test(start_paused = true)]
async fn l20_errors_of_one_connection_cost_nothing() {
    for kind in [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::Interrupted,
        io::ErrorKind::NetworkUnreachable,
    ] {
        assert_eq!(let_in_after(errors(kind, 1_000)).await, Duration::ZERO);
    }
    #[cfg(target_os = "linux")]
    {
        const EPROTO: i32 = 71;
        let script = (0..1_000).map(|_| io::Error::from_raw_os_error(EPROTO)).collect();
        assert_eq!(let_in_after(script).await, Duration::ZERO);
    }
}

/// It goes on, but not as fast as it can.
#[tokio::test(start_paused = true)]
async fn l20_a_storm_of_them_does_not_get_a_whole_thread() {
    let took = let_in_after(errors(io::ErrorKind::ConnectionAborted, 10_000)).await;
    assert!((90..100).contains(&took.as_millis()), "{took:?}");
}

/// As when there are too many open files: it waits for 10 ms, then twice as long each time, up to a
/// second.
#[tokio::test(start_paused = true)]
async fn errors_of_the_system_slow_it_down() {
    const EMFILE: i32 = 24;
    let too_many =
        |count: usize| (0..count).map(|_| io::Error::from_raw_os_error(EMFILE)).collect();
    let few = let_in_after(too_many(3)).await;
    assert!((70..100).contains(&few.as_millis()), "{few:?}");
    let many = let_in_after(too_many(70)).await;
    assert!((60..70).contains(&many.as_secs()), "{many:?}");
}

#[tokio::test(start_paused = true)]
async fn l21_a_listener_that_fails_for_good_leaves_the_plugins_alone() {
    const EBADF: i32 = 9;
    for fatal in [io::Error::other(brpc::ListenerClosed), io::Error::from_raw_os_error(EBADF)] {
        let hub = Socket::default();
        let plugged = plug(&hub, &worker("worker").0).await;
        let (_connector, listener) = scripted(vec![fatal], Source::Local);
        let asked = listener.asked.clone();
        let failed = hub.serve(listener).await;
        assert!(matches!(failed, Err(ServeError::Listener(_))), "{failed:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(1));
        let (connector, listener) = MemoryListener::new();
        let _serving = hub.serve(listener);
        let stream = connector.connect().await.unwrap();
        assert!(worker("another").0.serve(stream).await.is_ok(), "another listener serves");
        assert!(hub.shutdown().await.is_clean());
        plugged.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn when_nobody_can_dial_any_more_serving_ends() {
    let hub = Socket::default();
    let (connector, listener) = MemoryListener::new();
    let serving = hub.serve(listener);
    settle().await;
    drop(connector);
    assert!(matches!(serving.await, Err(ServeError::Listener(_))));
}

#[tokio::test(start_paused = true)]
async fn one_who_serves_need_not_be_waited_for() {
    let hub = Socket::default();
    let (connector, listener) = MemoryListener::new();
    drop(hub.serve(listener));
    assert!(worker("worker").0.serve(connector.connect().await.unwrap()).await.is_ok());
}

/// Those of one address that are in their handshake; one beyond takes the place of another, not of
/// those from elsewhere.
#[tokio::test(start_paused = true)]
async fn one_address_holds_so_many_handshakes() {
    let hub = Socket::builder().max_handshakes_per_source(2).build();
    let from = |last| Source::Address(([192, 0, 2, last], 1).into());
    let (near, listener) = scripted(Vec::new(), from(2));
    let _serving = hub.serve(listener);
    let mut silent = vec![Peer::new(near.connect().await.unwrap())];
    settle().await;
    let (connector, listener) = scripted(Vec::new(), from(1));
    let _serving_too = hub.serve(listener);
    for _ in 0..3 {
        silent.push(Peer::new(connector.connect().await.unwrap()));
        settle().await;
    }
    let start = Instant::now();
    assert_eq!(silent.remove(1).refused().await, refusal::FULL);
    assert!(worker("far").0.serve(connector.connect().await.unwrap()).await.is_ok());
    assert_eq!(silent.remove(1).refused().await, refusal::FULL);
    assert_eq!(start.elapsed(), Duration::ZERO);
    // The others are still there.
    assert!(silent.iter_mut().all(|peer| peer.frame().now_or_never().is_none()));
}

/// None of them can make room, since the hub has refused them and waits for them to close.
#[tokio::test(start_paused = true)]
async fn one_beyond_is_closed_if_none_can_make_room() {
    let hub = Socket::builder().max_handshakes_per_source(2).build();
    let far = Source::Address(([192, 0, 2, 1], 1).into());
    let (connector, listener) = scripted(Vec::new(), far);
    let _serving = hub.serve(listener);
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut peer = Peer::new(connector.connect().await.unwrap());
        peer.send(b"GET / HTTP/1.1\r\n\r\n").await;
        held.push(peer);
    }
    settle().await;
    let start = Instant::now();
    assert_eq!(Peer::new(connector.connect().await.unwrap()).rest().await, b"");
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!((hub.unfinished().crowded, hub.unfinished().total()), (1, 1));
    drop(held);
    settle().await;
    assert!(worker("far").0.serve(connector.connect().await.unwrap()).await.is_ok());
}

/// The hub says of each plugin where it is from.
#[tokio::test]
async fn a_plugin_has_the_source_of_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hub = Socket::default();
    drop(hub.serve(listener));
    let stream = TcpStream::connect(address).await.unwrap();
    let from = stream.local_addr().unwrap();
    let _tcp = worker("a-tcp").0.serve(stream).await.unwrap();
    let (connector, listener) = MemoryListener::new();
    drop(hub.serve(listener));
    let stream = connector.connect().await.unwrap();
    let _memory = worker("b-memory").0.serve(stream).await.unwrap();
    let _attached = plug(&hub, &worker("c-attached").0).await;
    let sources: Vec<_> = hub.connected().iter().map(PluginRef::source).collect();
    assert_eq!(sources, [Some(Source::Address(from)), Some(Source::Local), None]);
    let shown: Vec<_> = sources.iter().flatten().map(ToString::to_string).collect();
    assert_eq!(shown, [from.to_string(), "local".to_owned()]);
}

/// The hub knows from the system who is at the other end of a Unix socket.
#[cfg(unix)]
#[tokio::test]
async fn a_plugin_on_a_unix_socket_has_its_process_as_its_source() {
    use std::os::unix::fs::MetadataExt as _;
    let path = std::env::temp_dir().join(format!("brpc-peer-{}", std::process::id()));
    let hub = Socket::default();
    drop(hub.serve(tokio::net::UnixListener::bind(&path).unwrap()));
    let uid = std::fs::metadata(&path).unwrap().uid();
    let stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let _plugin = worker("worker").0.serve(stream).await.unwrap();
    let Some(source @ Source::Unix(peer)) = hub.connected()[0].source() else { panic!() };
    assert!(source.is_this_host());
    assert_eq!((peer.uid, peer.pid), (uid, i32::try_from(std::process::id()).ok()));
    assert_eq!(source.to_string(), format!("uid {uid}, pid {}", std::process::id()));
}

#[tokio::test(start_paused = true)]
async fn a_connector_waits_while_nobody_accepts() {
    let (connector, _listener) = MemoryListener::new();
    let mut held = Vec::new();
    for _ in 0..128 {
        held.push(timeout(SECOND, connector.connect()).await.unwrap().unwrap());
    }
    assert!(timeout(SECOND, connector.connect()).await.is_err());
}

/// A connection is refused or ends, and doesn't wait in a queue that nobody reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_made_while_the_listener_closes() {
    for _ in 0..2_000 {
        let (connector, listener) = MemoryListener::new();
        let closing = tokio::spawn(async move { drop(listener) });
        if let Ok(stream) = connector.connect().await {
            assert_eq!(Peer::new(stream).rest().await, b"");
        }
        closing.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_serves_at_the_address() {
    let (ours, theirs) = tokio::io::duplex(ROOM);
    drop(theirs);
    let refused = worker("worker").0.serve(ours).await;
    assert!(matches!(refused, Err(ConnectError::Lost(_))), "{refused:?}");
}
