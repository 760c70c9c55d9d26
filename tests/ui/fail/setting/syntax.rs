struct Greeter;

#[brpc::plugin]
impl Greeter {
    #[brpc(blocking rename = "hello")]
    pub fn greet(&self) {}
}

fn main() {}
