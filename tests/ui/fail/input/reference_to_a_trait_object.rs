struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, name: &dyn ToString) -> String {
        name.to_string()
    }
}

fn main() {}
