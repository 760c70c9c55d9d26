struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}

    #[brpc(skip)]
    pub fn new() -> Self {
        Self
    }

    #[brpc(blocking)]
    pub fn load() -> Self {
        Self
    }
}

fn main() {}
