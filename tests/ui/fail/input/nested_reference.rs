struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, name: Option<&str>) -> bool {
        name.is_some()
    }
}

fn main() {}
