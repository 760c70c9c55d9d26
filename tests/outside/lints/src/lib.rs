//! Lints that are forbidden can't be allowed again, neither here nor by generated code.

pub mod answered;

/// A plugin whose client isn't used, and whose types are private.
#[derive(Debug)]
struct Greeter;

#[derive(Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
struct Greet {
    name: String,
}

#[brpc::plugin(client)]
impl Greeter {
    pub fn read_only(&self, text: String) -> usize {
        text.len()
    }

    pub fn greet(&self, greet: Greet) -> String {
        greet.name
    }

    #[cfg(not(any(test, doc)))]
    pub async fn both(&self, greet: Greet, other: Greet) -> Result<Vec<Greet>, String> {
        std::future::ready(Ok(vec![greet, other])).await
    }
}

/// An interface with a client that isn't used.
#[brpc::client]
trait Greets {
    fn greet(&self, greet: Greet) -> String;
    fn is_there(&self, name: String) -> bool;
}

/// Makes the plugin.
pub fn greeter() {
    drop(brpc::Plugin::new(Greeter));
}
