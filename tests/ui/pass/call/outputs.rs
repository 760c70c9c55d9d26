//! How what a method returns becomes an answer, however its type is spelled.

use std::convert::Infallible;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::pass::calling::{call, output_schema};

#[derive(Clone, Serialize, JsonSchema)]
struct Greeting {
    text: String,
}

type Outcome = Result<Greeting, String>;
type Nothing = ();

/// Isn't one, though it is called so.
mod other {
    #[derive(serde::Serialize, schemars::JsonSchema)]
    pub struct Result<T> {
        pub value: T,
    }
}

struct Greeter {
    greeting: Greeting,
}

#[brpc::plugin]
impl Greeter {
    pub fn nothing(&self) {}

    pub fn unit(&self) -> () {}

    pub async fn unit_by_another_name(&self) -> Nothing {}

    pub fn value(&self) -> Greeting {
        self.greeting.clone()
    }

    pub async fn option(&self) -> Option<u8> {
        None
    }

    pub fn borrowed(&self) -> &Greeting {
        &self.greeting
    }

    pub async fn borrowed_and_async(&self) -> Result<&str, &'static str> {
        Ok(&self.greeting.text)
    }

    pub fn alias(&self) -> Outcome {
        Ok(self.greeting.clone())
    }

    pub fn alias_of_std(&self) -> std::io::Result<u8> {
        Ok(1)
    }

    pub fn alias_of_core(&self) -> std::fmt::Result {
        Err(std::fmt::Error)
    }

    pub fn no_result(&self) -> other::Result<u8> {
        other::Result { value: 1 }
    }

    pub fn infallible(&self) -> Result<u8, Infallible> {
        Ok(1)
    }

    pub async fn failing_to_say_nothing(&self) -> Result<(), String> {
        Ok(())
    }

    pub fn nested(&self) -> Result<Result<u8, String>, String> {
        Ok(Err("inner".to_owned()))
    }
}

#[test]
fn become_answers() {
    let plugin = Arc::new(Greeter { greeting: Greeting { text: "hi".to_owned() } });
    for nothing in ["nothing", "unit", "unit_by_another_name", "failing_to_say_nothing"] {
        assert_eq!(call(&plugin, nothing, "").unwrap(), "null", "{nothing}");
        assert_eq!(output_schema::<Greeter>(nothing), None, "{nothing}");
    }
    for greeting in ["value", "borrowed", "alias"] {
        assert_eq!(call(&plugin, greeting, "").unwrap(), r#"{"text":"hi"}"#, "{greeting}");
        let schema = output_schema::<Greeter>(greeting).unwrap();
        assert_eq!(schema["properties"]["text"]["type"], "string", "{greeting}");
    }
    for one in ["alias_of_std", "infallible"] {
        assert_eq!(call(&plugin, one, "").unwrap(), "1", "{one}");
        assert_eq!(output_schema::<Greeter>(one).unwrap()["type"], "integer", "{one}");
    }
    assert_eq!(call(&plugin, "option", "").unwrap(), "null");
    assert!(output_schema::<Greeter>("option").is_some());
    assert_eq!(call(&plugin, "borrowed_and_async", "").unwrap(), r#""hi""#);
    assert!(call(&plugin, "alias_of_core", "").is_err());
    assert_eq!(call(&plugin, "no_result", "").unwrap(), r#"{"value":1}"#);
    assert_eq!(call(&plugin, "nested", "").unwrap(), r#"{"Err":"inner"}"#);
}
