//! Events that are read, dropped and counted.

use std::sync::{Arc, Weak};

use brpc_core::{DisconnectReason, Limits};
use brpc_proto::{Description, Hello};
use bytes::Bytes;

use super::*;
use crate::events::Events;
use crate::events::bus::Bus;
use crate::events::credit::{Consumed, Origin};
use crate::events::event::Message;
use crate::plugin_ref::PluginRef;

fn message(plugin: &PluginRef) -> Unread {
    let consumed = Arc::new(Consumed::new(&Limits::default(), true));
    let origin = Arc::new(Origin { plugin: plugin.clone(), consumed, connection: Weak::new() });
    Unread::new(Event::Message(Message { origin, payload: Bytes::from_static(b"1") }))
}

/// Whether the counts of a queue match its entries.
fn counts_are_right(state: &State) -> bool {
    let bytes: usize = state.unread.iter().map(Unread::size).sum();
    let gaps = state.unread.iter().filter(|unread| unread.is_gap()).count();
    (state.held.bytes(), state.gaps) == (bytes, gaps)
}

/// How many events are missing if one is dropped.
fn missed(unread: &Unread) -> u64 {
    if let Event::Lagged(missed) = unread.event() { missed.total() } else { 1 }
}

/// Reads once; returns how many events were read or counted as missing.
fn read(queue: &Queue) -> u64 {
    let mut next = VecDeque::new();
    match queue.poll_read(&mut next, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Read::Some) => next.iter().map(missed).sum(),
        Poll::Ready(Read::Lagged(missed)) => missed.total(),
        _ => 0,
    }
}

fn plugin(name: &str, generation: u64) -> PluginRef {
    let hello = Hello::new(name, Description::new(&[]).unwrap().into());
    PluginRef::new(name.to_owned(), &hello, (generation, None), None, std::sync::Weak::new())
}

fn here() -> PluginRef {
    plugin("here", 1)
}

/// Whatever the policy and the order, no event is lost without being counted.
#[test]
fn every_event_is_read_or_counted() {
    let (bus, here, gone) = (Bus::default(), here(), here());
    gone.set_ended(DisconnectReason::Unclean);
    let gone = || Unread::new(Event::Disconnected(gone.clone(), DisconnectReason::Unclean));
    let policies = [Policy::DropOldest, Policy::DropNewest, Policy::Wait];
    let one = message(&here).size();
    for seed in 0..2_000_u64 {
        let sizes = [1 + seed % 5, 1 + seed % 7].map(|size| usize::try_from(size).unwrap());
        let events = Events::of(&bus).capacity(sizes[0]).capacity_bytes(sizes[1] * one);
        let queue = &events.queue;
        let (mut seen, mut pushed) = (0, 0);
        let mut dice = seed;
        for _ in 0..50 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            match dice >> 61 {
                0 => queue.set_policy(policies[usize::try_from(dice >> 40).unwrap() % 3]),
                1..=3 => seen += read(queue),
                4 => {
                    bus.publish(vec![gone()]);
                    pushed += 1;
                }
                more => {
                    bus.publish((3..more).map(|_| message(&here)).collect());
                    pushed += more - 3;
                }
            }
            let state = queue.0.lock();
            assert!(counts_are_right(&state), "{seed}: {state:?}");
            let unread: u64 = state.unread.iter().map(missed).sum();
            let known = seen + unread + state.lagged.total() + state.missed.total();
            assert_eq!(known, pushed, "{seed}: {state:?}");
        }
    }
}

#[test]
fn neither_limit_is_passed_by_what_drops_the_newest() {
    let here = here();
    let one = message(&here).size();
    for (capacity, bytes) in [(4, usize::MAX), (usize::MAX, 4 * one), (3, 4 * one)] {
        let bus = Bus::default();
        let events = Events::of(&bus).capacity(capacity).capacity_bytes(bytes).drop_newest();
        for round in 0..100 {
            bus.publish((0..3).map(|_| message(&here)).collect());
            let state = events.queue.0.lock();
            assert!(state.unread.len() - state.gaps <= capacity && state.held.bytes() <= bytes);
            assert!(counts_are_right(&state));
            drop(state);
            if round % 2 == 0 {
                read(&events.queue);
            }
        }
    }
}

#[test]
fn one_that_is_cut_off_keeps_what_it_has_and_no_more() {
    let here = here();
    let bus = Bus::default();
    let events = Events::of(&bus).capacity(3).close_on_lag();
    for _ in 0..100 {
        bus.publish((0..5).map(|_| message(&here)).collect());
    }
    let state = events.queue.0.lock();
    assert_eq!((state.unread.len(), state.missed.total(), state.lagged.total()), (3, 0, 0));
    assert!(state.is_closed && state.is_cut_off && counts_are_right(&state));
}

/// Whoever else the memory is for.
#[test]
fn l22_while_the_hub_holds_all_that_it_may_those_who_lag_keep_little() {
    let here = here();
    let one = message(&here).size();
    let budget = Arc::new(Budget::new(100 * one));
    let bus = Bus::new(budget.clone());
    let mut lagging: Vec<_> = (0..5).map(|_| Events::of(&bus)).collect();
    lagging.push(Events::of(&bus).drop_newest());
    for round in 1..1_000 {
        bus.publish((0..7).map(|_| message(&here)).collect());
        // A sixteenth of 1,024 events of each, and what one publication brings.
        let most = (lagging.len() * 71).max(100) * one;
        assert!(budget.used() <= most, "{round}: {} bytes", budget.used());
        for events in &lagging {
            assert!(counts_are_right(&events.queue.0.lock()));
        }
    }
    lagging.truncate(1);
    for _ in 0..1_000 {
        bus.publish(vec![message(&here)]);
    }
    let unread = lagging[0].queue.0.lock().unread.len();
    assert!((80..=101).contains(&unread), "{unread}");
}

/// Their own limits hold.
#[test]
fn while_the_hub_holds_all_that_it_may_those_who_drop_nothing_keep_all() {
    let gone = plugin("gone", 1);
    let bus = Bus::new(Arc::new(Budget::new(1)));
    let subscribers = [Events::of(&bus).close_on_lag(), Events::of(&bus).wait()];
    bus.publish((0..1_000).map(|_| message(&gone)).collect());
    gone.set_ended(DisconnectReason::Unclean);
    let ended = Event::Disconnected(gone, DisconnectReason::Unclean);
    bus.publish(vec![Unread::new(ended)]);
    bus.publish(vec![message(&here())]);
    for events in &subscribers {
        let state = events.queue.0.lock();
        assert_eq!((state.unread.len(), state.is_cut_off), (1_002, false));
    }
}

/// Otherwise each event would cost a walk along the queue.
#[test]
fn nothing_is_looked_for_while_nobody_has_gone() {
    let (bus, here) = (Bus::default(), here());
    let events = Events::of(&bus).capacity(4).wait();
    for _ in 0..100 {
        bus.publish(vec![message(&here)]);
        assert!(!events.queue.0.lock().may_have_ended);
    }
    assert_eq!(events.queue.0.lock().unread.len(), 100, "those who are here are waited for");

    let gone = plugin("gone", 2);
    bus.publish(vec![message(&gone)]);
    gone.set_ended(DisconnectReason::Unclean);
    let gone = Event::Disconnected(gone, DisconnectReason::Unclean);
    bus.publish(vec![Unread::new(gone)]);
    bus.publish(vec![message(&here)]);
    let state = events.queue.0.lock();
    assert_eq!((state.unread.len(), state.lagged.total(), state.may_have_ended), (101, 2, false));
    let sizes = state.unread.iter().map(Unread::size);
    assert_eq!(state.held.bytes(), sizes.sum::<usize>());
}

/// How many events of each plugin a queue has.
fn shares<const N: usize>(queue: &Queue, plugins: [&PluginRef; N]) -> [usize; N] {
    let state = queue.0.lock();
    plugins.map(|plugin| {
        let of_it = |unread: &&Unread| unread.event().plugin() == Some(plugin);
        state.unread.iter().filter(of_it).count()
    })
}

#[test]
fn one_that_floods_pushes_out_its_own_events_and_is_named() {
    let (quiet, loud) = (plugin("quiet", 1), plugin("loud", 2));
    let one = message(&quiet).size();
    for (capacity, bytes) in [(100, usize::MAX), (usize::MAX, 100 * one)] {
        let bus = Bus::default();
        let events = Events::of(&bus).capacity(capacity).capacity_bytes(bytes);
        for _ in 0..1_000 {
            bus.publish(vec![message(&loud)]);
        }
        for _ in 0..40 {
            bus.publish(vec![message(&quiet)]);
        }
        for _ in 0..1_000 {
            bus.publish((0..7).map(|_| message(&loud)).collect());
        }
        let [quiets, louds] = shares(&events.queue, [&quiet, &loud]);
        assert_eq!(quiets, 40);
        assert!((47..=60).contains(&louds), "{louds} of the one that floods");
        let missed = events.queue.0.lock().lagged.clone();
        let named: Vec<_> = missed.by_plugin().collect();
        assert_eq!(named, [(&loud, missed.total())]);
        assert_eq!(missed.total(), 8_000 - u64::try_from(louds).unwrap());
    }
}

/// Whoever missed events, their names don't take more memory.
#[test]
fn so_many_plugins_are_named_and_all_are_counted() {
    let bus = Bus::default();
    let events = Events::of(&bus).capacity(1);
    for generation in 0..1_000 {
        bus.publish(vec![message(&plugin("many", generation))]);
    }
    let missed = events.queue.0.lock().lagged.clone();
    assert_eq!((missed.total(), missed.by_plugin().len()), (999, 16));
}

/// Each time costs a walk along the queue.
#[test]
fn where_events_are_many_some_more_are_dropped_at_once() {
    let here = here();
    let size = message(&here).size();
    for (capacity, max_bytes) in [(800, usize::MAX), (usize::MAX, 800 * size)] {
        let queue = Queue::default();
        queue.set_capacity(capacity);
        queue.set_max_bytes(max_bytes);
        queue.push((0..801).map(|_| message(&here)).collect(), &mut Leftover::default());
        let unread = queue.0.lock().unread.len();
        assert!((690..=705).contains(&unread), "{unread} events");
    }
}
