#[derive(serde::Deserialize)]
struct Greet {
    name: String,
}

struct Greeter;

#[brpc::plugin]
impl Greeter {
    #[brpc(hidden)]
    pub fn greet(&self, greet: Greet) {
        drop(greet.name);
    }
}

fn main() {}
