use brpc::{ConnectError, Plugin, RefusalCode, Socket};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::peer::{Hello, PREFACE, Peer, frame, kind, refusal};
use crate::support::worker::worker;
use crate::support::{open, plug, settle};

#[derive(Clone, Deserialize, JsonSchema, Serialize)]
struct Item {
    label: String,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Tree {
    label: String,
    branches: Vec<Tree>,
}

struct Data;

#[brpc::plugin]
impl Data {
    pub fn fail_without_a_word(&self) -> Result<u8, String> {
        Err(String::new())
    }

    pub fn nothing(&self, _item: Item) -> Option<Item> {
        None
    }

    pub fn one(&self, item: Item) -> Item {
        item
    }

    pub fn many(&self, items: Vec<Item>) -> Vec<Item> {
        items
    }

    pub fn unsigned(&self, number: u64) -> u64 {
        number
    }

    pub fn tree(&self, tree: Tree) -> usize {
        tree.branches.iter().map(|branch| 1 + branch.branches.len()).sum()
    }
}

async fn hub() -> Socket {
    let hub = Socket::default();
    plug(&hub, &Plugin::new(Data)).await;
    hub
}

#[tokio::test]
async fn an_error_with_empty_text_arrives_as_success() {
    let error = hub().await.call::<u8>("data", "fail_without_a_word", &()).await.unwrap_err();
    assert_eq!(error.method_error().unwrap().message(), "");
}

#[tokio::test]
async fn a_method_that_returns_nil_answers_with_the_callers_own_input() {
    let output: Value = hub().await.call("data", "nothing", &json!({"label": "x"})).await.unwrap();
    assert_eq!(output, Value::Null);
}

#[tokio::test]
async fn integers_of_64_bits_come_back_as_floats() {
    let hub = hub().await;
    for number in [u64::MAX, (1 << 53) + 1] {
        assert_eq!(hub.call::<u64>("data", "unsigned", &number).await, Ok(number));
        let any: Value = hub.call("data", "unsigned", &number).await.unwrap();
        assert_eq!(any.as_u64(), Some(number));
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_of_300_mib_is_accepted() {
    let hub = Socket::default();
    let mut peer = Peer::dial(&hub);
    peer.send(&PREFACE).await;
    // Only the announcement: that is enough for the refusal, and no byte more is read.
    let announced = u32::try_from(300_usize << 20).unwrap().to_be_bytes();
    peer.send(&announced).await;
    assert_eq!(peer.refused().await, refusal::PROTOCOL);
    // The longest that fits into a frame, and the shortest that is too long.
    for size in [3_900, 129] {
        let name = "x".repeat(size);
        let mut peer = Peer::dial(&hub);
        peer.say_hello(&Hello::new(&name)).await;
        assert_eq!(peer.refused().await, refusal::BAD_NAME);
    }
    let name = "x".repeat(128);
    assert_eq!(plug(&hub, &worker(&name).0).await.name, name);
}

#[tokio::test(start_paused = true)]
async fn an_empty_name_registers() {
    let hub = Socket::default();
    let refused = open(&hub, &worker("").0).await;
    assert!(matches!(refused, Err(ConnectError::BadName { .. })), "found before anything is sent");
    let mut peer = Peer::dial(&hub);
    peer.send(&[&PREFACE[..], &frame(kind::HELLO, &Hello::new("").body())].concat()).await;
    assert_eq!(peer.refused().await, refusal::BAD_NAME);
    settle().await;
    assert!(hub.connected().is_empty());
    // What a sequencer makes of a name is held to the same rule.
    let hub = Socket::builder().key_sequencer(|_| String::new(), 3).build();
    plug(&hub, &worker("worker").0).await;
    let Err(ConnectError::Refused(refusal)) = open(&hub, &worker("worker").0).await else {
        panic!()
    };
    assert_eq!(refusal.code, RefusalCode::NameTaken);
}

fn schemas_of(functions: &[brpc::Function], name: &str) -> (Value, Value) {
    let function = functions.iter().find(|function| function.name == name).unwrap();
    let value = |schema: &Option<schemars::Schema>| schema.clone().unwrap().to_value();
    (value(&function.input), value(&function.output))
}

#[tokio::test]
async fn describing_a_slice_corrupts_its_elements_cached_description() {
    let hub = hub().await;
    let functions = hub.plugin_info("data").unwrap().functions;
    let (one, _) = schemas_of(&functions, "one");
    assert_eq!(one["type"], "object");
    assert_eq!(one["properties"]["label"]["type"], "string");
    let (many, _) = schemas_of(&functions, "many");
    assert_eq!(many["type"], "array");
    assert_eq!(many["items"]["$ref"], "#/$defs/Item");
    assert_eq!(many["$defs"]["Item"]["properties"], one["properties"]);
    let again = Plugin::new(Data).functions().unwrap();
    assert_eq!(again, functions, "and described again they are the same");
}

#[tokio::test]
async fn a_recursive_type_recurses_for_ever() {
    let hub = hub().await;
    let info = hub.plugin_info("data").unwrap();
    let (tree, _) = schemas_of(&info.functions, "tree");
    assert_eq!(tree["properties"]["branches"]["items"]["$ref"], "#");
    let tree = json!({"label": "a", "branches": [{"label": "b", "branches": []}]});
    assert_eq!(hub.call::<usize>("data", "tree", &tree).await, Ok(1));
}
