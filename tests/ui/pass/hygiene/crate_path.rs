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

#[brpc::plugin(crate = crate::deep::inside::renamed, name = "other")]
impl Other {
    pub fn greet(&self) {}
}

fn main() {
    assert_eq!(<Greeter as brpc::Receiver>::NAME, "greeter");
    assert_eq!(<Other as brpc::Receiver>::NAME, "other");
}
