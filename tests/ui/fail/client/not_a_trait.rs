//! The attribute goes on a trait.

#[brpc::client]
struct Greeter;

#[brpc::client]
impl Greeter {}

fn main() {}
