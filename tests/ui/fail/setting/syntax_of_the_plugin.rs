struct Greeter;

#[brpc::plugin(name = "greeter" version = "1")]
impl Greeter {
    pub fn greet(&self) {}
}

fn main() {}
