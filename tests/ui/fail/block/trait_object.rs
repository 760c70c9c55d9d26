trait Greet: Send + Sync {}

#[brpc::plugin]
impl dyn Greet {
    pub fn greet(&self) {}
}

fn main() {}
