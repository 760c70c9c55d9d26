struct Greeter;

#[brpc::plugin]
impl Greeter {
    #[brpc(hidden = true)]
    pub fn greet(&self) {}
}

fn main() {}
