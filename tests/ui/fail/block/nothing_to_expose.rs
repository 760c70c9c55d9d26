struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn new() -> Self {
        Self
    }

    #[brpc(skip)]
    pub fn part(&self) {}
}

fn main() {
    Greeter::new().part();
}
