struct Greeter;

#[brpc::plugin]
impl Greeter {
    #[brpc(rename = "brpc.greet")]
    pub fn greet(&self) {}
}

fn main() {}
