use std::sync::mpsc::Sender;

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub async fn greet(&self, names: Sender<String>) {
        drop(names);
    }
}

fn main() {}
