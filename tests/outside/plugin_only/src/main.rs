//! A plugin that knows brpc-plugin and no other crate of brpc. Dials the hub whose address it is
//! given, and says why it ended.

use std::error::Error;

use brpc_plugin::{Context, Plugin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

struct Greeter;

#[derive(Deserialize, JsonSchema)]
struct Greet {
    name: String,
    #[allow(dead_code)]
    accent: Option<String>,
}

#[derive(JsonSchema, Serialize)]
struct Greeting {
    text: String,
}

#[brpc_plugin::plugin]
impl Greeter {
    /// Greets somebody by name.
    pub async fn greet(&self, cx: &Context, who: Greet) -> Result<Greeting, String> {
        if who.name.is_empty() {
            return Err("nobody to greet".to_owned());
        }
        cx.hook().emit(&format!("greeting {}", who.name)).await.map_err(|e| e.to_string())?;
        Ok(Greeting { text: format!("Hello, {}!", who.name) })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let schema = brpc_plugin::describe::<Greet>();
    let fields: Option<&serde_json::Map<_, _>> =
        schema.get("properties").and_then(|it| it.as_object());
    let fields: Vec<_> = fields.into_iter().flat_map(|fields| fields.keys()).collect();
    assert_eq!(fields, ["name", "accent"], "in the order of the type");

    let hub = std::env::args().nth(1).ok_or("the address of a hub is missing")?;
    let reason = Plugin::new(Greeter).connect(hub).await?.run().await;
    println!("ended: {reason}");
    Ok(())
}
