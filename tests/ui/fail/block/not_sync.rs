use std::cell::Cell;

struct Greeter {
    greeted: Cell<u64>,
}

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) -> u64 {
        self.greeted.get()
    }
}

fn main() {}
