struct Greeter;

#[brpc::plugin(crate, rename_all)]
impl Greeter {
    #[brpc(rename)]
    pub fn greet(&self) {}
}

fn main() {}
