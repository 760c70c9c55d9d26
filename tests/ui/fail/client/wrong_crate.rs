#[brpc::client(crate = ::no_such_crate)]
trait Greeter {
    fn greet(&self, name: String) -> String;
}

fn main() {}
