struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) {}

    #[brpc(hook)]
    fn keep(&mut self, hook: Vec<String>) {
        drop(hook);
    }
}

fn main() {}
