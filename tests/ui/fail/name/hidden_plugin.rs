struct Greeter;

#[brpc::plugin(name = ".greeter")]
impl Greeter {
    pub fn greet(&self) {}
}

fn main() {}
