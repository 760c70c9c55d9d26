//! Peers that are there, and such that only seem to be.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use brpc::{DisconnectReason, EndReason, Event, Limits, Side, Socket};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, ReadHalf,
    WriteHalf,
};
use tokio::time::{Instant, advance, sleep, sleep_until, timeout};

use crate::support::peer::{Hello, Peer, Writer, farewell, frame, kind};
use crate::support::worker::{Journal, worker};
use crate::support::{LONG, Plugged, ROOM, settle};

const SECOND: Duration = Duration::from_secs(1);

/// An interval, and within how long a peer that isn't there any more must be found out.
const PROFILES: [(Duration, Duration); 2] =
    [(Limits::HEARTBEAT, Duration::from_secs(20)), (SECOND, Duration::from_secs(4))];

fn every(interval: Duration) -> Limits {
    let mut limits = Limits::default();
    limits.heartbeat = Some(interval);
    limits
}

/// What a direction of a link does with its bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    /// It takes them, and they never arrive.
    Lost,
    /// It takes none.
    Stuck,
}

/// One direction of a link: works until it is broken.
#[derive(Clone, Default)]
struct Direction(Arc<AtomicBool>);

impl Direction {
    fn break_off(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    async fn carry(
        self,
        mut from: ReadHalf<DuplexStream>,
        mut to: WriteHalf<DuplexStream>,
        fate: Fate,
    ) {
        let mut bytes = vec![0; ROOM];
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            if !self.0.load(Ordering::Relaxed) {
                if to.write_all(&bytes[..count]).await.is_err() {
                    return;
                }
            } else if fate == Fate::Stuck {
                std::future::pending::<()>().await;
            }
        }
        if self.0.load(Ordering::Relaxed) {
            // Nobody learns of the end, either.
            std::future::pending::<()>().await;
        }
    }
}

/// A worker behind a link of which each direction can break, on its way to the hub and back.
async fn plug_behind_a_link(
    hub: &Socket,
    limits: Limits,
    fate: Fate,
) -> (Plugged, Journal, [Direction; 2]) {
    let (ours, near) = tokio::io::duplex(ROOM);
    let (far, theirs) = tokio::io::duplex(ROOM);
    let ((near_out, near_in), (far_out, far_in)) = (tokio::io::split(near), tokio::io::split(far));
    let directions = [Direction::default(), Direction::default()];
    let [there, back] = directions.clone();
    tokio::spawn(there.carry(near_out, far_in, fate));
    tokio::spawn(back.carry(far_out, near_in, fate));
    hub.attach(theirs);
    let (plugin, journal) = worker("worker");
    let session = plugin.limits(limits).serve(ours).await.unwrap();
    let (name, handle) = (session.name().to_owned(), session.handle());
    let run = tokio::spawn(session.run());
    (Plugged { name, handle, run }, journal, directions)
}

async fn disconnected(events: &mut brpc::Events) -> DisconnectReason {
    loop {
        let event = timeout(LONG, events.next()).await.expect("it is cut off").unwrap();
        if let Event::Disconnected(_, reason) = event {
            return reason;
        }
    }
}

/// What is said of a peer that isn't there: nothing was heard, it takes nothing, or it is the one
/// that has cut this side off.
fn is_gone(reason: DisconnectReason) -> bool {
    matches!(
        reason,
        DisconnectReason::HeartbeatTimeout { .. }
            | DisconnectReason::SlowConsumer
            | DisconnectReason::Rejected
            | DisconnectReason::Unclean
    )
}

#[tokio::test(start_paused = true)]
async fn l07_l08_a_half_open_connection_is_found_by_both_sides_in_either_direction() {
    for (interval, most) in PROFILES {
        for (broken, fate) in [[true, false], [false, true], [true, true]]
            .into_iter()
            .flat_map(|broken| [(broken, Fate::Lost), (broken, Fate::Stuck)])
        {
            for calls in [0, 1, 40] {
                let case = format!("{interval:?} {broken:?} {fate:?} {calls} calls");
                let hub = Socket::builder().limits(every(interval)).build();
                let mut events = hub.events();
                let (plugged, _, directions) =
                    plug_behind_a_link(&hub, Limits::default(), fate).await;
                sleep(37 * SECOND).await;
                for (direction, is_broken) in directions.iter().zip(broken) {
                    if is_broken {
                        direction.break_off();
                    }
                }
                let start = Instant::now();
                // Those that are more than the buffers hold.
                let text = "x".repeat(if calls > 1 { 60_000 } else { 10 });
                for _ in 0..calls {
                    drop(tokio::spawn(hub.call::<()>("worker", "wait", &text).timeout(None)));
                }
                let reason = disconnected(&mut events).await;
                assert!(start.elapsed() <= most, "{case}: {:?}", start.elapsed());
                assert!(is_gone(reason), "{case}: {reason:?}");
                let end = plugged.end().await;
                assert!(start.elapsed() <= most, "{case}: {:?}", start.elapsed());
                assert!(
                    matches!(end, EndReason::Lost(reason) if is_gone(reason)),
                    "{case}: {end:?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn both_are_told_for_how_long_nothing_was_heard() {
    let hub = Socket::default();
    let mut events = hub.events();
    let (plugged, _, directions) = plug_behind_a_link(&hub, Limits::default(), Fate::Lost).await;
    sleep(SECOND).await;
    directions.iter().for_each(Direction::break_off);
    let silent = Limits::SILENT_INTERVALS * Limits::HEARTBEAT;
    let reason = DisconnectReason::HeartbeatTimeout { side: Side::Peer, silent };
    assert_eq!(disconnected(&mut events).await, reason);
    assert_eq!(plugged.end().await, EndReason::Lost(reason));
    assert_eq!(reason.to_string(), "nothing was heard of the peer for 15.0s");
}

/// One direction carries, so the one that is not heard learns of it.
#[tokio::test(start_paused = true)]
async fn one_that_is_cut_off_for_silence_is_told_for_how_long_it_was_silent() {
    let silent = Limits::SILENT_INTERVALS * Limits::HEARTBEAT;
    let [of_peer, of_this] =
        [Side::Peer, Side::This].map(|side| DisconnectReason::HeartbeatTimeout { side, silent });
    for (broken, of_hub, of_plugin) in [(0, of_peer, of_this), (1, of_this, of_peer)] {
        let hub = Socket::default();
        let mut events = hub.events();
        let (plugged, _, directions) =
            plug_behind_a_link(&hub, Limits::default(), Fate::Lost).await;
        sleep(SECOND).await;
        directions[broken].break_off();
        assert_eq!(disconnected(&mut events).await, of_hub);
        assert_eq!(plugged.end().await, EndReason::Lost(of_plugin));
    }
    assert_eq!(of_this.to_string(), "nothing was heard of this side for 15.0s");
}

/// A stream that can be broken for writing.
struct Breaking(DuplexStream, Direction);

impl AsyncRead for Breaking {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Breaking {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self(stream, direction) = self.get_mut();
        if direction.0.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(context)
    }
}

/// A side that goes on after it was stopped may answer calls before it has read that it was cut off.
#[tokio::test(start_paused = true)]
async fn why_it_was_cut_off_is_read_though_a_write_fails_first() {
    let last_words =
        frame(kind::GOODBYE, &Writer::default().number(farewell::SILENT).text("").number(15_000).0);
    for (says_why, expected) in [
        (true, DisconnectReason::HeartbeatTimeout { side: Side::This, silent: 15 * SECOND }),
        (false, DisconnectReason::Reset),
    ] {
        let hub = Socket::default();
        let mut events = hub.events();
        let (ours, theirs) = tokio::io::duplex(ROOM);
        let writes = Direction::default();
        hub.attach(Breaking(theirs, writes.clone()));
        let mut peer = Peer::new(ours);
        peer.say_hello(&Hello { features: 1, ..Hello::new("peer") }).await;
        peer.hear_welcome().await;
        writes.break_off();
        drop(tokio::spawn(hub.call::<()>("peer", "work", &()).timeout(None)));
        settle().await;
        if says_why {
            peer.send(&last_words).await;
        }
        // One of which nothing is left to read has ended all the same.
        let start = Instant::now();
        assert_eq!(disconnected(&mut events).await, expected);
        assert!(start.elapsed() <= SECOND);
    }
}

/// A registered peer that has heartbeats, and sends none by itself.
async fn beating(hub: &Socket) -> Peer {
    let mut peer = Peer::dial(hub);
    peer.say_hello(&Hello { features: 1, ..Hello::new("peer") }).await;
    peer.hear_welcome().await;
    peer
}

/// What a Ping or a Pong says.
fn beat(number: u64, received: u64) -> Vec<u8> {
    Writer::default().number(number).number(received).number(0).0
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_stays_and_costs_a_ping_an_interval() {
    let hub = Socket::default();
    let mut peer = beating(&hub).await;
    let end = Instant::now() + LONG;
    let mut pings = 0;
    while Instant::now() < end {
        let ping = peer.expect(kind::PING).await;
        pings += 1;
        assert_eq!(ping.fields().number(), pings);
        peer.send_frame(kind::PONG, &beat(pings, 0)).await;
    }
    // The hub may be silent for seven tenths of it.
    let silence = Limits::HEARTBEAT.as_millis() * 7 / 10;
    assert_eq!(u128::from(pings), LONG.as_millis().div_ceil(silence));
    assert_eq!(hub.connected().len(), 1);
    // One that doesn't is told why it is cut off.
    loop {
        let frame = peer.frame().await.expect("a goodbye");
        if frame.kind == kind::GOODBYE {
            return assert_eq!(frame.fields().number(), farewell::SILENT);
        }
        assert_eq!(frame.kind, kind::PING);
    }
}

/// In the middle of a frame, where each byte is progress.
#[tokio::test(start_paused = true)]
async fn l10_a_peer_that_trickles_is_not_alive() {
    let mut limits = Limits::default();
    limits.stall_window = LONG;
    let hub = Socket::builder().limits(limits).build();
    let mut events = hub.events();
    let mut peer = beating(&hub).await;
    peer.send(&[0, 0, 0, 100, kind::EVENT]).await;
    let start = Instant::now();
    let trickle = async {
        loop {
            sleep(4 * SECOND).await;
            peer.send(b" ").await;
        }
    };
    let reason = tokio::select! {
        () = trickle => unreachable!(),
        reason = disconnected(&mut events) => reason,
    };
    assert!(matches!(reason, DisconnectReason::HeartbeatTimeout { .. }), "{reason:?}");
    assert_eq!(start.elapsed().as_secs(), 15);
}

/// As a virtual machine that was suspended.
#[tokio::test(start_paused = true)]
async fn l17_a_hub_that_was_stopped_itself_cuts_nobody_off() {
    let hub = Socket::builder().max_plugins(2_000).build();
    // Peers that judge nobody.
    let mut peers = Vec::new();
    for number in 0..1_000 {
        let name = format!("peer-{number}");
        let mut peer = Peer::dial(&hub);
        peer.say_hello(&Hello { features: 1, ..Hello::new(&name) }).await;
        peer.hear_welcome().await;
        peers.push(peer);
    }
    sleep(3 * SECOND).await;
    advance(60 * SECOND).await;
    settle().await;
    assert_eq!(hub.connected().len(), 1_000);
    // They live on, since they answer what they are asked then.
    for peer in &mut peers {
        let number = peer.expect(kind::PING).await.fields().number();
        peer.send_frame(kind::PONG, &beat(number, 0)).await;
    }
    sleep(14 * SECOND).await;
    assert_eq!(hub.connected().len(), 1_000);
    // And those that don't have three intervals.
    sleep(2 * SECOND).await;
    assert_eq!(hub.connected().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_hub_knows_how_long_a_heartbeat_takes() {
    let hub = Socket::default();
    let link = brpc::testing::Link::new();
    link.delay(Duration::from_millis(20));
    let (ours, theirs) = link.connect();
    hub.attach(theirs);
    let session = worker("worker").0.serve(ours).await.unwrap();
    let run = tokio::spawn(session.run());
    let plugin = hub.connected().pop().unwrap();
    assert_eq!(plugin.round_trip(), None);
    sleep(6 * SECOND).await;
    assert_eq!(plugin.round_trip().map(|time| time.as_millis()), Some(40));
    link.cut();
    run.await.unwrap();
    settle().await;
    assert_eq!(plugin.round_trip(), None, "it is gone");
}

#[tokio::test(start_paused = true)]
async fn without_heartbeats_on_either_side_silence_may_last() {
    for (hub_beats, plugin_beats) in [(true, false), (false, true)] {
        let limits = |beats: bool| {
            let mut limits = Limits::default();
            limits.heartbeat = beats.then_some(SECOND);
            limits
        };
        let hub = Socket::builder().limits(limits(hub_beats)).build();
        let (plugged, _, directions) =
            plug_behind_a_link(&hub, limits(plugin_beats), Fate::Lost).await;
        directions.iter().for_each(Direction::break_off);
        sleep(LONG).await;
        assert_eq!(hub.connected().len(), 1);
        assert!(!plugged.run.is_finished());
    }
}

#[tokio::test(start_paused = true)]
async fn the_shorter_of_both_intervals_holds() {
    for (hub_interval, plugin_interval) in [(1, 60), (60, 1)] {
        let hub = Socket::builder().limits(every(hub_interval * SECOND)).build();
        let mut events = hub.events();
        let (_plugged, _, directions) =
            plug_behind_a_link(&hub, every(plugin_interval * SECOND), Fate::Lost).await;
        directions.iter().for_each(Direction::break_off);
        let silent = 3 * SECOND;
        let reason = DisconnectReason::HeartbeatTimeout { side: Side::Peer, silent };
        assert_eq!(disconnected(&mut events).await, reason);
    }
}

/// Takes bytes as the buffers of two systems do, much at once and then nothing for long, and hands
/// them on at a steady rate, if at all.
async fn hold_much(mut from: ReadHalf<DuplexStream>, mut to: WriteHalf<DuplexStream>, rate: usize) {
    const HELD: usize = 128 * 1024;
    let mut held = vec![0; HELD];
    loop {
        let mut count = 0;
        while count < HELD {
            // As much as is there, and no more is waited for.
            match timeout(SECOND / 10, from.read(&mut held[count..])).await {
                Ok(Ok(more @ 1..)) => count += more,
                Ok(_) => return,
                Err(_) if count > 0 => break,
                Err(_) => {}
            }
        }
        for piece in held[..count].chunks(rate) {
            let next = Instant::now() + SECOND;
            if to.write_all(piece).await.is_err() {
                return;
            }
            sleep_until(next).await;
        }
    }
}

/// 4 KiB a second, which the buffers in between hide: the hub's own takes nothing for half a minute.
#[tokio::test(start_paused = true)]
async fn l14_a_plugin_that_reads_slowly_and_steadily_is_not_cut_off() {
    let hub = Socket::default();
    let (ours, near) = tokio::io::duplex(1_000);
    let (far, theirs) = tokio::io::duplex(1_000);
    let ((near_out, mut near_in), (far_out, far_in)) =
        (tokio::io::split(near), tokio::io::split(far));
    hub.attach(theirs);
    tokio::spawn(async move {
        let (mut far_in, mut near_out) = (far_in, near_out);
        tokio::io::copy(&mut near_out, &mut far_in).await
    });
    // The handshake is quick.
    let mut far_out = far_out;
    let serving = tokio::spawn(async move { worker("worker").0.serve(ours).await.unwrap() });
    let mut bytes = vec![0; 1_000];
    while !serving.is_finished() {
        if let Ok(Ok(count)) = timeout(SECOND / 100, far_out.read(&mut bytes)).await {
            near_in.write_all(&bytes[..count]).await.unwrap();
        }
    }
    tokio::spawn(serving.await.unwrap().run());
    tokio::spawn(hold_much(far_out, near_in, 4 * 1024));
    let text = "x".repeat(512 * 1024);
    let start = Instant::now();
    let calls =
        [(); 3].map(|()| tokio::spawn(hub.call::<String>("worker", "echo", &text).timeout(None)));
    for call in calls {
        assert_eq!(call.await.unwrap().map(|text| text.len()), Ok(512 * 1024));
    }
    assert!(start.elapsed() > 350 * SECOND, "{:?}", start.elapsed());
}

/// It says that it lives, and takes nothing.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_takes_nothing_is_cut_off_though_it_lives() {
    let hub = Socket::default();
    let mut events = hub.events();
    let peer = beating(&hub).await;
    let (_unread, mut writer) = tokio::io::split(peer.stream);
    let text = "x".repeat(300_000);
    drop(tokio::spawn(hub.call::<()>("peer", "work", &text).timeout(None)));
    let start = Instant::now();
    let living = async {
        for number in 1.. {
            // What it says it has taken can't be more than there is.
            let said = frame(kind::PING, &beat(number, 1_000_000 * number));
            let _ = writer.write_all(&said).await;
            sleep(SECOND).await;
        }
    };
    let reason = tokio::select! {
        () = living => unreachable!(),
        reason = disconnected(&mut events) => reason,
    };
    assert_eq!(reason, DisconnectReason::SlowConsumer);
    // What it claims to have taken once earns it a second.
    assert_eq!(start.elapsed().as_secs(), 11);
}
