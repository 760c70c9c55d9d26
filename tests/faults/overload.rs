//! More than somebody takes: calls, events, descriptors. What the tests print are the figures.
//! Memory is that of the whole process, so what the plugins hold is in it as well.

use std::time::{Duration, Instant};

use brpc::{AsyncHook, CallErrorKind, DisconnectReason, Plugin, Socket};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use futures_util::{FutureExt as _, poll};
use tokio::time::sleep;

use crate::good::{Good, LONG, run_worker, serve};
use crate::random::scramble;
use crate::raw::{Hello, Raw};
use crate::scenario::{MEMORY, eventually, scaled, scenario, within};
use crate::slow::reason_of;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// How long the slowest of a hundred calls take.
async fn p99(hub: &Socket, calls: usize, is_over: impl Fn() -> bool) -> Duration {
    let mut times = Vec::new();
    while times.len() < calls && !is_over() {
        let (n, begin) = (times.len() as u64, Instant::now());
        let answer: u64 = hub.call("good", "scramble", &n).await.unwrap();
        times.push(begin.elapsed());
        assert_eq!(answer, scramble(n));
        sleep(Duration::from_millis(1)).await;
    }
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

/// Makes ten calls of 16 KiB each millisecond until the plugin is gone; returns how many were sent,
/// how many waited to be, and how many were refused.
async fn flood(hub: Socket) -> [usize; 3] {
    let input = "x".repeat(16 * KIB);
    let mut calls = FuturesUnordered::new();
    let (mut ended, mut is_gone) = ([0; 3], false);
    let mut clock = tokio::time::interval(Duration::from_millis(1));
    while !is_gone || !calls.is_empty() {
        clock.tick().await;
        // If it is late, the next ticks are at once, and others have their turn in between.
        tokio::task::yield_now().await;
        if !is_gone {
            calls.extend((0..10).map(|_| hub.call::<()>("deaf", "hang", &input).timeout(None)));
        }
        while let std::task::Poll::Ready(Some(outcome)) = poll!(calls.next()) {
            let error: brpc::CallError = outcome.expect_err("nobody answers");
            match error.kind() {
                CallErrorKind::Overloaded { .. } => ended[2] += 1,
                CallErrorKind::Disconnected { reason, .. } => {
                    assert_eq!(*reason, DisconnectReason::SlowConsumer);
                    ended[usize::from(error.execution() == brpc::Execution::Never)] += 1;
                }
                CallErrorKind::NoPlugin { .. } => is_gone = true,
                other => panic!("{other:?}"),
            }
        }
    }
    ended
}

/// It is cut when it has read nothing for ten seconds; until then it holds a bounded number of calls,
/// and all others are refused at once.
#[test]
fn l03_a_plugin_that_never_reads_is_called_ten_thousand_times_a_second() {
    scenario(async {
        let good = Good::new(Socket::builder()).await;
        let mut events = good.hub.events();
        let alone = p99(&good.hub, 2_000, || false).await;
        let deaf = Raw::register(good.address, &Hello::new("deaf")).await;
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let begin = Instant::now();
        let flood = tokio::spawn(flood(good.hub.clone()));
        let beside = p99(&good.hub, usize::MAX, || flood.is_finished()).await;
        let [sent, queued, refused] = within("the flood", flood).await.unwrap();
        let (took, growth) = (begin.elapsed(), MEMORY.peak_usage().saturating_sub(before));
        println!(
            "deaf to 10,000 calls/s of 16 KiB: cut after {took:.1?}; {growth} bytes; {sent} calls \
             sent, {queued} queued, {refused} refused; p99 of others {alone:?} alone, {beside:?} \
             beside it"
        );
        assert_eq!(reason_of(&mut events, "deaf").await, DisconnectReason::SlowConsumer);
        assert!(growth < 8 * MIB, "{growth} bytes");
        assert!(refused > sent + queued, "most are refused");
        drop(deaf);
        good.finish().await;
    });
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

/// Neither subscribers that drop events nor one that makes plugins wait let memory grow, and calls
/// on the connection of the events go on.
#[test]
fn l04_events_by_the_million_that_nobody_reads() {
    let count = scaled(100_000);
    scenario(async move {
        let (hub, address) = serve(Socket::builder()).await;
        let _unread = (hub.events(), hub.events().drop_newest(), hub.events().close_on_lag());
        let speaker = Plugin::new(Speaker { hook: AsyncHook::default() });
        let hook = speaker.receiver().hook.clone();
        let run = tokio::spawn(speaker.connect(address).await.unwrap().run());
        hub.wait_for("speaker", LONG).await.unwrap();
        let text = "x".repeat(KIB);
        let call = || async {
            within("a call", hub.call::<()>("speaker", "nothing", &())).await.unwrap();
        };
        call().await;

        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let emitting = tokio::spawn({
            let (hook, text) = (hook.clone(), text.clone());
            async move {
                for _ in 0..count {
                    hook.emit(&text).await.unwrap();
                }
            }
        });
        let mut calls = 0;
        while !emitting.is_finished() {
            call().await;
            calls += 1;
        }
        emitting.await.unwrap();
        let growth = MEMORY.peak_usage().saturating_sub(before);
        println!(
            "{count} events of 1 KiB that nobody reads: {growth} bytes; {calls} calls meanwhile"
        );
        assert!(growth < 4 * MIB, "{growth} bytes");

        // From now on, plugins wait.
        let _waits = hub.events().wait();
        let mut emitted = 0;
        let begin = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        while hook.emit(&text).now_or_never().is_some_and(|emitted| emitted.is_ok()) || {
            // The last of the credit may be on its way.
            call().await;
            hook.emit(&text).now_or_never().is_some_and(|emitted| emitted.is_ok())
        } {
            emitted += 1;
        }
        for _ in 0..100 {
            call().await;
        }
        let growth = MEMORY.peak_usage().saturating_sub(begin);
        println!("{emitted} events until the plugin has to wait: {growth} bytes");
        assert!(emitted <= 2 * 1_024 && growth < 4 * MIB, "{emitted} events, {growth} bytes");
        hub.shutdown().await;
        run.await.unwrap();
    });
}

/// As many as there are places get one, some wait if they want to, and the rest is refused at once.
#[test]
fn l06_calls_by_the_million_to_one_plugin() {
    const PLACES: usize = 1_024;
    const UNSENT: usize = 4_096;
    let count = scaled(100_000);
    scenario(async move {
        let (hub, address) = serve(Socket::builder()).await;
        let (desk, plugin) = run_worker("worker", address).await;
        hub.wait_for("worker", LONG).await.unwrap();
        for waits in [false, true] {
            let call = || {
                let call = hub.call::<u64>("worker", "wait", &7).timeout(None);
                if waits { call.queue() } else { call }
            };
            let before = MEMORY.current_usage();
            let mut calls: FuturesUnordered<_> = (0..count).map(|_| call()).collect();
            let made = MEMORY.current_usage();
            MEMORY.reset_peak_usage();
            let mut refused = 0;
            let most = PLACES + if waits { UNSENT } else { 0 };
            while refused < count - most {
                let error = within("a refusal", calls.next()).await.unwrap().unwrap_err();
                assert!(matches!(error.kind(), CallErrorKind::Overloaded { .. }), "{error:?}");
                refused += 1;
            }
            assert!(poll!(calls.next()).is_pending(), "the others wait");
            eventually("all places are taken", || desk.waiting() == PLACES).await;
            let growth = MEMORY.peak_usage().saturating_sub(made);
            println!(
                "{count} calls at once, waiting {waits}: {refused} refused; {growth} bytes for \
                 those in progress, {} for the callers",
                made - before
            );
            // All of them are in the inbox before the first is refused.
            assert!(growth < KIB * count, "{growth} bytes");
            drop(calls);
            eventually("no handler is left", || desk.waiting() == 0).await;
        }
        hub.shutdown().await;
        plugin.await.unwrap();
    });
}
