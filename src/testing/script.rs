//! The script of a scripted plugin.

use brpc_core::Function;

use super::Reply;

/// A plugin that follows a script: it stands in for a real one in tests of a hub.
#[derive(Clone, Debug)]
#[must_use = "a script does nothing before it is plugged"]
pub struct Script {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) labels: Vec<(String, String)>,
    /// In the order in which they were first given.
    pub(super) methods: Vec<Method>,
    /// How many calls it receives before it dies.
    pub(super) calls_left: Option<usize>,
}

/// A method, and its answers to one call after the other. The last answer is repeated.
#[derive(Clone, Debug)]
pub(super) struct Method {
    pub(super) function: Function,
    pub(super) replies: Vec<Reply>,
}

impl Script {
    /// A plugin of this name, without methods.
    pub fn new(name: impl Into<String>) -> Self {
        let (name, version) = (name.into(), String::new());
        Self { name, version, labels: Vec::new(), methods: Vec::new(), calls_left: None }
    }

    /// Sets the plugin's version.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Gives the plugin this label, as [`Plugin::label`](crate::Plugin::label) does.
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((key.into(), value.into()));
        self
    }

    /// Gives the plugin a method with this answer. Given again for the same method, it answers the
    /// next call; the last answer is repeated.
    pub fn on(mut self, method: impl Into<String>, reply: Reply) -> Self {
        let name = method.into();
        let known = self.methods.iter_mut().find(|method| method.function.name == name);
        if let Some(method) = known {
            method.replies.push(reply);
        } else {
            let mut function = Function::new(name);
            // The description leaves open what it accepts and returns.
            (function.input, function.output) = (Some(true.into()), Some(true.into()));
            self.methods.push(Method { function, replies: vec![reply] });
        }
        self
    }

    /// Makes the plugin die when it has received so many calls, as if its process was killed: it
    /// doesn't answer the last one.
    pub fn dies_after(mut self, calls: usize) -> Self {
        self.calls_left = Some(calls);
        self
    }
}
