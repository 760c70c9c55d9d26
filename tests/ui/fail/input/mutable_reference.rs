struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, names: &mut Vec<String>) {
        names.clear();
    }
}

fn main() {}
