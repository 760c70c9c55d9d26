struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub async fn greet(&self) -> Result<Vec<String>, ()> {
        Err(())
    }
}

fn main() {}
