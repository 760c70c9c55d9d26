#[derive(serde::Serialize)]
struct Greeting;

type Outcome<T> = std::result::Result<T, String>;

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self) -> Outcome<Vec<Greeting>> {
        Ok(vec![Greeting])
    }
}

fn main() {}
