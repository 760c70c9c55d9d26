use brpc::AsyncHook;

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}

    #[brpc(hook, hidden)]
    fn keep(&mut self, _: AsyncHook) {}
}

fn main() {}
