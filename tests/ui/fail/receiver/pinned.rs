struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(self: std::pin::Pin<&Self>) {}
}

fn main() {}
