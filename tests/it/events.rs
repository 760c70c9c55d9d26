//! Events: their order, subscribers that lag, and credit.

use std::time::Duration;

use brpc::{AsyncHook, Call, Event, Events, HookError, Limits, Plugin, Socket};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::support::peer::{Peer, farewell, kind};
use crate::support::worker::worker;
use crate::support::{LONG, eventually, plug, settle};

/// A hub that gives a plugin credit for so many events.
fn hub_with_credit(events: u32) -> Socket {
    let mut limits = Limits::default();
    limits.event_credit = events;
    Socket::builder().limits(limits).build()
}

/// A call that emits the numbers of a range.
fn emit(hub: &Socket, from: u64, to: u64) -> Call<()> {
    hub.call("worker", "emit", &json!({"from": from, "to": to})).timeout(None)
}

/// The number in the next event.
async fn number(events: &mut Events) -> u64 {
    match events.next().await {
        Some(Event::Message(message)) => message.decode().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The number of events dropped, if that is the next event.
async fn lagged(events: &mut Events) -> u64 {
    match events.next().await {
        Some(Event::Lagged(dropped)) => dropped.total(),
        other => panic!("{other:?}"),
    }
}

/// One plugin in two sessions: its hook sends to the hub that was connected last, and goes on with
/// the other when that has ended.
#[tokio::test(start_paused = true)]
async fn a_hook_goes_on_with_the_hub_that_is_left() {
    let hubs = [Socket::default(), Socket::default()];
    let plugin = worker("worker").0;
    let mut events = hubs.each_ref().map(Socket::events);
    let mut runs = Vec::new();
    for (hub, events) in hubs.iter().zip(&mut events) {
        runs.push(plug(hub, &plugin).await);
        assert!(matches!(events.next().await, Some(Event::Connected(_))));
    }
    emit(&hubs[0], 1, 2).await.unwrap();
    assert_eq!(number(&mut events[1]).await, 1);
    hubs[1].unplug("worker").await.unwrap();
    runs.pop().unwrap().end().await;
    emit(&hubs[0], 2, 3).await.unwrap();
    assert_eq!(number(&mut events[0]).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_is_seen_to_come_to_speak_and_to_go() {
    let hub = Socket::default();
    let mut events = hub.events();
    for generation in [1, 2] {
        let plugged = plug(&hub, &worker("worker").0).await;
        emit(&hub, 5, 6).await.unwrap();
        let report = hub.unplug("worker").await.unwrap();
        plugged.end().await;
        let Some(Event::Connected(plugin)) = events.next().await else { panic!() };
        assert_eq!((plugin.name(), plugin.generation()), ("worker", generation));
        let Some(Event::Message(message)) = events.next().await else { panic!() };
        assert_eq!(message.plugin().generation(), generation);
        assert_eq!((message.decode(), &**message.payload()), (Ok(5), &b"5"[..]));
        assert!(message.decode::<String>().is_err());
        let Some(Event::Disconnected(plugin, reason)) = events.next().await else { panic!() };
        assert_eq!((plugin.generation(), reason), (generation, report.reason));
        assert!(plugin.has_ended());
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_emitted_before_the_return_is_seen_before_the_call_ends() {
    let hub = Socket::default();
    plug(&hub, &worker("worker").0).await;
    let mut events = hub.events();
    for event in 0..100 {
        emit(&hub, event, event + 1).await.unwrap();
        // It is there already: no wait is needed.
        let seen = timeout(Duration::ZERO, number(&mut events)).await;
        assert_eq!(seen, Ok(event));
    }
}

#[tokio::test(start_paused = true)]
async fn l05_a_subscriber_that_lags_is_told_how_many_it_missed() {
    let hub = Socket::default();
    plug(&hub, &worker("worker").0).await;
    let mut events = hub.events().capacity(10);
    emit(&hub, 0, 1_000).await.unwrap();
    assert_eq!(lagged(&mut events).await, 990);
    for expected in 990..1_000 {
        assert_eq!(number(&mut events).await, expected);
    }
    emit(&hub, 1_000, 1_001).await.unwrap();
    assert_eq!(number(&mut events).await, 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_keeps_so_many_bytes_and_at_least_one_event() {
    let hub = Socket::default();
    plug(&hub, &worker("worker").0).await;
    let mut events = hub.events().capacity_bytes(10_000);
    let text = |bytes: usize| hub.call::<()>("worker", "emit_text", &bytes);
    for _ in 0..10 {
        text(3_000).await.unwrap();
    }
    assert_eq!(lagged(&mut events).await, 7);
    text(500_000).await.unwrap();
    assert_eq!(lagged(&mut events).await, 3);
    let Some(Event::Message(message)) = events.next().await else { panic!() };
    assert_eq!(message.payload().len(), 500_002);
}

#[tokio::test(start_paused = true)]
async fn each_subscriber_reads_at_its_own_pace() {
    let hub = Socket::default();
    plug(&hub, &worker("worker").0).await;
    let mut lazy = hub.events().capacity(1);
    let mut eager = hub.events();
    let mut gone = hub.events();
    for event in 0..500 {
        emit(&hub, event, event + 1).await.unwrap();
        assert_eq!(number(&mut eager).await, event);
        if event == 3 {
            assert_eq!(number(&mut gone).await, 0);
            gone = hub.events();
        }
    }
    assert_eq!(lagged(&mut lazy).await, 499);
    assert_eq!(number(&mut lazy).await, 499);
    drop(lazy);
    assert_eq!(number(&mut gone).await, 4, "who subscribes sees what comes then");
}

#[tokio::test(start_paused = true)]
async fn a_plugin_without_subscribers_is_not_held_up() {
    let hub = hub_with_credit(4);
    plug(&hub, &worker("worker").0).await;
    timeout(LONG, emit(&hub, 0, 1_000)).await.unwrap().unwrap();
    drop(hub.events().wait());
    timeout(LONG, emit(&hub, 0, 1_000)).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn l05_a_subscriber_that_lags_does_not_hold_plugins_up() {
    let hub = hub_with_credit(4);
    plug(&hub, &worker("worker").0).await;
    let _unread = hub.events().capacity(1);
    timeout(LONG, emit(&hub, 0, 1_000)).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_plugins_wait_for_misses_nothing() {
    let hub = hub_with_credit(8);
    plug(&hub, &worker("worker").0).await;
    let mut events = hub.events().wait().capacity(2);
    let emitting = tokio::spawn(emit(&hub, 0, 100));
    sleep(Duration::from_secs(1)).await;
    assert!(!emitting.is_finished(), "the credit is withheld");
    assert_eq!(hub.call::<u8>("worker", "echo", &1).await, Ok(1), "calls are not held up");
    for expected in 0..100 {
        assert_eq!(number(&mut events).await, expected);
    }
    emitting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn plugins_wait_for_the_slowest_and_until_it_goes() {
    let hub = hub_with_credit(8);
    plug(&hub, &worker("worker").0).await;
    let (unread, mut read) = (hub.events().wait(), hub.events().wait());
    let emitting = tokio::spawn(emit(&hub, 0, 50));
    sleep(Duration::from_secs(1)).await;
    for expected in 0..8 {
        assert_eq!(number(&mut read).await, expected);
    }
    sleep(Duration::from_secs(1)).await;
    assert!(!emitting.is_finished());
    drop(unread);
    for expected in 8..50 {
        assert_eq!(number(&mut read).await, expected);
    }
    emitting.await.unwrap().unwrap();
}

/// A plugin that connects again has new credit each time, and can't make anybody wait for the
/// events that its earlier connections have sent.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_reconnects_does_not_fill_the_hub() {
    let hub = hub_with_credit(4);
    let mut events = hub.events().wait().capacity(10);
    for _ in 0..100 {
        let plugged = plug(&hub, &worker("worker").0).await;
        emit(&hub, 0, 4).await.unwrap();
        plugged.kill().await;
        eventually(|| hub.connected().is_empty()).await;
    }
    let plugged = plug(&hub, &worker("worker").0).await;
    emit(&hub, 0, 4).await.unwrap();
    let dropped = lagged(&mut events).await;
    let mut left = Vec::new();
    while let Ok(Some(event)) = timeout(Duration::ZERO, events.next()).await {
        left.push(event);
    }
    assert_eq!(dropped + left.len() as u64, 100 * 6 + 5);
    assert!(left.len() <= 14, "{}", left.len());
    let live = left.iter().filter(|event| match event {
        Event::Message(message) => !message.plugin().has_ended(),
        _ => false,
    });
    assert_eq!(live.count(), 4, "those of the plugin that is connected are all there");
    plugged.kill().await;
}

#[tokio::test(start_paused = true)]
async fn streams_end_after_a_shutdown_with_what_they_hold() {
    let hub = Socket::default();
    plug(&hub, &worker("worker").0).await;
    let mut events = hub.events();
    emit(&hub, 0, 1).await.unwrap();
    hub.shutdown().await;
    assert_eq!(number(&mut events).await, 0);
    assert!(matches!(events.next().await, Some(Event::Disconnected(..))));
    assert!(events.next().await.is_none());
    assert!(events.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn streams_end_with_the_hub() {
    let hub = Socket::default();
    let mut events = hub.events();
    let waiting = tokio::spawn(async move { events.next().await.is_none() });
    settle().await;
    drop(hub);
    assert!(waiting.await.unwrap());
}

struct Speaker {
    hook: AsyncHook,
}

#[brpc::plugin]
impl Speaker {
    #[brpc(hook)]
    fn take_hook(&mut self, hook: AsyncHook) {
        self.hook = hook;
    }

    pub fn nothing(&self) {}
}

fn speaker() -> (Plugin<Speaker>, AsyncHook) {
    let plugin = Plugin::new(Speaker { hook: AsyncHook::default() });
    let hook = plugin.receiver().hook.clone();
    (plugin, hook)
}

#[tokio::test(start_paused = true)]
async fn a_hook_says_why_it_sends_nothing() {
    let detached = AsyncHook::default();
    assert!(matches!(detached.emit(&1).await, Err(HookError::Detached)));
    assert!(matches!(detached.try_emit(&1), Err(HookError::Detached)));
    assert!(
        HookError::Detached.to_string().contains("`#[brpc(hook)]`"),
        "it says where to get one"
    );
    let hub = hub_with_credit(2);
    let _unread = hub.events().wait();
    let (plugin, hook) = speaker();
    assert!(matches!(hook.emit(&1).await, Err(HookError::Closed)), "not connected yet");
    let plugged = plug(&hub, &plugin).await;
    let keyed_by_pairs = std::collections::HashMap::from([((1, 2), 3)]);
    assert!(matches!(hook.try_emit(&keyed_by_pairs), Err(HookError::Invalid { .. })));
    let large = "x".repeat(1 << 20);
    assert!(matches!(hook.emit(&large).await, Err(HookError::TooLarge { .. })));
    hook.try_emit(&1).unwrap();
    hook.try_emit(&2).unwrap();
    assert!(matches!(hook.try_emit(&3), Err(HookError::Full)));
    plugged.kill().await;
    assert!(matches!(hook.emit(&4).await, Err(HookError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn a_hook_survives_reconnects() {
    let hub = Socket::default();
    let mut events = hub.events();
    let (plugin, hook) = speaker();
    for number in 0..3 {
        let plugged = plug(&hub, &plugin).await;
        hook.emit(&number).await.unwrap();
        assert!(matches!(events.next().await, Some(Event::Connected(_))));
        let Some(Event::Message(message)) = events.next().await else { panic!() };
        assert_eq!(message.decode(), Ok(number));
        plugged.kill().await;
        assert!(matches!(events.next().await, Some(Event::Disconnected(..))));
    }
}

/// Large events spend the credit in bytes in the worst order: what is not returned yet must always
/// leave credit for one more of any size.
#[tokio::test(start_paused = true)]
async fn an_event_of_any_size_that_is_allowed_finds_credit() {
    let hub = Socket::default();
    let mut events = hub.events().wait();
    let (plugin, hook) = speaker();
    plug(&hub, &plugin).await;
    assert!(matches!(events.next().await, Some(Event::Connected(_))));
    let largest = (1 << 20) - 3;
    for size in [400_000, 700_000, 1, largest, 500_000, 524_287, largest, largest] {
        let text = "x".repeat(size);
        timeout(LONG, hook.emit(&text)).await.expect("it is sent").unwrap();
        let Some(Event::Message(message)) = events.next().await else { panic!() };
        assert_eq!(message.payload().len(), size + 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_ignores_its_credit_is_cut_off() {
    let hub = hub_with_credit(4);
    let mut events = hub.events().wait();
    let mut peer = Peer::plugged(&hub, "peer").await;
    for _ in 0..5 {
        peer.send_frame(kind::EVENT, b"1").await;
    }
    let goodbye = peer.expect(kind::GOODBYE).await;
    assert_eq!(goodbye.fields().number(), farewell::PROTOCOL);
    for _ in 0..5 {
        assert!(!matches!(events.next().await, Some(Event::Disconnected(..))));
    }
    assert!(matches!(events.next().await, Some(Event::Disconnected(..))));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_no_json_is_found_when_it_is_decoded() {
    let hub = Socket::default();
    let mut peer = Peer::plugged(&hub, "peer").await;
    let mut events = hub.events();
    peer.send_frame(kind::EVENT, b"{\"open\":").await;
    let Some(Event::Message(message)) = events.next().await else { panic!() };
    assert!(message.decode::<Value>().is_err());
    assert_eq!(hub.connected().len(), 1);
}

/// In one frame for half of what was given, and not one for each event.
#[tokio::test(start_paused = true)]
async fn credit_goes_back_when_an_event_was_read() {
    let hub = hub_with_credit(4);
    let mut events = hub.events().wait();
    let mut peer = Peer::plugged(&hub, "peer").await;
    for _ in 0..4 {
        peer.send_frame(kind::EVENT, b"12345").await;
    }
    assert!(matches!(events.next().await, Some(Event::Connected(_))));
    number(&mut events).await;
    timeout(LONG, peer.frame()).await.expect_err("nothing yet");
    number(&mut events).await;
    let credit = peer.expect(kind::CREDIT).await;
    let mut fields = credit.fields();
    assert_eq!((fields.number(), fields.number()), (2, 10));
    // A subscriber that no longer reads returns the rest.
    drop(events);
    let credit = peer.expect(kind::CREDIT).await;
    assert_eq!(credit.fields().number(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_made_after_a_shutdown_is_at_its_end() {
    let hub = Socket::default();
    hub.shutdown().await;
    assert!(hub.events().next().await.is_none());
    // A hub that is used again has events again.
    plug(&hub, &worker("worker").0).await;
    let mut events = hub.events();
    emit(&hub, 7, 8).await.unwrap();
    assert_eq!(number(&mut events).await, 7);
}
