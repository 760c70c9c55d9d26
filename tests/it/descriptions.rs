//! What a hub sees of a plugin's methods.

use brpc::{ConnectError, Field, FieldError, Function, Plugin, PluginInfo, Socket};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{open, plug};

/// An order, of which `zip` comes first and `city` later.
#[derive(Deserialize, JsonSchema, Serialize)]
#[allow(dead_code)]
struct Order {
    /// Where to.
    zip: u32,
    city: Option<String>,
    /// What
    /// is bought.
    items: Vec<Item>,
    #[serde(default)]
    #[schemars(skip)]
    traced: bool,
}

/// One kind of thing.
#[derive(Deserialize, JsonSchema, Serialize)]
enum Item {
    /// Has a title.
    Book(String),
    /// Has none.
    Pen,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Receipt {
    total: u64,
    discount: Option<u64>,
}

struct Shop;

#[brpc::plugin(name = "shop", version = "1.2")]
impl Shop {
    /// Buys what is ordered.
    ///
    /// Takes its time.
    pub fn buy(&self, order: Order) -> Receipt {
        let total = order.items.len() as u64 + u64::from(order.traced);
        Receipt { total, discount: None }
    }

    /// Nobody else's business.
    #[brpc(hidden)]
    pub fn audit(&self, year: u16) -> u16 {
        year
    }

    pub fn open(&self, zip: u32, at: Option<u64>) {
        let _ = (zip, at);
    }
}

async fn described(plugin: &Plugin<Shop>) -> (Socket, PluginInfo) {
    let hub = Socket::default();
    plug(&hub, plugin).await;
    let info = hub.plugin_info("shop").unwrap();
    (hub, info)
}

fn function<'a>(info: &'a PluginInfo, name: &str) -> &'a Function {
    info.functions.iter().find(|function| function.name == name).unwrap()
}

fn input(info: &PluginInfo, name: &str) -> Value {
    function(info, name).input.clone().unwrap().to_value()
}

fn names(object: &Value) -> Vec<&String> {
    object.as_object().unwrap().keys().collect()
}

#[tokio::test(start_paused = true)]
async fn doc_comments_arrive() {
    let (_hub, info) = described(&Plugin::new(Shop)).await;
    assert_eq!(function(&info, "buy").description, "Buys what is ordered.\n\nTakes its time.");
    let order = input(&info, "buy");
    assert_eq!(order["description"], "An order, of which `zip` comes first and `city` later.");
    assert_eq!(order["properties"]["zip"]["description"], "Where to.");
    assert_eq!(order["properties"]["items"]["description"], "What\nis bought.");
    assert_eq!(order["$defs"]["Item"]["description"], "One kind of thing.");
    let variants = order["$defs"]["Item"]["oneOf"].as_array().unwrap();
    let said: Vec<_> = variants.iter().map(|variant| &variant["description"]).collect();
    assert_eq!(said.len(), 2);
    assert!(said.contains(&&json!("Has a title.")) && said.contains(&&json!("Has none.")));
}

#[tokio::test(start_paused = true)]
async fn methods_are_described_as_their_types_are() {
    let (_hub, info) = described(&Plugin::new(Shop)).await;
    let buy = function(&info, "buy");
    assert_eq!(buy.input, Some(brpc::describe::<Order>()));
    assert_eq!(buy.output, Some(brpc::describe_output::<Receipt>()));
    assert_ne!(buy.output, Some(brpc::describe::<Receipt>()), "inputs differ from outputs");
}

#[tokio::test(start_paused = true)]
async fn fields_are_in_the_order_of_their_names() {
    let (_hub, info) = described(&Plugin::new(Shop)).await;
    assert_eq!(names(&input(&info, "buy")["properties"]), ["city", "items", "zip"]);
    assert_eq!(names(&input(&info, "open")["properties"]), ["at", "zip"]);
    assert_eq!(input(&info, "open")["required"], json!(["zip"]));
}

#[tokio::test(start_paused = true)]
async fn a_hidden_field_still_decodes() {
    let (hub, info) = described(&Plugin::new(Shop)).await;
    assert_eq!(input(&info, "buy")["properties"].get("traced"), None);
    for (traced, total) in [(true, 1), (false, 0)] {
        let order = json!({"zip": 1, "items": [], "traced": traced});
        let receipt: Value = hub.call("shop", "buy", &order).await.unwrap();
        assert_eq!(receipt["total"], total);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hidden_method_is_called_by_its_name() {
    let (hub, info) = described(&Plugin::new(Shop)).await;
    let audit = function(&info, "audit");
    assert_eq!(audit.description, "");
    assert_eq!((&audit.input, &audit.output), (&Some(true.into()), &Some(true.into())));
    assert_eq!(hub.call("shop", "audit", &1999).await, Ok(1999));
}

#[tokio::test(start_paused = true)]
async fn fields_that_are_given_replace_those_of_the_type() {
    let plugin = Plugin::new(Shop)
        .describe("buy", |function| {
            function.input_fields([Field::mandatory("city"), Field::optional("zip")])?;
            function.output_fields([Field::optional("total")])
        })
        .describe("open", |function| function.description = "Opens.".to_owned());
    let (hub, info) = described(&plugin).await;
    let order = input(&info, "buy");
    assert_eq!(names(&order["properties"]), ["city", "zip"]);
    assert_eq!(order["required"], json!(["city"]));
    assert_eq!(order.get("$defs"), None, "types of dropped fields are dropped");
    let receipt = function(&info, "buy").output.clone().unwrap().to_value();
    assert_eq!(names(&receipt["properties"]), ["total"]);
    assert_eq!(receipt.get("required"), None);
    assert_eq!(function(&info, "open").description, "Opens.");
    // What the method takes is what it took.
    let order = json!({"zip": 1, "items": ["Pen", {"Book": "Emma"}]});
    let receipt: Value = hub.call("shop", "buy", &order).await.unwrap();
    assert_eq!(receipt["total"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_field_that_is_not_there_is_found_before_the_plugin_dials() {
    let plugin = Plugin::new(Shop)
        .describe("buy", |function| function.input_fields([Field::mandatory("price")]));
    let refused = open(&Socket::default(), &plugin).await;
    let Err(ConnectError::Fields { method, error }) = refused else { panic!() };
    assert_eq!(method, "buy");
    let known = ["city", "items", "zip"].map(str::to_owned).to_vec();
    assert_eq!(error, FieldError::Unknown { path: "price".to_owned(), known });
}

#[tokio::test(start_paused = true)]
async fn a_plugin_as_json_is_always_the_same_text() {
    let (_hub, info) = described(&Plugin::new(Shop)).await;
    let text = serde_json::to_string_pretty(&info).unwrap();
    assert_eq!(text, include_str!("descriptions.json").trim_end());
    let again: PluginInfo = serde_json::from_str(&text).unwrap();
    assert_eq!(again, info);
    assert_eq!(serde_json::to_string_pretty(&again).unwrap(), text);
    let (_hub, anew) = described(&Plugin::new(Shop)).await;
    assert_eq!(serde_json::to_string_pretty(&anew).unwrap(), text);
}

#[test]
fn a_function_as_json_leaves_out_what_it_does_not_say() {
    let bare = Function::new("f");
    let text = serde_json::to_string(&bare).unwrap();
    assert_eq!(text, r#"{"name":"f"}"#);
    assert_eq!(serde_json::from_str::<Function>(&text).unwrap(), bare);
    let mut full = Function::new("g");
    full.description = "Says more.".to_owned();
    (full.input, full.output) = (Some(brpc::describe::<u8>()), Some(true.into()));
    let text = serde_json::to_string(&full).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"name":"g","description":"Says more.","input":{"#,
            r#""$schema":"https://json-schema.org/draft/2020-12/schema","title":"uint8","#,
            r#""type":"integer","format":"uint8","maximum":255,"minimum":0},"output":true}"#
        )
    );
    assert_eq!(serde_json::from_str::<Function>(&text).unwrap(), full);
}

/// A record of forty fields.
macro_rules! record {
    ($($field:ident)*) => {
        /// What a shop knows.
        #[derive(Deserialize, JsonSchema, Serialize)]
        struct Record {
            $(
                /// One of many things that a shop knows, and that has a line of documentation.
                $field: Option<String>,
            )*
        }
    };
}

record! {
    a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 b0 b1 b2 b3 b4 b5 b6 b7 b8 b9
    c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 d0 d1 d2 d3 d4 d5 d6 d7 d8 d9
}

macro_rules! records {
    ($($method:ident)*) => {
        struct Records;

        #[brpc::plugin]
        impl Records {
            $(pub fn $method(&self, record: Record) -> Record {
                record
            })*
        }
    };
}

records! {
    m00 m01 m02 m03 m04 m05 m06 m07 m08 m09 m10 m11 m12 m13 m14 m15 m16 m17 m18 m19
    m20 m21 m22 m23 m24 m25 m26 m27 m28 m29 m30 m31 m32 m33 m34 m35 m36 m37 m38 m39
    m40 m41 m42 m43 m44 m45 m46 m47 m48 m49 m50 m51 m52 m53 m54 m55 m56 m57 m58 m59
}

#[brpc::client]
trait LastOfRecords {
    fn m00(&self, record: Record) -> Record;
    fn m59(&self, record: Record) -> u8;
}

#[tokio::test(start_paused = true)]
async fn sixty_methods_with_records_of_forty_fields_have_room() {
    let hub = Socket::default();
    plug(&hub, &Plugin::new(Records)).await;
    let info = hub.plugin_info("records").unwrap();
    assert_eq!(info.functions.len(), 60);
    assert!(info.functions[59].output.as_ref().unwrap().pointer("/properties/d9").is_some());
    let error = LastOfRecordsClient::new(&hub, "records").check_interface().unwrap_err();
    let brpc::InterfaceError::Mismatch(found) = error else { panic!("{error}") };
    assert_eq!(found.iter().map(|one| &*one.method).collect::<Vec<_>>(), ["m59"]);
}
