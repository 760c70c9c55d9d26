struct Greeter;

#[brpc::plugin]
impl Greeter {
    #[brpc(skip)]
    pub const POLITE: bool = true;

    pub fn greet(&self, #[brpc(rename = "who")] name: String) -> String {
        name
    }
}

fn main() {}
