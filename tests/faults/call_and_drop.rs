//! Calls that are dropped as soon as they are sent: what HTTP/2 knows as a rapid reset.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use brpc::{CallErrorKind, Socket};
use futures_util::FutureExt as _;

use crate::good::{LONG, run_worker, serve};
use crate::random::scramble;
use crate::scenario::{MEMORY, eventually, scaled, scenario};

#[test]
fn l27_calls_that_are_dropped_leave_nothing_behind() {
    const PLACES: usize = 1_024;
    /// Calls that are in flight before the oldest is dropped: so many of them reach their handler.
    const AHEAD: usize = 500;
    let calls = scaled(100_000);
    scenario(async move {
        let (hub, address) = serve(Socket::builder()).await;
        let (desk, plugin) = run_worker("worker", address).await;
        hub.wait_for("worker", LONG).await.unwrap();

        let mut rounds = Vec::new();
        let mut dropped = 0;
        for round in 1..=2 {
            let mut ahead = VecDeque::new();
            while dropped < round * calls / 2 {
                let mut call = hub.call::<u64>("worker", "wait", &0).boxed();
                match (&mut call).now_or_never() {
                    None => ahead.push_back(call),
                    // All places are held by cancelled calls that the plugin has yet to answer.
                    Some(Err(error))
                        if matches!(error.kind(), CallErrorKind::Overloaded { .. }) =>
                    {
                        tokio::task::yield_now().await;
                    }
                    Some(other) => panic!("{other:?}"),
                }
                if ahead.len() > AHEAD {
                    dropped += usize::from(ahead.pop_front().is_some());
                }
            }
            drop(ahead);
            eventually("no handler is left", || desk.waiting() == 0).await;
            // Every place is free again, as soon as the plugin has answered the last: as many
            // handlers as there are places run at once.
            let mut all: Vec<_> = (0..PLACES)
                .map(|_| hub.call::<u64>("worker", "wait", &0).queue().boxed())
                .collect();
            assert!(all.iter_mut().all(|call| call.now_or_never().is_none()));
            eventually("all places are taken", || desk.waiting() == PLACES).await;
            drop(all);
            eventually("no handler is left", || desk.waiting() == 0).await;
            // The last to be answered.
            let answer: u64 = hub.call("worker", "scramble", &1).queue().await.unwrap();
            assert_eq!(answer, scramble(1));
            rounds.push(MEMORY.current_usage());
        }
        let most = desk.most_waiting.load(Ordering::SeqCst);
        let begun = desk.waited.load(Ordering::SeqCst);
        let growth = rounds[1].saturating_sub(rounds[0]);
        println!(
            "{dropped} calls dropped, {begun} of them in their handler; {most} handlers at most; \
             {growth} bytes of growth"
        );
        assert!(most <= PLACES, "{most} handlers at once");
        assert!(begun > 2 * PLACES + AHEAD, "{begun} handlers in all");
        // Tables keep their room; what is kept for each call would be more than this.
        assert!(growth < 10 * dropped / 2, "{growth} bytes");
        assert!(hub.shutdown().await.is_clean());
        plugin.await.unwrap();
    });
}
