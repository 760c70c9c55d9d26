trait Greet {
    fn greet(&self);
}

struct Greeter;

#[brpc::plugin]
impl Greet for Greeter {
    fn greet(&self) {}
}

fn main() {}
