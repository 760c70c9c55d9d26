use std::time::Duration;

use brpc::{AsyncHook, CallError, Context, EndReason, Event, Plugin, Socket};
use tokio::net::TcpListener;

struct Hand {
    hook: AsyncHook,
}

#[brpc::plugin]
impl Hand {
    pub async fn slow(&self, _cx: &Context, ms: u64) -> u64 {
        self.hook.emit("started").await.unwrap();
        tokio::time::sleep(Duration::from_millis(ms)).await;
        ms
    }
    pub fn add(&self, a: i64, b: i64) -> Result<i64, String> {
        a.checked_add(b).ok_or_else(|| "overflow".to_owned())
    }
    #[brpc(hook)]
    fn hook(&mut self, hook: AsyncHook) {
        self.hook = hook;
    }
}

#[tokio::test]
async fn calls_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hub = Socket::builder().build();
    let _serving = hub.serve(listener);
    let mut events = hub.events();
    let plugin = tokio::spawn(async move {
        let plugin = Plugin::new(Hand { hook: AsyncHook::default() });
        plugin.connect(address).await.unwrap().run().await
    });
    hub.wait_for("hand", Duration::from_secs(5)).await.unwrap();
    let sum: i64 = hub.call("hand", "add", &serde_json::json!({"a": 1, "b": 2})).await.unwrap();
    assert_eq!(sum, 3);
    let slept: u64 = hub.call("hand", "slow", &20).await.unwrap();
    assert_eq!(slept, 20);
    let late = hub.call::<u64>("hand", "slow", &5000).timeout(Duration::from_millis(50)).await;
    assert!(late.unwrap_err().is_timeout());
    let error = hub.call::<i64>("hand", "add", &[1]).await.unwrap_err();
    assert!(matches!(error, CallError::InvalidInput { .. }), "{error:?}");
    let overflow = serde_json::json!({"a": i64::MAX, "b": 2});
    let error = hub.call::<i64>("hand", "add", &overflow).await.unwrap_err();
    assert_eq!(error.method_error().unwrap().message(), "overflow");
    assert!(matches!(events.next().await, Some(Event::Connected(p)) if p.name() == "hand"));
    let Some(Event::Message(message)) = events.next().await else { panic!() };
    assert_eq!(message.decode::<String>().unwrap(), "started");
    let report = hub.unplug("hand").trace("t").await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(plugin.await.unwrap(), EndReason::Unplugged { trace: "t".to_owned() });
    let report = hub.shutdown().await;
    assert!(report.is_clean());
}
