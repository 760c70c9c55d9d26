struct Greeter;

#[brpc::plugin(crate = ::no_such_crate)]
impl Greeter {
    pub fn greet(&self, name: String) -> String {
        name
    }
}

fn main() {}
