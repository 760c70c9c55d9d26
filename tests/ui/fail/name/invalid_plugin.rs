struct Greeter;

#[brpc::plugin(name = "my greeter")]
impl Greeter {
    pub fn greet(&self) {}
}

fn main() {}
