//! Plugins that take too long, or do nothing at all.

use std::time::Duration;

use brpc::{CallErrorKind, DisconnectReason, Event, Execution, Limits, Scope, Socket, Stage};
use futures_util::FutureExt as _;

use crate::good::Good;
use crate::raw::{CALL, CANCEL, Hello, REPLY, Raw, frame, reply, varint};
use crate::scenario::{scenario, within};

/// Slow is who does nothing for this long.
fn impatient() -> Limits {
    let mut limits = Limits::default();
    limits.stall_window = Limits::SHORTEST_STALL_WINDOW;
    limits
}

/// Why a plugin is gone, once it is.
pub async fn reason_of(events: &mut brpc::Events, name: &str) -> DisconnectReason {
    loop {
        match within("an event", events.next()).await.unwrap() {
            Event::Disconnected(plugin, reason) if plugin.name() == name => return reason,
            _ => {}
        }
    }
}

#[test]
fn l01_a_plugin_that_never_reads_is_cut_and_all_its_calls_end() {
    scenario(async {
        let good = Good::new(Socket::builder().limits(impatient())).await;
        let mut events = good.hub.events();
        let deaf = Raw::register(good.address, &Hello::new("deaf")).await;
        let input = "x".repeat(60_000);
        let mut calls = Vec::new();
        let mut refused = Vec::new();
        while refused.is_empty() {
            calls.push(Box::pin(good.hub.call::<()>("deaf", "hang", &input).timeout(None)));
            // Lets the driver fill the system's buffers, and refuse what is too much.
            tokio::task::yield_now().await;
            calls.retain_mut(|call| match call.now_or_never() {
                None => true,
                Some(result) => {
                    refused.push(result.unwrap_err());
                    false
                }
            });
        }
        good.answers().await;

        let mut stages = Vec::new();
        for call in calls {
            let error = within("a call", call).await.unwrap_err();
            match error.kind() {
                CallErrorKind::Disconnected { stage, reason, .. } => {
                    assert_eq!(*reason, DisconnectReason::SlowConsumer);
                    stages.push(*stage);
                }
                // The driver had not come to look at it.
                CallErrorKind::Overloaded { .. } => refused.push(error),
                other => panic!("{other:?}"),
            }
        }
        for error in refused {
            assert!(
                matches!(error.kind(), CallErrorKind::Overloaded { scope: Scope::Plugin, .. }),
                "{error:?}"
            );
            assert_eq!(error.execution(), Execution::Never);
        }
        // Little is in doubt: what the systems and the driver hold, which is far less than the
        // systems would take by themselves.
        let sent = stages.iter().filter(|stage| **stage == Stage::Sent).count() * input.len();
        assert!(sent < 1_500_000 || !cfg!(target_os = "linux"), "{sent} bytes");
        // What fits into the system's buffers was sent, and the rest is known not to be.
        assert!(stages.contains(&Stage::Sent) && stages.contains(&Stage::Queued));
        assert!(stages.is_sorted_by_key(|stage| *stage == Stage::Queued), "sent in their order");
        assert_eq!(reason_of(&mut events, "deaf").await, DisconnectReason::SlowConsumer);
        drop(deaf);
        good.finish().await;
    });
}

#[test]
fn a_plugin_that_drips_the_rest_of_a_frame_is_cut() {
    scenario(async {
        let good = Good::new(Socket::builder().limits(impatient())).await;
        let mut events = good.hub.events();
        let mut dripping = Raw::register(good.address, &Hello::new("dripping")).await;
        let whole = frame(REPLY, &[&varint(1), &vec![b' '; 500_000]]);
        let (mut reader, mut writer) = dripping.stream.split();
        let drip = async {
            for byte in whole.chunks(1) {
                if tokio::io::AsyncWriteExt::write_all(&mut writer, byte).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let reason = tokio::select! {
            () = drip => panic!("it got through"),
            reason = reason_of(&mut events, "dripping") => reason,
        };
        assert_eq!(reason, DisconnectReason::SlowSender);
        let _ = tokio::io::AsyncReadExt::read_u8(&mut reader).await;
        good.finish().await;
    });
}

/// A plugin that accepts calls and never answers: each call ends in time, and the plugin has as
/// many of them as it may have and not one more.
#[test]
fn a_plugin_that_never_answers_is_overloaded_and_nobody_else_is() {
    scenario(async {
        let good = Good::new(Socket::builder()).await;
        let mute = Hello { max_calls: 8, ..Hello::new("mute") };
        let mut mute = Raw::register(good.address, &mute).await;
        for _ in 0..8 {
            let call = good.hub.call::<u64>("mute", "hang", &());
            let error = call.timeout(Duration::from_millis(20)).await.unwrap_err();
            assert_eq!(error, CallErrorKind::DeadlineExceeded { stage: Stage::Sent });
        }
        let error = good.hub.call::<u64>("mute", "hang", &()).await.unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::Overloaded { .. }), "{error:?}");
        // Waiting for a place ends in time as well, and nothing was sent.
        let call = good.hub.call::<u64>("mute", "hang", &()).queue();
        let error = call.timeout(Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(error, CallErrorKind::DeadlineExceeded { stage: Stage::Queued });
        good.answers().await;

        // One late answer makes one place.
        let mut kinds = Vec::new();
        while kinds.len() < 16 {
            kinds.push(mute.next().await.unwrap().kind);
        }
        kinds.sort_unstable();
        assert_eq!(kinds, [[CALL; 8], [CANCEL; 8]].concat(), "each is sent, and given up");
        let mut last = Box::pin(good.hub.call::<u64>("mute", "hang", &()).timeout(None).queue());
        assert!((&mut last).now_or_never().is_none(), "it waits for the place");
        mute.send(&reply(3, "3")).await;
        let call = mute.expect(CALL).await;
        assert!(call.number() > 8, "ids are not used again");
        mute.send(&reply(call.number(), "42")).await;
        assert_eq!(within("the call", last).await, Ok(42));
        drop(mute);
        good.finish().await;
    });
}
