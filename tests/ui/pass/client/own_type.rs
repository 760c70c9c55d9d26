//! `Self` in a signature is the plugin, also where the client names it.

use serde::{Deserialize, Serialize};

macro_rules! same {
    ($ty:ty) => {
        $ty
    };
}

/// Counts.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, schemars::JsonSchema)]
struct Counter {
    value: u32,
}

impl Counter {
    const LEN: usize = 4;
}

#[brpc::plugin(client)]
impl Counter {
    pub fn snapshot(&self) -> Self {
        self.clone()
    }

    pub fn history(&self) -> Vec<(Self, same!(Self))> {
        vec![(self.clone(), self.clone())]
    }

    pub async fn checked(&self) -> Result<Self, String> {
        Ok(self.clone())
    }

    pub fn merged(&self, other: Self, more: Option<Self>) -> Self {
        Self { value: self.value + other.value + more.unwrap_or_default().value }
    }

    pub fn key(&self, key: [u8; Self::LEN]) -> [u8; 2 * Self::LEN] {
        [key[0]; 2 * Self::LEN]
    }
}

#[tokio::test]
async fn is_the_plugins() {
    let hub = brpc::Socket::default();
    let of = |value| Counter { value };
    let _plugged = brpc::testing::plug(&hub, &brpc::Plugin::new(of(1))).await.unwrap();
    let counter = CounterClient::new(&hub, String::from("counter"));
    assert_eq!(counter.check_interface(), Ok(()));
    assert_eq!(counter.snapshot().await, Ok(of(1)));
    assert_eq!(counter.history().await, Ok(vec![(of(1), of(1))]));
    assert_eq!(counter.checked().await, Ok(of(1)));
    assert_eq!(counter.merged(of(2), Some(of(3))).await, Ok(of(6)));
    assert_eq!(counter.key([7; 4]).await, Ok([7; 8]));
}

#[test]
fn a_name_is_given_in_any_form() {
    let hub = brpc::Socket::default();
    let name = String::from("counter");
    drop(CounterClient::new(&hub, "counter"));
    drop(CounterClient::new(&hub, &name));
    drop(CounterClient::new(&hub, std::borrow::Cow::Borrowed(&*name)));
    drop(CounterClient::new(&hub, std::sync::Arc::<str>::from(&*name)));
    drop(CounterClient::new(&hub, name));
}
