use brpc::AsyncHook;

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}

    #[brpc(hook)]
    async fn keep(self, _: AsyncHook, _: u32) -> bool {
        true
    }
}

fn main() {}
