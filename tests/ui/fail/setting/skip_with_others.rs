struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}

    #[brpc(skip, rename = "leave")]
    pub fn part(&self) {}
}

fn main() {}
