//! The hook of a plugin that stays connected.

use std::time::Duration;

use brpc::testing::{Link, run_through};
use brpc::{AsyncHook, Event, Events, HookError, KeepEvents, Limits, Plugin, RunState, Socket};

use crate::support::settle;

/// The messages that arrive up to this one.
async fn messages(events: &mut Events, last: u64) -> Vec<u64> {
    let mut messages = Vec::new();
    while messages.last() != Some(&last) {
        if let Some(Event::Message(message)) = events.next().await {
            messages.push(message.decode().unwrap());
        }
    }
    messages
}

/// A receiver with nothing but a hook.
struct Sensor(AsyncHook);

#[brpc::plugin]
impl Sensor {
    #[brpc(hook)]
    fn take_hook(&mut self, hook: AsyncHook) {
        self.0 = hook;
    }

    pub fn nothing(&self) {}
}

#[tokio::test(start_paused = true)]
async fn the_hook_survives_its_connections() {
    let (hub, link) = (Socket::default(), Link::new());
    let mut events = hub.events();
    let plugin = Plugin::new(Sensor(AsyncHook::default()));
    let hook = plugin.receiver().0.clone();
    let run = run_through(&hub, &plugin, &link);
    let mut states = run.states();
    let run = tokio::spawn(run.into_future());
    for number in 0..5_u64 {
        assert!(matches!(hook.emit(&number).await, Err(HookError::Closed)), "refused while away");
        while !matches!(states.next().await, Some(RunState::Connected { dropped_events: 0, .. })) {}
        hook.emit(&number).await.unwrap();
        assert_eq!(messages(&mut events, number).await, [number]);
        link.cut();
        while !matches!(states.next().await, Some(RunState::Away { .. })) {}
    }
    run.abort();
}

/// Kept up to a bound, in order, before new ones, whatever credit the hub gives; and how many were
/// dropped is told.
#[tokio::test(start_paused = true)]
async fn events_are_kept_while_it_is_away() {
    let keep = KeepEvents::default().capacity(6);
    let oldest = (4..10).chain([10]).collect::<Vec<u64>>();
    let newest = (0..6).chain([10]).collect::<Vec<u64>>();
    for (keep, expected) in [(keep, oldest), (keep.drop_newest(), newest)] {
        let mut limits = Limits::default();
        limits.event_credit = 2;
        let (hub, link) = (Socket::builder().limits(limits).build(), Link::new());
        let mut events = hub.events().wait();
        let plugin = Plugin::new(Sensor(AsyncHook::default())).keep_events(keep);
        let hook = plugin.receiver().0.clone();
        for number in 0..10_u64 {
            let is_kept = hook.try_emit(&number).is_ok();
            assert_eq!(is_kept, expected[0] > 0 || expected.contains(&number));
        }
        let run = run_through(&hub, &plugin, &link);
        let mut states = run.states();
        let run = tokio::spawn(run.into_future());
        states.next().await;
        let Some(RunState::Connected { dropped_events: 4, .. }) = states.next().await else {
            panic!()
        };
        settle().await;
        assert!(matches!(hook.try_emit(&99), Err(HookError::Full)), "the kept ones come first");
        let emitting = tokio::spawn(async move { hook.emit(&10).await });
        settle().await;
        assert!(!emitting.is_finished());
        assert_eq!(messages(&mut events, 10).await, expected);
        emitting.await.unwrap().unwrap();
        run.abort();
    }
}

/// When nobody will send them any more, they are refused, and whoever waits learns it.
#[tokio::test(start_paused = true)]
async fn none_are_kept_when_the_run_is_over() {
    let (hub, link) = (Socket::default(), Link::new());
    let plugin = Plugin::new(Sensor(AsyncHook::default())).keep_events(KeepEvents::default());
    let hook = plugin.receiver().0.clone();
    let emits = || hook.try_emit(&1).is_ok();
    assert!(emits(), "it has not begun");
    for round in 0..4 {
        let (run, other) = (run_through(&hub, &plugin, &link), run_through(&hub, &plugin, &link));
        let (mut states, handle) = (run.states(), run.handle());
        let run = tokio::spawn(run.into_future());
        while !matches!(states.next().await, Some(RunState::Connected { .. })) {}
        assert!(emits());
        match round {
            0 => handle.stop(Duration::ZERO),
            1 => hub.unplug("sensor").await.map(drop).unwrap(),
            2 => {
                link.cut();
                while !matches!(states.next().await, Some(RunState::Away { .. })) {}
                assert!(emits(), "it comes back");
                handle.stop(Duration::ZERO);
            }
            _ => run.abort(),
        }
        let _ = run.await;
        settle().await;
        assert!(emits(), "there is another run");
        drop(other);
        assert!(matches!(hook.emit(&2).await, Err(HookError::Closed)));
    }
    // A connection by hand may follow on another.
    let session = crate::support::plug(&hub, &plugin).await;
    assert!(emits());
    session.kill().await;
    assert!(emits());
}

/// What waits for credit when the link is cut is kept as well, and sent once.
#[tokio::test(start_paused = true)]
async fn events_that_wait_for_credit_survive_a_cut() {
    let mut limits = Limits::default();
    limits.event_credit = 2;
    let (hub, link) = (Socket::builder().limits(limits).build(), Link::new());
    let mut events = hub.events().wait();
    let plugin = Plugin::new(Sensor(AsyncHook::default())).keep_events(KeepEvents::default());
    let hook = plugin.receiver().0.clone();
    let run = run_through(&hub, &plugin, &link);
    let mut states = run.states();
    let run = tokio::spawn(run.into_future());
    while !matches!(states.next().await, Some(RunState::Connected { .. })) {}
    let emitting = tokio::spawn(async move {
        for number in 0..100_u64 {
            hook.emit(&number).await.unwrap();
        }
    });
    let mut seen = Vec::new();
    while seen.last() != Some(&99) {
        if let Some(Event::Message(message)) = events.next().await {
            seen.push(message.decode::<u64>().unwrap());
        }
        if seen.len() % 10 == 0 {
            link.cut();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    assert!(seen.is_sorted_by(|one, next| one < next), "in order, and none twice: {seen:?}");
    emitting.await.unwrap();
    run.abort();
}
