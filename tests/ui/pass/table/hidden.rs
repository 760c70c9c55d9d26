//! A hidden method is exposed and described by its name alone.

use std::sync::Arc;

use serde_json::json;

use crate::pass::calling::{call, input_schema, names, output_schema, row};

struct Greeter;

#[brpc::plugin]
impl Greeter {
    /// Greets somebody.
    #[brpc(hidden, rename = "hello")]
    pub fn greet(&self, name: String) -> String {
        name
    }

    #[brpc(hidden)]
    pub async fn several(&self, a: u8, b: u8) -> Result<u8, String> {
        Ok(a + b)
    }

    /// Has no input to hide.
    #[brpc(hidden, blocking)]
    pub fn nothing(&self) {}
}

#[test]
fn has_only_a_name() {
    let plugin = Arc::new(Greeter);
    assert_eq!(names::<Greeter>(), ["hello", "several", "nothing"]);
    for name in names::<Greeter>() {
        assert!(row::<Greeter>(name).description.is_empty());
        assert_eq!(output_schema::<Greeter>(name), Some(json!(true)));
    }
    assert_eq!(input_schema::<Greeter>("hello"), Some(json!(true)));
    assert_eq!(input_schema::<Greeter>("several"), Some(json!(true)));
    assert_eq!(input_schema::<Greeter>("nothing"), None);
    assert_eq!(call(&plugin, "hello", r#""Ada""#).unwrap(), r#""Ada""#);
    assert_eq!(call(&plugin, "several", r#"{"a":1,"b":2}"#).unwrap(), "3");
}
