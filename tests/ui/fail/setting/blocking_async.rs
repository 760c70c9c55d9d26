struct Greeter;

#[brpc::plugin]
impl Greeter {
    #[brpc(blocking)]
    pub async fn greet(&self) {}
}

fn main() {}
