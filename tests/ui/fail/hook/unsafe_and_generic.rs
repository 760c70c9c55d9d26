struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}

    #[brpc(hook)]
    unsafe fn keep<T>(&mut self, hook: T) {
        drop(hook);
    }
}

fn main() {}
