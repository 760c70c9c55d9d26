struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn add(&self, (a, b): (i64, i64), _: i64) -> i64 {
        a + b
    }
}

fn main() {}
