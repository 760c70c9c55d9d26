struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, names: tokio::sync::mpsc::Receiver<String>) -> u32 {
        names.len().try_into().unwrap_or(0)
    }
}

fn main() {}
