//! Spans of `tracing` around the methods of a plugin: the same for all kinds of methods.

use brpc::middleware::plugin::{Incoming, Middleware, Next};
use brpc::{Answer, Plugin, Socket};
use tokio::task::yield_now;
use tracing::Instrument as _;

use crate::support::open;
use crate::support::traced::{span, trace};

struct Traced;

/// The current span, before and after an `await` that waits.
async fn spans() -> [String; 2] {
    let first = span();
    yield_now().await;
    [first, span()]
}

#[brpc::plugin]
impl Traced {
    pub fn in_sync(&self) -> [String; 2] {
        [span(), span()]
    }

    pub async fn in_async(&self) -> [String; 2] {
        spans().await
    }

    #[brpc(no_cancel)]
    pub async fn to_the_end(&self) -> [String; 2] {
        spans().await
    }

    #[brpc(blocking)]
    pub fn on_a_thread(&self) -> [String; 2] {
        [span(), span()]
    }
}

const METHODS: [&str; 4] = ["in_sync", "in_async", "to_the_end", "on_a_thread"];

/// Calls each method of a plugin that runs in the span `run`; the span must be this one.
async fn each_runs_in(plugin: Plugin<Traced>, expected: &str) {
    trace();
    let hub = Socket::default();
    let session = open(&hub, &plugin).await.unwrap();
    tokio::spawn(session.run().instrument(tracing::info_span!("run")));
    for method in METHODS {
        let seen = hub.call::<[String; 2]>("traced", method, &()).await.unwrap();
        assert_eq!(seen, [expected; 2], "{method}");
    }
}

#[tokio::test]
async fn a_span_around_the_run_is_around_each_method() {
    each_runs_in(Plugin::new(Traced), "run").await;
}

#[tokio::test]
async fn a_span_of_middleware_is_around_each_method() {
    struct Spanned;

    impl Middleware<Incoming> for Spanned {
        async fn handle(&self, call: Incoming, next: Next) -> Answer {
            next.run(call).instrument(tracing::info_span!("middleware")).await
        }
    }

    each_runs_in(Plugin::new(Traced).middleware(Spanned), "middleware").await;
}
