struct Greeter;

#[brpc::plugin(client)]
impl Greeter {
    pub fn greet(&self) {}
}

fn main() {}
