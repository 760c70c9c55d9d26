#![deny(unused_must_use)]

use brpc::Plugin;

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}
}

fn main() {
    Plugin::new(Greeter).name("greeter");
}
