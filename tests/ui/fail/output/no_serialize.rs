#[derive(schemars::JsonSchema)]
struct Greeting {}

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) -> Option<Greeting> {
        None
    }
}

fn main() {}
