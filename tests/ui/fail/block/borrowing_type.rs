struct Greeter<'a>(&'a str);

#[brpc::plugin]
impl<'a> Greeter<'a> {
    pub fn greet(&self) -> String {
        self.0.to_owned()
    }
}

fn main() {}
