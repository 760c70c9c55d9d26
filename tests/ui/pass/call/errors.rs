//! What becomes of a method's error.

use std::fmt;
use std::sync::Arc;

use brpc::MethodError;

use crate::pass::calling::call;

/// Made with thiserror.
#[derive(Debug, thiserror::Error)]
enum GreetError {
    #[error("nobody is called {0}")]
    Unknown(String),
}

/// Has a code and data of its own.
struct Coded;

impl From<Coded> for MethodError {
    fn from(_: Coded) -> Self {
        Self::new("busy", "come back later").with_data(serde_json::json!({ "seconds": 5 }))
    }
}

/// Has both: the code wins.
struct Both;

impl fmt::Display for Both {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("only text")
    }
}

impl From<Both> for MethodError {
    fn from(_: Both) -> Self {
        Self::new("both", "")
    }
}

/// Names its causes in the alternate form, as those of anyhow do. Isn't an `Error`.
struct Chain;

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if f.alternate() { "outer: inner" } else { "outer" })
    }
}

struct Greeter;

#[brpc::plugin]
impl Greeter {
    pub fn string(&self) -> Result<u8, String> {
        Err("text".to_owned())
    }

    pub fn empty(&self) -> Result<(), &'static str> {
        Err("")
    }

    pub async fn enumeration(&self, name: String) -> Result<u8, GreetError> {
        Err(GreetError::Unknown(name))
    }

    pub fn coded(&self) -> Result<u8, Coded> {
        Err(Coded)
    }

    pub fn verbatim(&self) -> Result<u8, MethodError> {
        Err(MethodError::new("full", "no room"))
    }

    pub async fn both(&self) -> Result<u8, Both> {
        Err(Both)
    }

    pub fn chain(&self) -> Result<u8, Chain> {
        Err(Chain)
    }

    pub fn boxed(&self) -> Result<u8, Box<dyn std::error::Error>> {
        Err("in a box".into())
    }
}

#[test]
fn become_failures() {
    let plugin = Arc::new(Greeter);
    let fails = |method, input, code: &str, message: &str, data: &str| {
        let failure = call(&plugin, method, input).unwrap_err();
        assert_eq!(
            (&*failure.code, &*failure.message, std::str::from_utf8(&failure.data).unwrap()),
            (code, message, data),
            "{method}"
        );
    };
    let plain = MethodError::UNSPECIFIED;
    fails("string", "", plain, "text", "");
    fails("empty", "", plain, "", "");
    fails("enumeration", r#""Bo""#, plain, "nobody is called Bo", "");
    fails("coded", "", "busy", "come back later", r#"{"seconds":5}"#);
    fails("verbatim", "", "full", "no room", "");
    fails("both", "", "both", "", "");
    fails("chain", "", plain, "outer: inner", "");
    fails("boxed", "", plain, "in a box", "");
}
