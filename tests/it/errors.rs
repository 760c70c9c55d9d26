//! What a caller gets for an error that a method returns, by the type of that error.

use std::error::Error;

use anyhow::Context as _;
use brpc::{Call, CallErrorKind, Execution, MethodError, Plugin, Socket};
use serde_json::{Value, json};
use thiserror::Error;

use crate::support::plug;

#[derive(Debug, Error)]
#[error("the bus is silent")]
struct Silent;

/// One whose source is not in its text.
#[derive(Debug, Error)]
#[error("no reading")]
struct NoReading(#[source] Silent);

#[derive(Debug, Error)]
enum SensorError {
    #[error("the sensor failed")]
    Failed(#[from] NoReading),
    #[error(transparent)]
    Passed(NoReading),
    /// One whose source is in its text, and the source of that is not.
    #[error("the sensor failed: {0}")]
    Told(#[source] NoReading),
}

/// One that can't go from thread to thread.
#[derive(Debug, Error)]
#[error("kept here")]
struct Local(#[source] Silent, std::marker::PhantomData<std::rc::Rc<()>>);

/// One that is its own cause, which once hung the plugin.
#[derive(Debug)]
struct Own;

impl std::fmt::Display for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it is me")
    }
}

impl Error for Own {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

#[derive(Debug, Error)]
#[error("as a whole")]
struct Whole(#[from] Silent);

/// One that borrows from its plugin.
#[derive(Debug, Error)]
#[error("{0} is broken")]
struct Broken<'a>(&'a str, #[source] Silent);

struct Busy(u64);

impl From<Busy> for MethodError {
    fn from(Busy(seconds): Busy) -> Self {
        Self::new("busy", format!("retry in {seconds} s")).with_data(json!({ "seconds": seconds }))
    }
}

/// A plugin whose error is known to be one, and nothing more.
struct Generic<E>(std::marker::PhantomData<fn() -> E>);

#[brpc::plugin]
impl<E: Error + From<Silent> + 'static> Generic<E> {
    pub fn fail(&self) -> Result<u8, E> {
        Err(Silent.into())
    }
}

struct Sensor(String);

#[brpc::plugin(client)]
impl Sensor {
    pub fn string(&self) -> Result<u8, String> {
        Err("text".to_owned())
    }

    pub fn text(&self) -> Result<u8, &'static str> {
        Err("text")
    }

    pub fn sourced(&self) -> Result<u8, SensorError> {
        Err(NoReading(Silent))?
    }

    pub async fn transparent(&self) -> Result<u8, SensorError> {
        Err(SensorError::Passed(NoReading(Silent)))
    }

    pub async fn told(&self) -> Result<u8, SensorError> {
        Err(SensorError::Told(NoReading(Silent)))
    }

    pub fn local(&self) -> Result<u8, Local> {
        Err(Local(Silent, std::marker::PhantomData))
    }

    pub fn broken(&self) -> Result<u8, Broken<'_>> {
        Err(Broken(&self.0, Silent))
    }

    pub async fn anyhow(&self) -> Result<u8, anyhow::Error> {
        Err(Silent).context("no reading").context("the sensor failed")
    }

    pub async fn boxed(&self) -> Result<u8, Box<dyn Error + Send + Sync>> {
        Err(NoReading(Silent))?
    }

    pub fn boxed_here(&self) -> Result<u8, Box<dyn Error>> {
        Err(NoReading(Silent))?
    }

    pub fn own_cause(&self) -> Result<u8, Own> {
        Err(Own)
    }

    pub fn coded(&self) -> Result<u8, MethodError> {
        Err(MethodError::new("full", "no room").with_data(json!([0])))
    }

    pub async fn converted(&self) -> Result<u8, Busy> {
        Err(Busy(7))
    }
}

/// What is known of an error of a method.
#[derive(Debug, PartialEq)]
struct Seen {
    code: String,
    message: String,
    data: Option<Value>,
}

async fn seen(call: Call<u8>) -> Seen {
    let error = call.await.unwrap_err();
    assert_eq!(error.execution(), Execution::Completed);
    assert!(error.source().is_none(), "all of it is in its text");
    let CallErrorKind::Method(method) = error.kind() else { panic!("{error:?}") };
    assert_eq!(error.method_error(), Some(method));
    let (plugin, called) = (error.plugin().unwrap(), error.method().unwrap());
    assert_eq!(error.to_string(), format!("{plugin}.{called}: {}", method.message()));
    let (code, message) = (method.code().to_owned(), method.message().to_owned());
    Seen { code, message, data: method.data().cloned() }
}

#[tokio::test(start_paused = true)]
async fn the_causes_of_a_generic_error_arrive() {
    let hub = Socket::default();
    let generic = Generic::<Whole>(std::marker::PhantomData);
    plug(&hub, &Plugin::new(generic).name("generic")).await;
    assert_eq!(seen(hub.call("generic", "fail", &())).await, said("as a whole: the bus is silent"));
}

fn said(message: &str) -> Seen {
    let code = MethodError::UNSPECIFIED.to_owned();
    Seen { code, message: message.to_owned(), data: None }
}

fn coded(code: &str, message: &str, data: Value) -> Seen {
    Seen { code: code.to_owned(), message: message.to_owned(), data: Some(data) }
}

#[tokio::test(start_paused = true)]
async fn an_error_arrives_with_its_causes_or_with_its_code_and_data() {
    let hub = Socket::default();
    plug(&hub, &Plugin::new(Sensor("the probe".to_owned()))).await;
    let client = SensorClient::new(&hub, "sensor");
    let whole = "the sensor failed: no reading: the bus is silent";
    for (method, typed, expected) in [
        ("string", client.string(), said("text")),
        ("text", client.text(), said("text")),
        ("sourced", client.sourced(), said(whole)),
        ("transparent", client.transparent(), said("no reading: the bus is silent")),
        ("told", client.told(), said(whole)),
        ("local", client.local(), said("kept here: the bus is silent")),
        ("broken", client.broken(), said("the probe is broken: the bus is silent")),
        ("anyhow", client.anyhow(), said(whole)),
        ("boxed", client.boxed(), said("no reading: the bus is silent")),
        ("boxed_here", client.boxed_here(), said("no reading: the bus is silent")),
        ("own_cause", client.own_cause(), said("it is me")),
        ("coded", client.coded(), coded("full", "no room", json!([0]))),
        ("converted", client.converted(), coded("busy", "retry in 7 s", json!({ "seconds": 7 }))),
    ] {
        assert_eq!(seen(hub.call("sensor", method, &())).await, expected, "{method}");
        assert_eq!(seen(typed).await, expected, "{method}, by the client");
    }
}
