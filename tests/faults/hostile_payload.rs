//! JSON that is meant to do harm, in answers, errors and events.

use brpc::{CallError, CallErrorKind, Event, Execution, Limits, Socket};
use futures_util::FutureExt as _;
use serde_json::Value;

use crate::good::Good;
use crate::raw::{CALL, EVENT, Hello, Raw, failed, frame, reply};
use crate::scenario::{MEMORY, scenario, within};

const MIB: usize = 1 << 20;

/// What 100,000 values take: each is in a list of its own, with room for four.
const MOST_VALUES: usize = 100_000 * 4 * size_of::<Value>();

/// Texts of nearly a frame that a decoder must not take as they are.
fn bombs() -> Vec<(&'static str, String)> {
    let fill = |unit: &str| unit.repeat((MIB - 64) / unit.len());
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(65), close.repeat(65));
    vec![
        ("brackets without end", fill("[")),
        ("objects without end", fill("{\"\":")),
        ("65 arrays inside each other", deep("[", "]")),
        ("arrays that take 120 times their text", format!("[{}0]", fill("[[0]],"))),
        ("values without end", format!("[{}0]", fill("0,"))),
        ("no end of a text", format!("\"{}", fill("\\\\"))),
        ("no JSON", fill("x")),
        ("half a character", "\"\\ud800\"".to_owned()),
        ("a number beyond all", "1e400".to_owned()),
        ("not a number", "NaN".to_owned()),
        ("two values", "1 2".to_owned()),
    ]
}

#[test]
fn f18_f19_a_bomb_in_an_answer_fails_its_call_and_nothing_else() {
    scenario(async {
        let good = Good::new(Socket::builder()).await;
        let mut plugin = Raw::register(good.address, &Hello::new("hostile")).await;
        let generation = good.hub.plugin_info("hostile").unwrap().generation;
        let mut id = 0;
        for (what, bomb) in bombs() {
            for is_failure in [false, true] {
                let mut call = Box::pin(good.hub.call::<Value>("hostile", "hang", &()));
                assert!((&mut call).now_or_never().is_none());
                plugin.expect(CALL).await;
                id += 1;
                let answer =
                    if is_failure { failed(id, 1, "c", "m", &bomb) } else { reply(id, &bomb) };
                MEMORY.reset_peak_usage();
                let before = MEMORY.current_usage();
                plugin.send(&answer).await;
                let result = within(what, call).await;
                match result.map_err(CallError::into_kind) {
                    Err(CallErrorKind::InvalidOutput { .. }) => assert!(!is_failure, "{what}"),
                    // Code and message arrive, whatever the data are.
                    Err(CallErrorKind::Method(error)) if is_failure => {
                        assert_eq!((error.code(), error.message()), ("c", "m"), "{what}");
                        assert!(error.lost_data().is_some(), "{what}");
                    }
                    other => panic!("{what}: {other:?}"),
                }
                // The text itself, as it was read, and no more values than a payload may have.
                let growth = MEMORY.peak_usage() - before;
                assert!(growth < 4 * MIB + MOST_VALUES, "{what}: {growth} bytes");
            }
            good.answers().await;
        }
        assert_eq!(good.hub.plugin_info("hostile").unwrap().generation, generation);
        println!("{id} bombs");
        drop(plugin);
        good.finish().await;
    });
}

#[test]
fn a_bomb_in_an_event_harms_only_who_decodes_it() {
    scenario(async {
        // As it doesn't wait for credit, it gets enough for all.
        let mut limits = Limits::default();
        limits.event_credit_bytes = 16 * MIB as u64;
        let good = Good::new(Socket::builder().limits(limits)).await;
        let mut events = good.hub.events();
        let mut plugin = Raw::register(good.address, &Hello::new("hostile")).await;
        for (what, bomb) in bombs() {
            plugin.send(&frame(EVENT, &[bomb.as_bytes()])).await;
            // Each plugin's connection is reported by its own task, in no order between the two.
            let message = loop {
                match within(what, events.next()).await {
                    Some(Event::Message(message)) => break message,
                    Some(Event::Connected(_)) => {}
                    other => panic!("{what}: {other:?}"),
                }
            };
            assert_eq!(message.payload(), &bomb);
            assert!(message.decode::<Value>().is_err(), "{what}");
        }
        drop(plugin);
        good.finish().await;
    });
}

/// A status of a later version says that the call failed, and not whether it ran.
#[test]
fn a_failure_of_a_kind_to_come_ends_its_call_and_no_more() {
    scenario(async {
        let good = Good::new(Socket::builder()).await;
        let mut plugin = Raw::register(good.address, &Hello::new("later")).await;
        for (id, status) in [(1, 0), (2, 11), (3, 255)] {
            let mut call = Box::pin(good.hub.call::<Value>("later", "hang", &()));
            assert!((&mut call).now_or_never().is_none());
            plugin.expect(CALL).await;
            plugin.send(&failed(id, status, "new", "something new", "")).await;
            let error = within("the call", call).await.unwrap_err();
            assert_eq!(error.execution(), Execution::Unknown, "status {status}");
            let error = error.method_error().expect("what the plugin said");
            assert_eq!((error.code(), error.message()), ("new", "something new"));
        }
        drop(plugin);
        good.finish().await;
    });
}

/// A text of 1 MB arrives as the first 4 KiB of it, and its code as 128 bytes.
#[test]
fn f27_endless_texts_of_errors_are_cut() {
    scenario(async {
        let good = Good::new(Socket::builder()).await;
        let mut plugin = Raw::register(good.address, &Hello::new("hostile")).await;
        let long = "\u{1b}[31mä".repeat(50_000);
        for id in 1..=9 {
            let mut call = Box::pin(good.hub.call::<Value>("hostile", "hang", &()));
            assert!((&mut call).now_or_never().is_none());
            plugin.expect(CALL).await;
            let status = u8::try_from(id).unwrap();
            plugin.send(&failed(id, status, &long, &long, "")).await;
            let error = within("the call", call).await.unwrap_err();
            if let Some(error) = error.method_error() {
                assert!(error.code().len() <= 128 && error.message().len() <= 4096);
                assert!(error.message().len() > 4000, "not more than needed");
            }
            let texts = format!("{error:?}").len();
            assert!(texts < 64 * 1024, "status {status}: {texts} bytes");
        }
        drop(plugin);
        good.finish().await;
    });
}
