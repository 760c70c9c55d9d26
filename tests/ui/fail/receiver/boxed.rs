struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(self: Box<Self>) {}
}

fn main() {}
