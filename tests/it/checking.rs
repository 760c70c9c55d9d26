//! Typed clients that check before the first call whether a plugin matches their interface.

use brpc::testing::{Reply, Script};
use brpc::{Difference, InterfaceError, Mismatch, Plugin, Selector, Socket};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::support::plug;

#[derive(Deserialize, JsonSchema, Serialize)]
pub struct Greet {
    name: String,
    title: Option<String>,
}

#[derive(Deserialize, JsonSchema, Serialize)]
pub struct Greeting {
    text: String,
}

struct Greeter;

#[brpc::plugin(client)]
impl Greeter {
    pub fn greet(&self, greet: Greet) -> Greeting {
        Greeting { text: greet.name }
    }

    pub fn add(&self, a: i64, b: Option<i64>) -> Result<i64, String> {
        a.checked_add(b.unwrap_or(0)).ok_or_else(|| "too large".to_owned())
    }

    pub fn nothing(&self) {}

    pub fn anything(&self, any: Value) -> Value {
        any
    }

    #[brpc(hidden)]
    pub fn secret(&self, code: u8) -> u8 {
        code
    }
}

mod next {
    //! A later version of the same plugin.

    use super::{Deserialize, JsonSchema, Serialize, Value};

    #[derive(Deserialize, JsonSchema, Serialize)]
    pub struct Greet {
        name: u32,
        polite: bool,
    }

    #[derive(Deserialize, JsonSchema, Serialize)]
    pub struct Greeting {
        lines: Vec<String>,
    }

    pub struct Greeter;

    #[brpc::plugin]
    impl Greeter {
        pub fn greet(&self, greet: Greet) -> Greeting {
            assert!(greet.polite);
            Greeting { lines: vec![greet.name.to_string()] }
        }

        pub fn add(&self, a: i32, c: Option<i32>) -> i64 {
            i64::from(a + c.unwrap_or(0))
        }

        pub fn nothing(&self, something: String) -> String {
            something
        }

        pub fn anything(&self) -> Value {
            Value::Null
        }
    }
}

#[brpc::client]
trait Interface {
    fn greet(&self, greet: Greet) -> Greeting;
    #[cfg(test)]
    fn add(&self, a: u8, b: u8) -> i64;
    fn nothing(&self);
    fn anything(&self) -> Value;
    /// Hidden, so nothing is known of it.
    fn secret(&self, code: String) -> String;
    #[cfg(any())]
    fn configured_out(&self, input: Unknown) -> Unknown;
}

fn mismatches(result: Result<(), InterfaceError>) -> Vec<String> {
    match result {
        Ok(()) => Vec::new(),
        Err(error) => {
            let text = error.to_string();
            let lines: Vec<_> = error.mismatches().iter().map(Mismatch::to_string).collect();
            assert!(!lines.is_empty() && lines.iter().all(|line| text.contains(line)), "{text}");
            lines
        }
    }
}

const NONE: [&str; 0] = [];

#[tokio::test(start_paused = true)]
async fn a_plugin_is_what_its_own_client_counts_on() {
    let hub = Socket::default();
    let _plugged = plug(&hub, &Plugin::new(Greeter)).await;
    assert_eq!(GreeterClient::new(&hub, "greeter").check_interface(), Ok(()));
    assert_eq!(GreeterClient::instance(&hub, &hub.connected()[0]).check_interface(), Ok(()));
    assert_eq!(GreeterClient::all(&hub).check_interface(), Ok(()));
    assert_eq!(InterfaceClient::new(&hub, "greeter").check_interface(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn every_difference_is_named() {
    let hub = Socket::default();
    let _plugged = plug(&hub, &Plugin::new(next::Greeter).name("greeter")).await;
    assert_eq!(
        mismatches(GreeterClient::new(&hub, "greeter").check_interface()),
        [
            "`greet` of `greeter`: input `polite`: the plugin demands it, and the client never sends it",
            "`greet` of `greeter`: input `name`: the plugin takes an integer, and the client sends a \
             string",
            "`greet` of `greeter`: output `text`: the client demands it, and the plugin never sends it",
            "`add` of `greeter`: input `a`: the plugin takes numbers from -2147483648, and the client \
             sends from -9223372036854775808",
            "`add` of `greeter`: input `a`: the plugin takes numbers up to 2147483647, and the client \
             sends up to 9223372036854775807",
            "`add` of `greeter`: input `b`: the client sends it, and the plugin doesn't take it",
            "`nothing` of `greeter`: input `.`: the plugin takes a string, and the client sends `null`",
            "`nothing` of `greeter`: output `.`: the client takes `null`, and the plugin sends a string",
            "`secret` of `greeter`: there is no such method, but `greet`, `add`, `nothing`, `anything`",
        ]
    );
    let error = InterfaceClient::new(&hub, "greeter").check_interface().unwrap_err();
    let methods: Vec<_> = error.mismatches().iter().map(|one| &*one.method).collect();
    assert_eq!(methods, ["greet", "greet", "greet", "add", "nothing", "nothing", "secret"]);
    assert!(matches!(
        &error.mismatches()[3].difference,
        Difference::Input { path, .. } if path == "b"
    ));
}

/// A call says the same of each, but only when it is made.
#[tokio::test(start_paused = true)]
async fn what_differs_does_fail() {
    let hub = Socket::default();
    let _plugged = plug(&hub, &Plugin::new(next::Greeter).name("greeter")).await;
    let client = GreeterClient::new(&hub, "greeter");
    let greet = Greet { name: "Ada".to_owned(), title: None };
    assert!(client.greet(greet).await.is_err());
    assert!(client.add(1, None).await.is_err());
    assert!(client.nothing().await.is_err());
    assert!(client.secret(1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn somebody_has_to_be_there() {
    let hub = Socket::default();
    let client = GreeterClient::new(&hub, "greeter");
    let nobody = InterfaceError::NoPlugin { name: "greeter".to_owned() };
    assert_eq!(client.check_interface(), Err(nobody.clone()));
    assert_eq!(GreeterClient::all(&hub).check_interface(), Ok(()), "nobody is called");

    let plugged = plug(&hub, &Plugin::new(Greeter)).await;
    let instance = GreeterClient::instance(&hub, &hub.connected()[0]);
    hub.unplug("greeter").await.unwrap();
    plugged.end().await;
    assert_eq!(client.check_interface(), Err(nobody));
    assert_eq!(instance.check_interface(), Err(InterfaceError::Gone));

    // A name is whoever has it now, and an instance is not.
    let _plugged = plug(&hub, &Plugin::new(Greeter)).await;
    assert_eq!(client.check_interface(), Ok(()));
    assert_eq!(instance.check_interface(), Err(InterfaceError::Gone));
}

#[tokio::test(start_paused = true)]
async fn of_many_each_is_compared_that_is_meant() {
    let hub = Socket::default();
    let _good = plug(&hub, &Plugin::new(Greeter).name("ada")).await;
    let _other = Script::new("bob").on("hello", Reply::never()).plug(&hub).await.unwrap();
    let _another = plug(&hub, &Plugin::new(next::Greeter).name("cy")).await;
    assert_eq!(GreeterClient::select(&hub, Selector::name("a*")).check_interface(), Ok(()));

    let error = GreeterClient::all(&hub).check_interface().unwrap_err();
    let count = |name| error.mismatches().iter().filter(|one| one.plugin == name).count();
    assert_eq!((count("ada"), count("bob"), count("cy")), (0, 5, 9));
    assert_eq!(
        error.mismatches()[0].to_string(),
        "`greet` of `bob`: there is no such method, but `hello`"
    );
}

/// A script answers what it is told, whatever that is.
#[tokio::test(start_paused = true)]
async fn a_scripted_plugin_says_nothing_of_its_methods() {
    let hub = Socket::default();
    let methods = ["greet", "add", "nothing", "anything", "secret"];
    let script = methods
        .iter()
        .fold(Script::new("greeter"), |script, method| script.on(*method, Reply::never()));
    let _plugged = script.plug(&hub).await.unwrap();
    assert_eq!(mismatches(GreeterClient::new(&hub, "greeter").check_interface()), NONE);
}

/// As a plugin grows: what may be left out is left out where there is nothing to say, and not sent as
/// `null`.
#[tokio::test]
async fn what_may_be_left_out_is_no_difference() {
    #[derive(JsonSchema, Serialize)]
    struct Order {
        #[serde(skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
    }

    #[derive(Deserialize, JsonSchema)]
    struct Taken {
        #[serde(default)]
        count: u32,
    }

    struct Shop;

    #[brpc::plugin]
    impl Shop {
        pub fn buy(&self, order: Taken) -> u32 {
            order.count
        }
    }

    #[brpc::client]
    trait Buyer {
        fn buy(&self, order: Order) -> u32;
    }

    let hub = Socket::default();
    plug(&hub, &Plugin::new(Shop)).await;
    let shop = BuyerClient::new(&hub, "shop");
    for count in [None, Some(7)] {
        assert_eq!(shop.buy(Order { count }).await, Ok(count.unwrap_or(0)));
    }
    assert_eq!(shop.check_interface(), Ok(()));
}
