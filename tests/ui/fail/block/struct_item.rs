#[brpc::plugin]
pub struct Greeter;

fn main() {}
