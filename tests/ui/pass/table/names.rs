//! The names for callers.

use brpc::Receiver;

use crate::pass::calling;

struct Greeter;

#[brpc::plugin(name = "my-greeter", version = "spring 26", rename_all = "camelCase")]
impl Greeter {
    pub fn say_hello(&self) {}

    #[brpc(rename = "files/list", blocking)]
    pub fn list_files(&self) {}

    pub fn r#type(&self) {}
}

struct Verbatim;

#[rustfmt::skip] // Which would take the last comma away.
#[brpc::plugin(rename_all = "SCREAMING-KEBAB-CASE",)]
impl Verbatim {
    pub fn say_hello(&self) {}
}

#[test]
fn are_as_set() {
    assert_eq!((Greeter::NAME, Greeter::VERSION), ("my-greeter", "spring 26"));
    assert_eq!(calling::names::<Greeter>(), ["sayHello", "files/list", "type"]);
    assert_eq!(calling::names::<Verbatim>(), ["SAY-HELLO"]);
}
