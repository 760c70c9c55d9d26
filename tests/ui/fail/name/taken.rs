struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}

    #[brpc(rename = "greet")]
    pub fn hello(&self) {}
}

fn main() {}
