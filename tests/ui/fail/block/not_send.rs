use std::sync::MutexGuard;

struct Greeter {
    greeted: MutexGuard<'static, u64>,
}

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) -> u64 {
        *self.greeted
    }

    pub async fn wait(&self) {}
}

fn main() {}
