struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn close(self) {}
}

fn main() {}
