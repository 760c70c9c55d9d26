use brpc::AsyncHook;

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}

    #[brpc(hook)]
    fn keep(&mut self, _: AsyncHook) {}

    #[brpc(hook)]
    fn keep_too(&mut self, _: AsyncHook) {}
}

fn main() {}
