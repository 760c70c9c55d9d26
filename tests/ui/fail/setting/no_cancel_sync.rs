struct Greeter;

#[brpc::plugin]
impl Greeter {
    #[brpc(no_cancel)]
    pub fn greet(&self) {}

    #[brpc(blocking, no_cancel)]
    pub fn part(&self) {}
}

fn main() {}
