struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, rename: fn(String) -> String) -> String {
        rename(String::new())
    }
}

fn main() {}
