//! Calls a plugin through the rows of its table.

use std::sync::Arc;

use brpc::__private::{Context, Failure, Invoke, Method, context_of_no_call};
use brpc::Receiver;
use serde_json::Value;

pub fn names<P: Receiver>() -> Vec<&'static str> {
    P::methods().iter().map(|method| method.name).collect()
}

pub fn row<P: Receiver>(name: &str) -> &'static Method<P> {
    P::methods().iter().find(|method| method.name == name).expect(name)
}

/// Calls with JSON and answers with JSON.
pub fn call<P: Receiver>(plugin: &Arc<P>, name: &str, input: &str) -> Result<String, Failure> {
    let context: Context = context_of_no_call();
    let answer = match row::<P>(name).invoke {
        Invoke::Sync(run) | Invoke::Blocking(run) => run(plugin, &context, input.as_bytes()),
        Invoke::Async(run) => {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(run(Arc::clone(plugin), context, input.to_owned().into()))
        }
        _ => panic!("a new way to run a method"),
    };
    answer.map(|output| String::from_utf8(output.to_vec()).unwrap())
}

pub fn input_schema<P: Receiver>(name: &str) -> Option<Value> {
    (row::<P>(name).input)(&mut schemars::SchemaGenerator::default()).map(Value::from)
}

pub fn output_schema<P: Receiver>(name: &str) -> Option<Value> {
    (row::<P>(name).output)(&mut schemars::SchemaGenerator::default()).map(Value::from)
}
