struct Greeter(String);

#[brpc::plugin]
impl Greeter {
    pub fn greet<'a>(&'a self) -> &'a str {
        &self.0
    }
}

fn main() {}
