use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Greet<'a> {
    name: &'a str,
}

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, req: Greet<'static>) -> String {
        req.name.to_owned()
    }
}

fn main() {}
