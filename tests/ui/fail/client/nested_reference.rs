//! What a caller gives and gets is owned, through and through.

#[brpc::client]
trait Greeter {
    fn greet(&self, name: Option<&str>) -> String;
    fn first(&self, names: Vec<String>) -> Option<&'static str>;
    fn whole(&self) -> &'static str;
}

fn main() {}
