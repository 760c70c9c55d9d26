use std::borrow::Cow;

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn greet(&self, name: Cow<'_, str>) -> String {
        name.into_owned()
    }
}

fn main() {}
