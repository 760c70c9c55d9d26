//! Bounds count where a method is called, and not before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A hub couldn't make one.
#[derive(Deserialize, JsonSchema)]
pub struct Question {
    pub text: String,
}

/// And couldn't read this.
#[derive(JsonSchema, Serialize)]
pub struct Reply {
    text: String,
}

struct Oracle;

#[brpc::plugin(client)]
impl Oracle {
    pub fn ask(&self, question: Question) -> Reply {
        Reply { text: question.text }
    }

    pub async fn ask_all(&self, one: Question, other: Question) -> Result<Vec<Reply>, String> {
        Ok(vec![Reply { text: one.text }, Reply { text: other.text }])
    }

    pub fn is_awake(&self) -> bool {
        true
    }
}

struct Neither;

#[brpc::client]
trait Impossible {
    fn at_all(&self, input: Neither) -> Neither;
}

#[test]
fn stop_only_their_own_methods() {
    let hub = brpc::Socket::default();
    drop(OracleClient::new(&hub, "oracle").is_awake());
    let _: ImpossibleClient<_> = ImpossibleClient::new(&hub, "nobody");
}
