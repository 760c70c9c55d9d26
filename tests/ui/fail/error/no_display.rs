#[derive(Debug)]
struct Rude;

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) -> Result<String, Rude> {
        Err(Rude)
    }
}

fn main() {}
