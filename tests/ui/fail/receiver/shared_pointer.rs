use std::sync::Arc;

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(self: Arc<Self>) {}
}

fn main() {}
