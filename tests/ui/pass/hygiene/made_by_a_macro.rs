//! A block that a macro writes.

use std::sync::Arc;

use crate::pass::calling;

macro_rules! plugin {
    ($plugin:ident, $method:ident($input:ident: $ty:ty) -> $output:ty, $context:ty) => {
        struct $plugin;

        #[brpc::plugin(client)]
        impl $plugin {
            pub fn $method(&self, _: $context, $input: $ty, fixed: u8) -> $output {
                $input + fixed
            }

            pub async fn only(&self, $input: $ty) -> $output {
                $input
            }
        }
    };
}

macro_rules! interface {
    ($interface:ident, $method:ident($input:ident: $ty:ty) -> $output:ty) => {
        #[brpc::client]
        trait $interface {
            fn $method(&self, $input: $ty, fixed: u8) -> $output;
            fn only(&self, $input: $ty) -> $output;
        }
    };
}

interface!(Interface, add(first: u8) -> u8);
plugin!(Adder, add(first: u8) -> u8, &brpc::Context);

#[test]
fn answers() {
    let plugin = Arc::new(Adder);
    assert_eq!(calling::call(&plugin, "add", r#"{"first":1,"fixed":2}"#).unwrap(), "3");
    assert_eq!(calling::call(&plugin, "only", "1").unwrap(), "1");
    let hub = brpc::Socket::default();
    drop(AdderClient::new(&hub, "adder").add(1, 2));
    drop(InterfaceClient::new(&hub, "adder").add(1, 2));
    drop(InterfaceClient::new(&hub, "adder").only(1));
}
