struct Greeter;

#[brpc::plugin(crate = "::brpc")]
impl Greeter {
    pub fn greet(&self) {}
}

fn main() {}
