#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Greet {}

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, req: &Greet) -> bool {
        std::mem::size_of_val(req) == 0
    }
}

fn main() {}
