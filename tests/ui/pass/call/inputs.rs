//! How inputs reach a method.

use std::borrow::Cow;
use std::sync::Arc;

use brpc::Context as Cx;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::pass::calling::{call, input_schema};

#[derive(Deserialize, JsonSchema)]
struct Greet {
    name: String,
}

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn nothing(&self) -> u8 {
        1
    }

    pub async fn nothing_but_context(&self, cx: &Cx) -> bool {
        cx.is_cancelled()
    }

    pub fn one(&self, Greet { name }: Greet) -> String {
        name
    }

    pub async fn one_with_context(&self, cx: &brpc::Context, mut greet: Greet) -> String {
        greet.name.push_str(cx.trace());
        greet.name
    }

    pub fn ignored(&self, _: Greet) {}

    pub fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    pub async fn join(
        &self,
        _: &Cx,
        mut first: String,
        r#type: Option<String>,
        rest: Vec<Greet>,
        end: Cow<'static, str>,
    ) -> String {
        first.extend(r#type);
        first.extend(rest.into_iter().map(|greet| greet.name));
        first + &end
    }
}

#[test]
fn reach_their_method() {
    let plugin = Arc::new(Greeter);
    assert_eq!(call(&plugin, "nothing", "").unwrap(), "1");
    assert_eq!(call(&plugin, "nothing", "null").unwrap(), "1");
    assert!(call(&plugin, "nothing", "1").is_err());
    assert_eq!(call(&plugin, "nothing_but_context", "").unwrap(), "false");
    assert!(call(&plugin, "nothing_but_context", "{}").is_err());
    assert_eq!(call(&plugin, "one", r#"{"name":"you"}"#).unwrap(), r#""you""#);
    assert_eq!(call(&plugin, "one_with_context", r#"{"name":"you"}"#).unwrap(), r#""you""#);
    assert_eq!(call(&plugin, "ignored", r#"{"name":"you"}"#).unwrap(), "null");
    assert_eq!(call(&plugin, "one", r#"{"name":1}"#).unwrap_err().code, "name");
    assert_eq!(call(&plugin, "add", r#"{"b":1,"a":2}"#).unwrap(), "3");
    assert_eq!(call(&plugin, "add", r#"{"b":true,"a":2}"#).unwrap_err().code, "b");
    assert_eq!(call(&plugin, "add", r#"{"a":2}"#).unwrap_err().code, "b");
    assert_eq!(call(&plugin, "add", r#"{"a":2,"b":1,"c":1}"#).unwrap_err().code, "c");
    let given = r#"{"first":"a","type":"b","rest":[{"name":"c"}],"end":"d"}"#;
    assert_eq!(call(&plugin, "join", given).unwrap(), r#""abcd""#);
    let given = r#"{"first":"a","rest":[],"end":"d"}"#;
    assert_eq!(call(&plugin, "join", given).unwrap(), r#""ad""#);
    let given = r#"{"first":"a","rest":[{"name":2}],"end":"d"}"#;
    assert_eq!(call(&plugin, "join", given).unwrap_err().code, "rest[0].name");

    assert_eq!(input_schema::<Greeter>("nothing"), None);
    assert_eq!(input_schema::<Greeter>("nothing_but_context"), None);
    assert_eq!(input_schema::<Greeter>("one").unwrap()["properties"]["name"]["type"], "string");
    let several = input_schema::<Greeter>("join").unwrap();
    assert_eq!(several["required"], serde_json::json!(["first", "rest", "end"]));
    assert_eq!(several["properties"]["type"]["type"], serde_json::json!(["string", "null"]));
    assert!(several["$defs"]["Greet"].is_object());
}
