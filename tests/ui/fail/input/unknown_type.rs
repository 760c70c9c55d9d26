struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, req: Greet) -> Greeting {
        drop(req);
    }
}

fn main() {}
