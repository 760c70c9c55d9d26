//! Layers of `tower` as middleware, and a hub as a service.

use std::time::Duration;

use brpc::middleware::{hub, plugin};
use brpc::{CallError, CallErrorKind, Execution, Failure, Scope, Socket, Status};
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::{BoxError, Service as _, ServiceBuilder, ServiceExt as _};

use super::two_at_once;
use crate::support::worker::{Journal, worker};
use crate::support::{plug, settle};

async fn hub_with(layer: impl hub::Middleware<hub::Outgoing>) -> (Socket, Journal) {
    let hub = Socket::builder().middleware(layer).build();
    let (plugin, journal) = worker("w");
    plug(&hub, &plugin).await;
    (hub, journal)
}

#[tokio::test(start_paused = true)]
async fn a_layer_keeps_what_it_counts_over_all_calls() {
    let limit = hub::tower::TowerLayer::new(ConcurrencyLimitLayer::new(2));
    let (hub, journal) = hub_with(limit).await;
    two_at_once(&hub, &journal).await;

    let hub = Socket::default();
    let (plugin, journal) = worker("w");
    let limit = plugin::tower::TowerLayer::new(ConcurrencyLimitLayer::new(2));
    plug(&hub, &plugin.middleware(limit)).await;
    two_at_once(&hub, &journal).await;
}

/// One behind the other, each layer has its own say; what is to see the other is in one stack with it.
#[tokio::test(start_paused = true)]
async fn layers_see_whether_the_next_is_ready_in_one_stack_only() {
    use hub::tower::TowerLayer;
    let apart = Socket::builder()
        .middleware(TowerLayer::new(LoadShedLayer::new()))
        .middleware(TowerLayer::new(ConcurrencyLimitLayer::new(1)));
    let stack = ServiceBuilder::new().load_shed().concurrency_limit(1);
    let together = Socket::builder().middleware(TowerLayer::new(stack));
    for (builder, sheds) in [(apart, false), (together, true)] {
        let hub = builder.build();
        plug(&hub, &worker("w").0).await;
        let call = || hub.call::<u64>("w", "sleep", &1000);
        let (first, second) = tokio::join!(call(), call());
        assert_eq!((first, second.is_err()), (Ok(1000), sheds));
    }
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_hubs_layers() {
    let shed = ServiceBuilder::new().load_shed().concurrency_limit(1);
    let (hub, _) = hub_with(hub::tower::TowerLayer::new(shed)).await;
    let both =
        tokio::join!(hub.call::<u64>("w", "sleep", &1000), hub.call::<u64>("w", "sleep", &1000),);
    let error = both.1.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::Middleware { .. }), "{error:?}");
    assert_eq!((both.0, error.execution()), (Ok(1000), Execution::Unknown));
    // The error of what is behind the layers stays as it is.
    let error = hub.call::<()>("w", "nix", &()).await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::MethodNotFound { .. }), "{error:?}");

    let overloaded = CallErrorKind::Overloaded { scope: Scope::Hub, retry_after: None };
    let error = CallError::from(overloaded.clone());
    let exact = ServiceBuilder::new()
        .map_err(move |_: BoxError| error.clone())
        .load_shed()
        .concurrency_limit(1);
    let (hub, _) = hub_with(hub::tower::TowerLayer::new(exact)).await;
    let both =
        tokio::join!(hub.call::<u64>("w", "sleep", &1000), hub.call::<u64>("w", "sleep", &1000),);
    assert_eq!((both.0, both.1.unwrap_err().kind()), (Ok(1000), &overloaded));
}

#[tokio::test(start_paused = true)]
async fn errors_of_a_plugins_layers() {
    let shed = ServiceBuilder::new().load_shed().concurrency_limit(1);
    let exact = ServiceBuilder::new()
        .map_err(|_: BoxError| Failure::new(Status::Overloaded, "busy"))
        .load_shed()
        .concurrency_limit(1);
    let hub = Socket::default();
    let (first, second) = (worker("first").0, worker("second").0);
    plug(&hub, &first.middleware(plugin::tower::TowerLayer::new(shed))).await;
    plug(&hub, &second.middleware(plugin::tower::TowerLayer::new(exact))).await;
    for (name, is_exact) in [("first", false), ("second", true)] {
        let both = tokio::join!(
            hub.call::<u64>(name, "sleep", &1000),
            hub.call::<u64>(name, "sleep", &1000),
        );
        let error = both.1.unwrap_err();
        assert_eq!(both.0, Ok(1000));
        let overloaded = CallErrorKind::Overloaded { scope: Scope::Plugin, retry_after: None };
        assert_eq!(error == overloaded, is_exact, "{error:?}");
        assert_eq!(error.method_error().is_some(), !is_exact, "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_is_a_service() -> Result<(), BoxError> {
    let hub = Socket::default();
    let (plugin, journal) = worker("w");
    plug(&hub, &plugin).await;
    let mut calls = ServiceBuilder::new().concurrency_limit(1).service(hub.clone());
    let call = hub.outgoing("w", "echo", "hello")?;
    assert_eq!(calls.ready().await?.call(call).await?.output, r#""hello""#);
    let call = hub.outgoing("w", "wait", &())?;
    assert_eq!(call.timeout, Some(Duration::from_secs(30)));
    let error = calls.ready().await?.call(call).await.unwrap_err();
    assert!(error.is_timeout());
    settle().await;
    assert_eq!((journal.started(), journal.dropped()), (2, 1));
    Ok(())
}
