struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub extern "C" fn greet(&self) {}
}

fn main() {}
