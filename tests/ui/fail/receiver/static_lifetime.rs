struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&'static self) {}
}

fn main() {}
