use std::cell::Cell;

struct Greeter {
    greeted: Cell<u64>,
}

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) -> u64 {
        self.greeted.get()
    }

    pub async fn wait(&self) {}

    pub async fn wait_again(&self, cx: &brpc::Context, seconds: u64) -> u64 {
        cx.cancelled().await;
        seconds
    }
}

fn main() {
    let plugin = brpc::Plugin::new(Greeter { greeted: Cell::new(0) });
    drop(plugin.name("greeter"));
}
