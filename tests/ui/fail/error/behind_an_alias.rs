struct Rude;

mod outcome {
    pub type Result<T> = std::result::Result<T, super::Rude>;
}

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) -> outcome::Result<String> {
        Err(Rude)
    }
}

fn main() {}
