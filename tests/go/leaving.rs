//! Go plugins that leave: by themselves, unplugged, and with the hub.

use std::time::Duration;

use brpc::{CallError, CallErrorKind, DisconnectReason, Execution, Socket};
use tokio::task::JoinHandle;

use crate::go_plugin;
use crate::good::serve;
use crate::program::Program;
use crate::scenario::within;

/// A Go plugin in a call, for so long.
async fn hub_and_call(ms: u64) -> (Socket, Program, JoinHandle<Result<u64, CallError>>) {
    let (hub, address) = serve(Socket::builder()).await;
    let program = go_plugin::connect(&hub, address, "go").await;
    let call = go_plugin::begin(&hub, "go", ms).await;
    (hub, program, call)
}

pub async fn a_go_plugin_that_is_told_to_stop_answers_first() {
    let (hub, program, call) = hub_and_call(500).await;
    let plugin = hub.connected().remove(0);
    program.signal("TERM").await;
    assert_eq!(within("the call", call).await.unwrap(), Ok(500));
    let (lines, code) = program.finish().await;
    assert_eq!((lines, code), (vec!["closed".to_owned()], Some(0)));
    crate::scenario::eventually("it is gone", || plugin.has_ended()).await;
    // Nothing says that it left on purpose: it just closes.
    assert_eq!(plugin.end(), Some(DisconnectReason::Unclean));
    let error = hub.call::<()>("go", "Nothing", &()).await.unwrap_err();
    assert_eq!(error.execution(), Execution::Never);
    hub.shutdown().await;
}

pub async fn a_hub_that_shuts_down_waits_for_the_answer_of_a_go_plugin() {
    let (hub, program, call) = hub_and_call(500).await;
    let report = hub.shutdown().trace("night").grace(Duration::from_mins(5)).await;
    assert_eq!(within("the call", call).await.unwrap(), Ok(500));
    let [left] = &report.plugins[..] else { panic!("{report:?}") };
    assert_eq!((left.reason, left.finished, left.cut), (DisconnectReason::Shutdown, 1, 0));
    go_plugin::assert_left(program).await;
}

/// The hub doesn't wait; the Go program finishes what nobody hears.
pub async fn a_go_plugin_that_overstays_is_cut_off() {
    let (hub, program, call) = hub_and_call(2_000).await;
    let report = hub.shutdown().grace(Duration::from_millis(10)).await;
    let error = within("the call", call).await.unwrap().unwrap_err();
    let CallErrorKind::Disconnected { reason, .. } = error.kind() else { panic!("{error:?}") };
    assert_eq!(*reason, DisconnectReason::ShutdownForced);
    assert_eq!(error.execution(), Execution::Unknown);
    let [left] = &report.plugins[..] else { panic!("{report:?}") };
    assert_eq!((left.reason, left.cut), (DisconnectReason::ShutdownForced, 1));
    assert!(left.overstayed);
    go_plugin::assert_left(program).await;
}

pub async fn a_go_plugin_that_is_unplugged_can_come_back() {
    let (hub, address) = serve(Socket::builder()).await;
    for _ in 0..3 {
        let program = go_plugin::connect(&hub, address, "go").await;
        let report = hub.unplug("go").trace("bye").await.unwrap();
        assert!(report.is_clean(), "{report:?}");
        assert!(hub.connected().is_empty());
        go_plugin::assert_left(program).await;
    }
    hub.shutdown().await;
}
