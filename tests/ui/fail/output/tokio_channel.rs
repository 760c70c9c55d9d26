struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) -> tokio::sync::mpsc::Receiver<String> {
        tokio::sync::mpsc::channel(1).1
    }
}

fn main() {}
