struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn new() -> Self {
        Self
    }

    pub(crate) fn greet(&self) {}

    fn part(&self) {}
}

fn main() {
    Greeter::new().greet();
    Greeter::new().part();
}
