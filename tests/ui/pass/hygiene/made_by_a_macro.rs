//! A block that a macro writes.

#[path = "../calling.rs"]
mod calling;

use std::sync::Arc;

macro_rules! plugin {
    ($plugin:ident, $method:ident($input:ident: $ty:ty) -> $output:ty, $context:ty) => {
        struct $plugin;

        #[brpc::plugin]
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

plugin!(Adder, add(first: u8) -> u8, &brpc::Context);

fn main() {
    let plugin = Arc::new(Adder);
    assert_eq!(calling::call(&plugin, "add", r#"{"first":1,"fixed":2}"#).unwrap(), "3");
    assert_eq!(calling::call(&plugin, "only", "1").unwrap(), "1");
}
