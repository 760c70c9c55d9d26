struct Greeter;

#[brpc::plugin]
impl Greeter {
    #[brpc(name = "hello")]
    pub fn greet(&self) {}
}

fn main() {}
