#[derive(schemars::JsonSchema)]
struct Greet {}

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, req: Greet) {
        drop(req);
    }
}

fn main() {}
