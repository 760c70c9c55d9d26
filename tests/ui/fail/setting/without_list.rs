struct Greeter;

#[brpc::plugin]
impl Greeter {
    #[brpc]
    pub fn greet(&self) {}
}

fn main() {}
