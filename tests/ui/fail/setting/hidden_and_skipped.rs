struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}

    #[brpc(skip, hidden)]
    pub fn part(&self) {}
}

fn main() {}
