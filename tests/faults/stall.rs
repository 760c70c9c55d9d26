//! Handlers that don't come to an end hold up nobody else. Proved by order: what must not wait for
//! them is over while all of them still run.

use std::time::Duration;

use brpc::{CallErrorKind, Limits, Socket};
use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::good::{LONG, serve};
use crate::random::scramble;
use crate::scenario::{eventually, scenario, within};
use crate::worker::Worker;

#[test]
fn waiting_and_blocking_handlers_delay_neither_the_next_call_nor_a_cancel() {
    const WAITING: u64 = 1_000;
    let mut limits = Limits::default();
    // All that wait, the one that blocks, and no place for another.
    limits.max_calls = usize::try_from(WAITING).unwrap() + 1;
    scenario(async move {
        let (hub, address) = serve(Socket::builder().limits(limits)).await;
        // One thread for the whole plugin: whatever holds it up would show.
        let (desk, plugin) = Worker::plugin("worker");
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                plugin.connect(address).await.unwrap().run().await;
            });
        });
        hub.wait_for("worker", LONG).await.unwrap();
        let call =
            |method: &str, n: u64| hub.call::<u64>("worker", method, &n).timeout(None).queue();

        let mut blocking = Box::pin(call("block", 0));
        let mut waiting: FuturesUnordered<_> =
            (1..=WAITING).map(|n| call("wait", n).map(move |answer| (n, answer))).collect();
        assert!(futures_util::poll!(&mut blocking).is_pending());
        assert!(futures_util::poll!(waiting.next()).is_pending());
        eventually("all handlers run", || desk.waiting() == 1_000 && desk.blocking() == 1).await;
        // No place is left, or the next part would prove nothing.
        let refused = within("a refusal", hub.call::<u64>("worker", "scramble", &0)).await;
        assert!(
            matches!(refused.as_ref().unwrap_err().kind(), CallErrorKind::Overloaded { .. }),
            "{refused:?}"
        );

        // A cancelled call: only its answer gives the next call its place.
        let mut waiting: Vec<_> = waiting.into_iter().collect();
        drop(waiting.pop());
        let answer = within("the next call", call("scramble", 7)).await.unwrap();
        assert_eq!(answer, scramble(7));
        assert_eq!((desk.waiting(), desk.blocking()), (999, 1), "all the others still run");

        // And as many calls as one likes, through that one place.
        for n in 0..100 {
            assert_eq!(within("a call", call("scramble_later", n)).await.unwrap(), scramble(n));
        }
        assert_eq!((desk.waiting(), desk.blocking()), (999, 1));
        assert!(futures_util::poll!(&mut blocking).is_pending());

        desk.open();
        let mut waiting: FuturesUnordered<_> = waiting.into_iter().collect();
        while let Some((n, answer)) = within("a waiting call", waiting.next()).await {
            assert_eq!(answer.unwrap(), scramble(n));
        }
        assert_eq!(blocking.await.unwrap(), scramble(0));
        assert!(hub.shutdown().grace(Duration::from_mins(1)).await.is_clean());
        thread.join().unwrap();
    });
}
