//! Typed clients: generated from a trait, and from a plugin.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::time::Duration;

use brpc::client::{All, CallOptions, Calls, One, Target};
use brpc::{
    CallError, CallErrorKind, Caller, Context, DisconnectReason, Execution, InterfaceError, Plugin,
    PluginInfo, Selector, Socket,
};
use futures_util::stream::{self, StreamExt as _};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::support::{eventually, plug};

#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Greeting {
    text: String,
}

struct Greeter {
    name: String,
}

#[brpc::plugin(client, rename_all = "camelCase")]
impl Greeter {
    /// Greets somebody.
    pub async fn greet(&self, name: String) -> Result<Greeting, String> {
        if name.is_empty() {
            return Err("whom?".to_owned());
        }
        Ok(Greeting { text: format!("Hello, {name}!") })
    }

    pub fn add_all(&self, a: i64, b: Vec<i64>, r#type: Option<String>) -> i64 {
        assert!(r#type.is_none());
        a + b.iter().sum::<i64>()
    }

    pub fn own_name(&self) -> &str {
        &self.name
    }

    pub fn names(&self) -> std::io::Result<(&str, Cow<'_, str>)> {
        let first = self.name.get(..1).ok_or_else(|| std::io::Error::other("no name"))?;
        Ok((first, Cow::Borrowed(&self.name)))
    }

    pub fn nothing(&self) {}

    #[brpc(rename = "who-calls")]
    pub fn trace(&self, cx: &Context) -> (String, Option<String>) {
        (
            cx.trace().to_owned(),
            cx.metadata().iter().next().map(|(key, value)| format!("{key}={value}")),
        )
    }
}

fn greeter(name: &str) -> Plugin<Greeter> {
    Plugin::new(Greeter { name: name.to_owned() }).name(name)
}

mod interface {
    //! What a hub knows that has never seen the plugin.

    use super::Greeting;

    /// Greets people.
    #[brpc::client(rename_all = "camelCase")]
    pub(super) trait Interface {
        /// Greets somebody.
        async fn greet(&self, name: String) -> Greeting;
        fn add_all(&self, a: i64, b: [i64; 2], r#type: Option<()>) -> i64;
        fn own_name(&self) -> String;
        fn nothing(&self);
        #[brpc(rename = "missing")]
        fn not_there(&self) -> u8;
        #[cfg(any())]
        fn configured_out(&self, input: Unknown);
    }
}

use interface::InterfaceClient;

#[tokio::test(start_paused = true)]
async fn a_client_made_of_a_plugin_calls_all_its_methods() {
    let hub = Socket::default();
    let _plugged = plug(&hub, &greeter("ada")).await;
    let client = GreeterClient::new(&hub, "ada");
    assert_eq!(client.greet("Bob".into()).await.unwrap().text, "Hello, Bob!");
    assert_eq!(client.add_all(1, vec![2, 3], None).await.unwrap(), 6);
    assert_eq!(client.own_name().await.unwrap(), "ada");
    assert_eq!(client.names().await.unwrap(), ("a".to_owned(), Cow::from("ada")));
    client.nothing().await.unwrap();
    let traced = client.trace().trace("t-1").metadata("user", "eve").await.unwrap();
    assert_eq!(traced, ("t-1".to_owned(), Some("user=eve".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_client_made_of_a_trait_does_the_same() {
    let hub = Socket::default();
    let _plugged = plug(&hub, &greeter("ada")).await;
    let client = InterfaceClient::new(&hub, "ada");
    assert_eq!(client.greet("Bob".into()).await.unwrap().text, "Hello, Bob!");
    assert_eq!(client.add_all(1, [2, 3], None).await.unwrap(), 6);
    assert_eq!(client.own_name().await.unwrap(), "ada");
    client.nothing().await.unwrap();
    assert!(
        matches!(client.not_there().await.unwrap_err().kind(), CallErrorKind::MethodNotFound { method, .. } if method == "missing")
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_method_fails_with_is_an_error_of_the_call() {
    let hub = Socket::default();
    let _plugged = plug(&hub, &greeter("ada")).await;
    let error = GreeterClient::new(&hub, "ada").greet(String::new()).await.unwrap_err();
    assert!(
        matches!(error.kind(), CallErrorKind::Method(error) if error.message() == "whom?"),
        "{error:?}"
    );
    assert_eq!(error.execution(), Execution::Completed);
}

#[tokio::test(start_paused = true)]
async fn c19_a_name_is_whoever_has_it_and_an_instance_is_not() {
    let hub = Socket::default();
    let by_name = GreeterClient::new(&hub, "ada");
    assert!(matches!(by_name.own_name().await.unwrap_err().kind(), CallErrorKind::NoPlugin { .. }));

    let first = plug(&hub, &greeter("ada")).await;
    let instance = GreeterClient::instance(&hub, &hub.connected()[0]);
    assert_eq!(by_name.own_name().await.unwrap(), "ada");
    assert_eq!(instance.own_name().await.unwrap(), "ada");

    hub.unplug("ada").await.unwrap();
    first.end().await;
    let _second = plug(&hub, &greeter("ada")).await;
    assert_eq!(by_name.own_name().await.unwrap(), "ada");
    let error = instance.own_name().await.unwrap_err();
    let CallErrorKind::Disconnected { reason, generation, .. } = error.kind() else {
        panic!("{error:?}")
    };
    assert_eq!((*reason, *generation), (DisconnectReason::Unplugged, 1));
    assert_eq!(error.execution(), Execution::Never);
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_not_found_on_another_hub() {
    let (hub, other) = (Socket::default(), Socket::default());
    let _plugged = [plug(&hub, &greeter("ada")).await, plug(&other, &greeter("ada")).await];
    let strange = other.connected()[0].clone();
    assert_eq!(strange.generation(), hub.connected()[0].generation(), "else it proves nothing");
    let error = GreeterClient::instance(&hub, &strange).own_name().await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::NoPlugin { .. }), "{error:?}");
    hub.shutdown().await;
    let error = GreeterClient::instance(&hub, &strange).own_name().await.unwrap_err();
    assert!(matches!(error.kind(), CallErrorKind::ShuttingDown), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn all_are_called_at_once() {
    let hub = Socket::default();
    let _plugged = [plug(&hub, &greeter("ada")).await, plug(&hub, &greeter("bob")).await];
    let mut names = BTreeMap::new();
    let mut answers = GreeterClient::all(&hub).own_name().timeout(None);
    while let Some((plugin, name)) = answers.next().await {
        names.insert(plugin, name.unwrap());
    }
    let expected = ["ada", "bob"].map(|name| (name.to_owned(), name.to_owned()));
    assert_eq!(names, BTreeMap::from(expected));

    let some = GreeterClient::select(&hub, Selector::name("b*"));
    let answers = some.own_name().collect().await;
    assert_eq!(answers.into_keys().collect::<Vec<_>>(), ["bob"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_outlives_the_plugin_and_dropping_a_call_gives_it_up() {
    let hub = Socket::default();
    let client = GreeterClient::new(&hub, "ada");
    let plugged = plug(&hub, &greeter("ada")).await;
    drop(client.own_name());
    plugged.kill().await;
    eventually(|| hub.connected().is_empty()).await;
    assert!(matches!(
        client.clone().own_name().await.unwrap_err().kind(),
        CallErrorKind::NoPlugin { .. }
    ));
}

/// Answers with the name of the method, whatever it is asked.
#[derive(Clone, Debug)]
struct Parrot;

/// An answer that is there.
struct Said<T>(Ready<Result<T, CallError>>);

fn say<T: DeserializeOwned>(method: &str) -> Result<T, CallError> {
    let text = serde_json::to_string(method).unwrap();
    serde_json::from_str(&text)
        .map_err(|error| CallErrorKind::InvalidOutput { message: error.to_string() }.into())
}

impl<T> Future for Said<T> {
    type Output = Result<T, CallError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(context)
    }
}

macro_rules! no_options {
    () => {
        fn timeout(self, _: impl Into<Option<std::time::Duration>>) -> Self {
            self
        }
        fn trace(self, _: impl Into<String>) -> Self {
            self
        }
        fn metadata(self, _: impl Into<String>, _: impl Into<String>) -> Self {
            self
        }
        fn queue(self) -> Self {
            self
        }
        fn wait_for_plugin(self, _: Duration) -> Self {
            self
        }
        fn resumable(self, _: impl Into<Option<Duration>>) -> Self {
            self
        }
    };
}

impl<T> CallOptions for Said<T> {
    no_options!();
}

struct AllSaid<T>(stream::Iter<std::vec::IntoIter<(String, Result<T, CallError>)>>);

impl<T> CallOptions for AllSaid<T> {
    no_options!();
}

impl<T> stream::Stream for AllSaid<T> {
    type Item = (String, Result<T, CallError>);

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl Caller for Parrot {
    type Plugin = u8;
    type Call<T> = Said<T>;
    type Broadcast<T> = AllSaid<T>;

    fn call<T, I>(&self, _: &Target<u8>, method: &str, _: &I) -> Said<T>
    where
        T: DeserializeOwned,
        I: Serialize + ?Sized,
    {
        Said(ready(say(method)))
    }

    fn broadcast<T, I>(&self, _: &Selector, method: &str, _: &I) -> AllSaid<T>
    where
        T: DeserializeOwned,
        I: Serialize + ?Sized,
    {
        AllSaid(stream::iter(vec![("parrot".to_owned(), say(method))]))
    }

    fn plugin_info(&self, _: &Target<u8>) -> Option<PluginInfo> {
        Some(PluginInfo::new("parrot", "", 1, Vec::new()))
    }

    fn plugin_infos(&self, _: &Selector) -> Vec<PluginInfo> {
        self.plugin_info(&Target::Instance(1)).into_iter().collect()
    }
}

/// Code that is written for any caller.
async fn ask<C: Caller>(client: &GreeterClient<One<C>>) -> Result<String, CallError> {
    client.own_name().trace("t").timeout(None).await
}

#[tokio::test(start_paused = true)]
async fn a_client_needs_no_hub() {
    assert_eq!(ask(&GreeterClient::new(&Parrot, "polly")).await.unwrap(), "ownName");
    assert_eq!(ask(&GreeterClient::instance(&Parrot, &1)).await.unwrap(), "ownName");
    let answers: Vec<_> = GreeterClient::all(&Parrot).own_name().collect().await;
    assert!(
        matches!(&answers[..], [(plugin, Ok(name))] if plugin == "parrot" && name == "ownName")
    );
    let error = GreeterClient::new(&Parrot, "polly").check_interface().unwrap_err();
    assert_eq!(error.mismatches().len(), 6, "it says that it has no methods: {error}");
    assert!(matches!(
        GreeterClient::all(&Parrot).check_interface(),
        Err(InterfaceError::Mismatch(found)) if found[0].plugin == "parrot"
    ));
    let hub = Socket::default();
    let _plugged = plug(&hub, &greeter("ada")).await;
    assert_eq!(ask(&GreeterClient::new(&hub, "ada")).await.unwrap(), "ada");
}

/// Bindings can be named, and asked by hand.
#[tokio::test(start_paused = true)]
async fn a_binding_calls_by_the_name_of_the_method() {
    let one = One::name(&Parrot, "polly");
    let said: String = Calls::<(), String>::call(&one, "hello", &()).await.unwrap();
    assert_eq!(said, "hello");
    let all = All::new(&Parrot, Selector::all());
    assert_eq!(Calls::<(), String>::call(&all, "hello", &()).count().await, 1);
}
