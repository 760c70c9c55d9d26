struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) -> impl std::fmt::Display {
        "hello"
    }
}

fn main() {}
