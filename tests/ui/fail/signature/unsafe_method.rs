struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub unsafe fn greet(&self) {}
}

fn main() {}
