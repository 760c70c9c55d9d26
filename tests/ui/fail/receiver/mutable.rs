struct Greeter {
    greeted: u64,
}

#[brpc::plugin]
impl Greeter {
    pub fn greet(&mut self) -> u64 {
        self.greeted += 1;
        self.greeted
    }
}

fn main() {}
