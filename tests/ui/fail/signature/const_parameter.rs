struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet<const N: usize>(&self) -> usize {
        N
    }
}

fn main() {}
