struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}
}

#[brpc::plugin]
impl Greeter {
    pub fn part(&self) {}
}

fn main() {}
