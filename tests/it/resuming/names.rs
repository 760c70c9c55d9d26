//! Plugins that come back, while a sequencer gives out names.

use std::future::IntoFuture as _;
use std::sync::Arc;

use brpc::{Call, Socket};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::Notify;

use super::{Staying, made};
use crate::support::worker::worker;
use crate::support::{LONG, eventually, plug};

fn hub() -> Socket {
    Socket::builder().key_sequencer(|name| format!("{name}-2"), 3).build()
}

fn wait(hub: &Socket) -> Call<()> {
    hub.call::<()>("worker-2", "wait", &()).resumable(LONG).timeout(None)
}

/// It is the same plugin, whatever it is called.
#[tokio::test(start_paused = true)]
async fn a_plugin_that_comes_back_under_another_name_goes_on_with_its_calls() {
    let hub = hub();
    let (other, _) = worker("worker");
    let other = plug(&hub, &other).await;
    let staying = Staying::start(&hub).await;
    hub.wait_for("worker-2", LONG).await.unwrap();
    let call = made(wait(&hub));
    eventually(|| staying.journal.started() == 1).await;
    other.kill().await;
    staying.leave(&hub).await;
    staying.come_back(&hub).await;
    assert_eq!(hub.connected()[0].name(), "worker");
    // Its old name is free, and who takes it ends nothing.
    let (other, journal) = worker("worker-2");
    let _other = plug(&hub, &other).await;
    assert_eq!(hub.call::<u64>("worker-2", "echo", &1).await, Ok(1));
    assert_eq!(journal.started(), 1);
    staying.journal.release(1);
    assert_eq!(call.await.unwrap(), Ok(()));
}

/// Or the calls would be on a connection that nobody follows.
#[tokio::test(start_paused = true)]
async fn a_plugin_gets_the_name_that_it_has_until_the_hub_has_noticed_its_loss() {
    let hub = hub();
    let (other, _) = worker("worker");
    let other = plug(&hub, &other).await;
    let (plugin, journal) = worker("worker");
    let loses = Arc::new(Notify::new());
    let run = plugin.run_over({
        let (hub, loses) = (hub.clone(), loses.clone());
        move || {
            let (ours, near) = tokio::io::duplex(1 << 16);
            let (far, theirs) = tokio::io::duplex(1 << 16);
            hub.attach(theirs);
            tokio::spawn(carry(near, far, loses.clone()));
            async { Ok(ours) }
        }
    });
    tokio::spawn(run.into_future());
    hub.wait_for("worker-2", LONG).await.unwrap();
    let first = hub.connected().into_iter().find(|it| it.name() == "worker-2").unwrap();
    let call = made(wait(&hub));
    eventually(|| journal.started() == 1).await;
    // A better name is free by now.
    other.kill().await;
    eventually(|| hub.connected().len() == 1).await;
    loses.notify_one();
    eventually(|| hub.connected().first().is_some_and(|it| *it != first)).await;
    assert_eq!(hub.connected()[0].name(), "worker-2");
    journal.release(1);
    assert_eq!(call.await.unwrap(), Ok(()));
    assert_eq!(journal.started(), 1);
}

/// Carries bytes until the plugin loses the link; the hub notices nothing.
async fn carry(mut near: DuplexStream, mut far: DuplexStream, loses: Arc<Notify>) {
    let (mut there, mut back) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            count = near.read(&mut there) => match count {
                Ok(count @ 1..) => far.write_all(&there[..count]).await.unwrap(),
                _ => break,
            },
            count = far.read(&mut back) => match count {
                Ok(count @ 1..) => near.write_all(&back[..count]).await.unwrap(),
                _ => return,
            },
            () = loses.notified() => break,
        }
    }
    drop(near);
    let _far = far;
    std::future::pending::<()>().await;
}
