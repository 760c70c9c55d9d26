//! Inputs may be called like the generated code's own variables.

use std::sync::Arc;

use brpc::Context;

use crate::pass::calling;

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn sum(&self, receiver: u8, context: u8, payload: u8, returned: u8, given: u8) -> u8 {
        receiver + context + payload + returned + given
    }

    pub async fn one(&self, context: &Context, payload: u8) -> usize {
        context.trace().len() + usize::from(payload)
    }

    pub async fn other(&self, receiver: u8, given: u8) -> u8 {
        receiver + given
    }

    pub fn input(&self, schemas: u8) -> u8 {
        schemas
    }
}

#[test]
fn clash_with_nothing() {
    let plugin = Arc::new(Greeter);
    let given = r#"{"receiver":1,"context":2,"payload":3,"returned":4,"given":5}"#;
    assert_eq!(calling::call(&plugin, "sum", given).unwrap(), "15");
    assert_eq!(calling::call(&plugin, "one", "1").unwrap(), "1");
    assert_eq!(calling::call(&plugin, "other", r#"{"receiver":1,"given":2}"#).unwrap(), "3");
    assert_eq!(calling::call(&plugin, "input", "7").unwrap(), "7");
}
