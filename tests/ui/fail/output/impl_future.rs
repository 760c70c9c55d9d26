struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) -> impl Future<Output = String> + Send {
        async { String::new() }
    }
}

fn main() {}
