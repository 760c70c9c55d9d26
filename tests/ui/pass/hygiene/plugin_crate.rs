//! Without the facade.

mod brpc {}

struct Greeter;

#[brpc_plugin::plugin]
impl Greeter {
    pub async fn greet(&self, _: &brpc_plugin::Context, name: String) -> String {
        name
    }
}

#[test]
fn is_enough() {
    assert_eq!(<Greeter as brpc_plugin::Receiver>::NAME, "greeter");
}
