//! What a Go plugin says of its methods, as a hub of this crate shows it.

use brpc::Socket;
use serde_json::{Value, json};

use crate::go_plugin;
use crate::good::serve;
use crate::twin::{Kept, Name, Point, Points, Text};

pub async fn schemas_of_a_go_plugin() {
    let (hub, address) = serve(Socket::builder()).await;
    let program = go_plugin::start(address, "go", &["-version", "v2 β"]);
    hub.wait_for("go", crate::scenario::GUARD).await.unwrap();
    let info = hub.plugin_info("go").unwrap();
    assert_eq!(info.version, "v2 β");
    let names: Vec<_> = info.functions.iter().map(|function| &*function.name).collect();
    assert_eq!(
        names,
        [
            "Add", "Big", "Centre", "Echo", "Emit", "Fail", "Greet", "Keep", "Nothing", "Panic",
            "Sleep", "Who",
        ]
    );
    let schemas = |name: &str| -> (Value, Value) {
        let function = info.functions.iter().find(|function| function.name == name).unwrap();
        let schema = |schema: &Option<schemars::Schema>| schema.clone().unwrap().to_value();
        (schema(&function.input), schema(&function.output))
    };
    // Objects may have other fields, too, as Go's decoder has it.
    let object = |properties: Value, required: &[&str]| json!({"type": "object", "properties": properties, "required": required});
    let string = || json!({"type": "string"});
    let int = || json!({"type": "integer", "format": "int"});
    let double = || json!({"type": "number", "format": "double"});
    let point = || object(json!({"x": double(), "y": double()}), &["x", "y"]);
    let points = json!({"points": {"type": ["array", "null"], "items": point()}});
    for (name, expected) in [
        (
            "Greet",
            (
                object(json!({"name": string()}), &["name"]),
                object(json!({"text": string()}), &["text"]),
            ),
        ),
        ("Add", (object(json!({"a": int(), "b": int()}), &["a", "b"]), int())),
        ("Centre", (object(points, &["points"]), point())),
        // Of what has no fields nothing is said, and of `interface` there is nothing to say.
        ("Nothing", (json!(true), json!(true))),
        ("Echo", (json!(true), json!(true))),
    ] {
        assert_eq!(schemas(name), expected, "{name}");
    }
    assert!(hub.shutdown().await.is_clean());
    go_plugin::assert_left(program).await;
}

/// A client of types, which looks at the schemas before it calls.
#[brpc::client(rename_all = "PascalCase")]
trait GoPlugin {
    async fn greet(&self, input: Name) -> Text;
    async fn add(&self, a: i32, b: i32) -> i64;
    async fn centre(&self, input: Points) -> Point;
    async fn keep(&self, input: Kept) -> Kept;
    async fn nothing(&self);
}

/// One that doesn't fit.
#[brpc::client(rename_all = "PascalCase")]
trait Other {
    async fn greet(&self, name: u64) -> Text;
    async fn part(&self);
}

pub async fn a_typed_client_fits_a_go_plugin() {
    let (hub, address) = serve(Socket::builder()).await;
    let program = go_plugin::connect(&hub, address, "go").await;
    let go = GoPluginClient::new(&hub, "go");
    go.check_interface().unwrap();
    assert_eq!(go.greet(Name { name: "Ada".to_owned() }).await.unwrap().text, "Hello, Ada!");
    assert_eq!(go.add(i32::MAX, 1).await.unwrap(), 1 << 31);
    let points = Points { points: vec![Point { x: 1.0, y: 2.0 }; 2] };
    assert_eq!(go.centre(points).await.unwrap(), Point { x: 1.0, y: 2.0 });
    go.nothing().await.unwrap();
    let differences = OtherClient::new(&hub, "go").check_interface().unwrap_err().to_string();
    assert!(differences.contains("Greet") && differences.contains("Part"), "{differences}");
    assert!(hub.shutdown().await.is_clean());
    go_plugin::assert_left(program).await;
}
