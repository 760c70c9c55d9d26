struct Greeter;

#[brpc::plugin(name = "greeter", name = "greeter")]
impl Greeter {
    #[brpc(rename = "hello")]
    #[brpc(rename = "hello")]
    pub fn greet(&self) {}
}

fn main() {}
