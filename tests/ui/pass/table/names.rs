//! The names for callers.

#[path = "../calling.rs"]
mod calling;

use brpc::Receiver;

struct Greeter;

#[brpc::plugin(name = "my-greeter", version = "spring 26", rename_all = "camelCase")]
impl Greeter {
    pub fn say_hello(&self) {}

    #[brpc(rename = "files/list", blocking)]
    pub fn list_files(&self) {}

    pub fn r#type(&self) {}
}

struct Verbatim;

#[brpc::plugin(rename_all = "SCREAMING-KEBAB-CASE",)]
impl Verbatim {
    pub fn say_hello(&self) {}
}

fn main() {
    assert_eq!((Greeter::NAME, Greeter::VERSION), ("my-greeter", "spring 26"));
    assert_eq!(calling::names::<Greeter>(), ["sayHello", "files/list", "type"]);
    assert_eq!(calling::names::<Verbatim>(), ["SAY-HELLO"]);
}
