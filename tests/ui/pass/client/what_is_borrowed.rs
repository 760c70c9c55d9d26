//! What a method borrows from its plugin, a caller gets as an owned copy.

use std::borrow::Cow;

use brpc::Call;

struct Store {
    values: Vec<String>,
}

#[brpc::plugin(client)]
impl Store {
    pub fn first(&self) -> Option<&str> {
        self.values.first().map(String::as_str)
    }

    pub fn values(&self) -> &[String] {
        &self.values
    }

    pub fn cow(&self) -> Result<Cow<'_, str>, String> {
        Ok(Cow::Borrowed(&self.values[0]))
    }
}

#[test]
fn is_owned_by_the_caller() {
    let hub = brpc::Socket::default();
    let store = StoreClient::new(&hub, "store");
    let _: Call<Option<String>> = store.first();
    let _: Call<Vec<String>> = store.values();
    let _: Call<Cow<'static, str>> = store.cow();
}
