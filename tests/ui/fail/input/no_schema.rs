#[derive(serde::Deserialize)]
struct Greet {}

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, req: Vec<Greet>) {
        drop(req);
    }
}

fn main() {}
