//! The context is between a plugin and its hub.

#[brpc::client]
trait Greeter {
    fn greet(&self, cx: &brpc::Context, name: String) -> String;
}

fn main() {}
