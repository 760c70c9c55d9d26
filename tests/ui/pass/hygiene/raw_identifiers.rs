//! Names that need `r#` in Rust need none for callers.

use std::sync::Arc;

use crate::pass::calling;

struct r#Greeter;

#[brpc::plugin(client)]
impl r#Greeter {
    pub fn r#match(&self, r#in: u8, r#type: u8) -> u8 {
        r#in + r#type
    }

    pub async fn r#loop(&self, r#while: u8) -> u8 {
        r#while
    }

    #[brpc(hook)]
    fn r#use(&mut self, r#box: brpc::AsyncHook) {
        drop(r#box);
    }
}

#[brpc::client]
trait r#Trait {
    fn r#match(&self, r#in: u8, r#type: u8) -> u8;
    async fn r#loop(&self, r#while: u8) -> u8;
}

#[test]
fn lose_their_mark() {
    let plugin = Arc::new(r#Greeter);
    assert_eq!(<r#Greeter as brpc::Receiver>::NAME, "greeter");
    assert_eq!(calling::names::<r#Greeter>(), ["match", "loop"]);
    assert_eq!(calling::call(&plugin, "match", r#"{"in":1,"type":2}"#).unwrap(), "3");
    assert_eq!(calling::call(&plugin, "loop", "4").unwrap(), "4");

    let hub = brpc::Socket::default();
    drop(GreeterClient::new(&hub, "greeter").r#match(1, 2));
    drop(TraitClient::new(&hub, "trait").r#loop(1));
}
