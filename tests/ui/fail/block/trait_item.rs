#[brpc::plugin]
trait Greet {
    fn greet(&self);
}

fn main() {}
