struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}

    #[brpc(hook)]
    fn keep(_: brpc::AsyncHook) {}
}

fn main() {}
