//! Under another name.

mod deep {
    pub mod inside {
        pub use brpc as renamed;
    }
}

mod brpc_plugin {}

use deep::inside;

struct Greeter;

#[brpc::plugin(crate = inside::renamed)]
impl Greeter {
    pub fn greet(&self, name: String) -> String {
        name
    }
}

struct Other;

#[brpc::plugin(
    crate = crate::pass::hygiene::crate_path::deep::inside::renamed,
    name = "other",
    client
)]
impl Other {
    pub fn greet(&self) -> Result<u8, String> {
        Ok(1)
    }
}

#[brpc::client(crate = inside::renamed)]
trait Interface {
    fn add(&self, a: u8, b: u8) -> u8;
}

#[test]
fn is_followed() {
    let hub = brpc::Socket::default();
    drop(OtherClient::new(&hub, "other").greet());
    drop(InterfaceClient::new(&hub, "interface").add(1, 2));
    assert_eq!(<Greeter as brpc::Receiver>::NAME, "greeter");
    assert_eq!(<Other as brpc::Receiver>::NAME, "other");
}
