struct Greeting;
struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub async fn greet(&self) -> Greeting {
        Greeting
    }
}

fn main() {}
