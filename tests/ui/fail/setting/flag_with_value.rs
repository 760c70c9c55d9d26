struct Greeter;

#[brpc::plugin]
impl Greeter {
    #[brpc(blocking = true)]
    pub fn greet(&self) {}
}

fn main() {}
