struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) -> fn(String) -> String {
        |name| name
    }
}

fn main() {}
