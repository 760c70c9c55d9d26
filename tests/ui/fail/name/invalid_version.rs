struct Greeter;

#[brpc::plugin(version = "1.0\n")]
impl Greeter {
    pub fn greet(&self) {}
}

fn main() {}
