trait Name {}

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, name: Box<dyn Name>) {
        drop(name);
    }
}

fn main() {}
