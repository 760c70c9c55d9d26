//! How much the hub holds of a plugin that it hasn't registered, and for how long.

use std::time::Duration;

use brpc_core::{Function, Limits, RefusalCode};
use brpc_proto::limits::FREE_INPUT;
use brpc_proto::{Description, Event, Hello};
use bytes::BytesMut;

use crate::pair::Pair;
use crate::vectors::frame;

/// A plugin with a description of so many bytes, and some.
fn with_description_of(bytes: usize) -> Hello {
    let mut function = Function::new("f");
    function.description = "x".repeat(bytes);
    Hello::new("long", Description::new(&[function]).unwrap().into())
}

/// The hub is to take the plugin's Describe: the hub, and the bytes.
fn describing(hello: Hello) -> (Pair, Vec<u8>) {
    let mut pair = Pair::of(hello);
    let hello = pair.plugin_sends();
    pair.hub_takes(&hello);
    pair.hub.accept(None);
    let accepted = pair.hub_sends();
    pair.plugin_takes(&accepted);
    let describe = pair.plugin_sends();
    (pair, describe)
}

/// The driver reads no more than the connection allows; returns how much room was wanted.
fn read(pair: &mut Pair, mut bytes: &[u8], grants: usize) -> (Vec<usize>, Option<Event<u64>>) {
    let (mut input, mut wanted) = (BytesMut::new(), Vec::new());
    loop {
        let room = pair.hub.input_limit() - input.len();
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        input.extend_from_slice(now);
        bytes = later;
        pair.hub.handle_input(&mut input, pair.now);
        match pair.hub.poll_event() {
            Some(Event::WantsRoom(room)) => {
                assert!(!pair.hub.takes_input());
                assert_eq!(pair.hub.input_limit(), input.len(), "it is not read any more");
                wanted.push(room);
                if wanted.len() > grants {
                    return (wanted, None);
                }
                pair.hub.grant_room();
            }
            event => return (wanted, event),
        }
    }
}

#[test]
fn a_short_description_needs_no_room() {
    let (mut pair, describe) = describing(with_description_of(4_000));
    let (wanted, told) = read(&mut pair, &describe, 0);
    assert!(wanted.is_empty(), "{wanted:?}");
    assert!(matches!(told, Some(Event::Described(_))), "{told:?}");
}

/// Nothing is reserved for a length that was announced.
#[test]
fn room_for_a_description_grows_with_what_has_come() {
    let (mut pair, describe) = describing(with_description_of(60_000));
    let (wanted, told) = read(&mut pair, &describe, 9);
    assert_eq!(wanted, [2, 4, 8, 16].map(|times| times * FREE_INPUT));
    assert!(matches!(told, Some(Event::Described(_))), "{told:?}");
    // Without an answer it stays at that.
    let (mut pair, describe) = describing(with_description_of(60_000));
    assert_eq!(read(&mut pair, &describe, 1).0.len(), 2);
    assert_eq!(pair.hub.input_limit(), 2 * FREE_INPUT);
}

#[test]
fn the_longest_description_has_room() {
    let (mut pair, describe) = describing(with_description_of((1 << 20) - 20));
    let (_, told) = read(&mut pair, &describe, 9);
    assert!(matches!(told, Some(Event::Described(_))), "{told:?}");
}

/// Lets the time come at which the hub has something to do.
fn on_time(pair: &mut Pair) -> Vec<Event<u64>> {
    let due = pair.hub.poll_timeout().unwrap();
    if due <= pair.now {
        pair.hub.handle_timeout(pair.now);
    }
    std::iter::from_fn(|| pair.hub.poll_event()).collect()
}

#[test]
fn a_silent_plugin_gives_way_at_once() {
    let mut pair = Pair::new();
    let hello = pair.plugin_sends();
    pair.hub_takes(&hello[..20]);
    assert!(on_time(&mut pair).is_empty());
    pair.hub.give_way(pair.now);
    let told = on_time(&mut pair);
    let [Event::Refused(refusal), Event::Closed(..)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(refusal.code, RefusalCode::Full);
    assert!(refusal.is_transient() && pair.hub.ends_in_haste());
}

/// Its Hello may have arrived, and only needs to be read.
#[test]
fn a_plugin_that_goes_on_meanwhile_does_not_give_way() {
    let mut pair = Pair::new();
    let hello = pair.plugin_sends();
    pair.hub.give_way(pair.now);
    assert!(matches!(pair.hub_takes(&hello)[..], [Event::Hello(_)]));
    assert!(on_time(&mut pair).is_empty());
    // Nor while the hub decides.
    pair.hub.give_way(pair.now);
    assert!(on_time(&mut pair).is_empty());
    pair.hub.accept(None);
    assert!(on_time(&mut pair).is_empty());
    let in_time = Limits::default().hello_deadline;
    assert_eq!(pair.hub.poll_timeout(), Some(pair.now + in_time));
    // But when it is the plugin's turn again.
    pair.now += Duration::from_secs(1);
    pair.hub.give_way(pair.now);
    assert!(matches!(on_time(&mut pair)[..], [Event::Refused(_), Event::Closed(..)]));
}

#[test]
fn a_peer_that_is_stuck_and_is_not_by_turns_does_not_fill_the_events() {
    const PONG: u8 = 0x21;
    let says =
        |stuck: &[u8]| stuck.iter().flat_map(|&ms| frame(PONG, &[0, 0, ms])).collect::<Vec<_>>();
    for (stuck, told) in [([1, 0].repeat(100), 0), ([1, 0, 1].repeat(33), 1)] {
        let mut pair = Pair::ready_and_beating();
        assert_eq!(pair.hub_takes(&says(&stuck)).len(), told);
        assert_eq!(pair.plugin_takes(&says(&stuck)).len(), told);
        assert_eq!(pair.hub.peer_stuck().is_some(), told == 1);
    }
}
