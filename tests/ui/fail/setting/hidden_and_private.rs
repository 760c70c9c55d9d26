struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}

    #[brpc(hidden)]
    fn part(&self) {}
}

fn main() {}
