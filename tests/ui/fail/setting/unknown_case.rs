struct Greeter;

#[brpc::plugin(rename_all = "camel")]
impl Greeter {
    pub fn greet(&self) {}
}

fn main() {}
