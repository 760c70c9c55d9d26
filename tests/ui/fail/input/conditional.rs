struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, #[cfg(all())] name: String) -> String {
        name
    }
}

fn main() {}
