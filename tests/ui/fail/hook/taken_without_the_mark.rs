use brpc::AsyncHook;

struct Greeter {
    hook: AsyncHook,
}

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}

    pub fn keep(&self, hook: AsyncHook) {}

    pub fn keep_some(&self, hook: Option<brpc::AsyncHook>) {}
}

fn main() {}
