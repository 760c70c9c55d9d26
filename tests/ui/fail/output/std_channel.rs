struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub async fn greet(&self) -> Result<std::sync::mpsc::Sender<String>, String> {
        Err(String::new())
    }
}

fn main() {}
