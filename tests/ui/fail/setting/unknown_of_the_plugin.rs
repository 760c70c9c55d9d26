struct Greeter;

#[brpc::plugin(clients)]
impl Greeter {
    pub fn greet(&self) {}
}

fn main() {}
