const NAME: &str = "greeter";

struct Greeter;

#[brpc::plugin(name = NAME, version)]
impl Greeter {
    #[brpc(rename = 1)]
    pub fn greet(&self) {}
}

fn main() {}
