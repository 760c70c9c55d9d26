//! What a scripted plugin is to do.

use brpc_core::Function;
use tokio::io::DuplexStream;

use super::{Link, ROOM, Reply, Scripted};
use crate::{ConnectError, Socket, Source};

/// A plugin that does what it is told: a stand-in for one that a hub is tested with.
#[derive(Clone, Debug)]
#[must_use = "a script does nothing before it is plugged"]
pub struct Script {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) labels: Vec<(String, String)>,
    /// In the order in which they were named first.
    pub(super) methods: Vec<Method>,
    /// How many calls it gets before it is gone.
    pub(super) calls_left: Option<usize>,
}

/// A method, and what it answers to one call after the other. The last is for all that follow.
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

    /// Has it register under this version.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Has it register with this label, as [`Plugin::label`](crate::Plugin::label) does.
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((key.into(), value.into()));
        self
    }

    /// Gives it a method that answers so. Said again of the same method, it answers so the next
    /// time, and what was said last from then on.
    pub fn on(mut self, method: impl Into<String>, reply: Reply) -> Self {
        let name = method.into();
        let known = self.methods.iter_mut().find(|method| method.function.name == name);
        if let Some(method) = known {
            method.replies.push(reply);
        } else {
            let mut function = Function::new(name);
            // What it takes and gives isn't said.
            (function.input, function.output) = (Some(true.into()), Some(true.into()));
            self.methods.push(Method { function, replies: vec![reply] });
        }
        self
    }

    /// Has it die when it has got so many calls, as if its process was killed: the last of them is
    /// not answered.
    pub fn dies_after(mut self, calls: usize) -> Self {
        self.calls_left = Some(calls);
        self
    }

    /// Lets it in to a hub over a connection in memory.
    ///
    /// # Errors
    /// If its name, version or methods break a rule, or the hub doesn't let it in.
    ///
    /// # Cancel safety
    /// Dropped, the plugin is not connected.
    pub async fn plug(self, hub: &Socket) -> Result<Scripted, ConnectError> {
        let (ours, theirs) = tokio::io::duplex(ROOM);
        self.run(hub, ours, theirs).await
    }

    /// The same, over a link that can fail.
    ///
    /// # Errors
    /// As [`plug`](Self::plug).
    ///
    /// # Cancel safety
    /// As there.
    pub async fn plug_through(self, hub: &Socket, link: &Link) -> Result<Scripted, ConnectError> {
        let (ours, theirs) = link.connect();
        self.run(hub, ours, theirs).await
    }

    async fn run(
        self,
        hub: &Socket,
        ours: DuplexStream,
        theirs: DuplexStream,
    ) -> Result<Scripted, ConnectError> {
        hub.attach_from(theirs, Source::Local);
        Scripted::run(self, ours).await
    }
}
