//! A scripted plugin that runs.

use std::collections::HashMap;
use std::collections::vec_deque::Drain;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brpc_core::name::{PLUGIN_NAME_RULE, is_plugin_name, is_version};
use brpc_core::{DisconnectReason, Failure, Function, Labels, Limits, Refusal, Status};
use brpc_proto::codec::Native;
use brpc_proto::{Call, CallId, Connection, Description, EmitError, Event, Hello, Role, json};
use brpc_rt::{Link, SharedConnection, Slot};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;
use tokio::io::DuplexStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Link as FailingLink, ROOM, Script};
use crate::{ConnectError, HookError, Metadata, Socket, Source};

/// A scripted plugin that is connected. When this is dropped, it ends as if its process was killed.
#[derive(Debug)]
pub struct Scripted {
    link: Arc<ScriptLink>,
}

/// A call that a scripted plugin received.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Received {
    /// The method.
    pub method: String,
    /// The input; `null` if there was none.
    pub input: Value,
    /// The caller's trace id; empty if it gave none.
    pub trace: String,
    /// The caller's metadata.
    pub metadata: Metadata,
    /// Whether the caller has cancelled the call since.
    pub is_cancelled: bool,
}

/// What the driver, the tasks that answer and the test share.
#[derive(Debug)]
struct ScriptLink {
    connection: SharedConnection,
    state: Mutex<State>,
    /// Whether the hub registered it, once that is known.
    admittance: watch::Sender<Option<Result<(), Refused>>>,
    killed: CancellationToken,
}

/// Why the hub did not register it.
#[derive(Clone, Debug)]
enum Refused {
    Refusal(Refusal),
    Lost(DisconnectReason),
}

#[derive(Debug)]
struct State {
    script: Script,
    received: Vec<Received>,
    /// The indices in `received` of the unanswered calls.
    open: HashMap<CallId, usize>,
}

impl Script {
    /// Connects the plugin to a hub in memory.
    ///
    /// # Errors
    /// If its name, version, labels or methods break a rule, or if the hub refuses it.
    ///
    /// # Cancel safety
    /// If this future is dropped, the plugin is not connected.
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
    /// As [`plug`](Self::plug).
    pub async fn plug_through(
        self,
        hub: &Socket,
        link: &FailingLink,
    ) -> Result<Scripted, ConnectError> {
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

impl Scripted {
    async fn run(script: Script, stream: DuplexStream) -> Result<Self, ConnectError> {
        // Each is another process, as far as the hub can tell.
        static INSTANCES: AtomicU64 = AtomicU64::new(0);
        if !is_plugin_name(&script.name) {
            return Err(ConnectError::BadName { name: script.name, rule: PLUGIN_NAME_RULE });
        }
        if !is_version(&script.version) {
            return Err(ConnectError::BadVersion { version: script.version });
        }
        let functions: Vec<Function> =
            script.methods.iter().map(|method| method.function.clone()).collect();
        let mut instance = [0; 16];
        instance[..8].copy_from_slice(&INSTANCES.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let description = Description::new(&functions).map_err(ConnectError::Description)?;
        let hello = Hello {
            version: script.version.clone(),
            instance,
            labels: Labels::new(script.labels.iter().map(|(key, value)| (key, value)))
                .map_err(ConnectError::BadLabels)?,
            ..Hello::new(&*script.name, description.into())
        };
        let codec = Box::new(Native::new(Role::Plugin));
        let connection = Connection::dialled(codec, hello, Limits::default(), brpc_rt::now());
        let link = Arc::new(ScriptLink {
            connection: SharedConnection::new(connection),
            state: Mutex::new(State { script, received: Vec::new(), open: HashMap::new() }),
            admittance: watch::Sender::new(None),
            killed: CancellationToken::new(),
        });
        let (mut admitted, killed) = (link.admittance.subscribe(), link.killed.clone());
        let scripted = Self { link: link.clone() };
        tokio::spawn(async move {
            let script = AttachedScript(link);
            killed.run_until_cancelled(brpc_rt::drive(&script, stream)).await
        });
        let admitted = admitted.wait_for(Option::is_some).await;
        match admitted.ok().and_then(|admittance| admittance.clone()) {
            Some(Ok(())) => Ok(scripted),
            Some(Err(Refused::Refusal(refusal))) => Err(ConnectError::Refused(refusal)),
            Some(Err(Refused::Lost(reason))) => Err(ConnectError::Lost(reason)),
            None => Err(ConnectError::Lost(DisconnectReason::Unclean)),
        }
    }

    /// The calls of a method that it has received so far, in order.
    pub fn received(&self, method: &str) -> Vec<Received> {
        let state = self.link.state.lock();
        state.received.iter().filter(|received| received.method == method).cloned().collect()
    }

    /// All calls that it has received so far, in order.
    pub fn all_received(&self) -> Vec<Received> {
        self.link.state.lock().received.clone()
    }

    /// Checks that it has received a call of this method with this input.
    ///
    /// # Panics
    /// If it hasn't, with what it received instead.
    #[track_caller]
    pub fn assert_received(&self, method: &str, input: &Value) {
        let received = self.received(method);
        assert!(
            received.iter().any(|received| received.input == *input),
            "no call of `{method}` with {input}; {}",
            if received.is_empty() {
                "it was not called at all".to_owned()
            } else {
                let inputs = received.iter().map(|received| received.input.to_string());
                format!("it was called with {}", inputs.collect::<Vec<_>>().join(", "))
            }
        );
    }

    /// Sends an event.
    ///
    /// # Errors
    /// [`HookError::Full`] if the hub's subscribers lag; else as [`AsyncHook::emit`].
    ///
    /// [`AsyncHook::emit`]: crate::AsyncHook::emit
    pub fn emit<T: Serialize + ?Sized>(&self, event: &T) -> Result<(), HookError> {
        let event =
            json::encode(event).map_err(|error| HookError::Invalid { message: error.message })?;
        let mut connection = self.link.connection.lock();
        let emitted = connection.emit(&event);
        connection.unlock_and_wake();
        emitted.map_err(|error| match error {
            EmitError::Full => HookError::Full,
            EmitError::TooLarge { size, limit } => HookError::TooLarge { size, limit },
            _ => HookError::Closed,
        })
    }

    /// Makes it leave: it accepts no more calls, answers those in flight, and sends Goodbye.
    pub fn leave(&self) {
        let mut connection = self.link.connection.lock();
        connection.leave();
        connection.unlock_and_wake();
    }

    /// Ends it without a Goodbye, as if its process was killed.
    pub fn kill(&self) {
        self.link.killed.cancel();
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.kill();
    }
}

impl ScriptLink {
    fn handle_event(self: &Arc<Self>, event: Event<Arc<Slot>>) {
        match event {
            Event::Welcomed(_) => self.note_admittance(Ok(())),
            Event::Refused(refusal) => self.note_admittance(Err(Refused::Refusal(refusal))),
            Event::Closed(reason, _) => self.note_admittance(Err(Refused::Lost(reason))),
            Event::Call { id, call, .. } => self.handle_call(id, call),
            Event::Cancel(id) => self.handle_cancel(id),
            _ => {}
        }
    }

    /// The first result counts.
    fn note_admittance(&self, admittance: Result<(), Refused>) {
        self.admittance.send_if_modified(|known| {
            let is_new = known.is_none();
            known.get_or_insert(admittance);
            is_new
        });
    }

    fn handle_call(self: &Arc<Self>, id: CallId, call: Call) {
        let Call { method, trace, metadata, payload, .. } = call;
        let input: Value = serde_json::from_slice(&payload).unwrap_or_default();
        let mut state = self.state.lock();
        let State { script, received, open } = &mut *state;
        // The connection passes on no call of a method that was not described.
        let Some(method) = script.methods.get_mut(method as usize) else { return };
        open.insert(id, received.len());
        received.push(Received {
            method: method.function.name.clone(),
            input: input.clone(),
            trace,
            metadata,
            is_cancelled: false,
        });
        let reply = match &mut method.replies[..] {
            [] => return,
            [last] => last.clone(),
            _ => method.replies.remove(0),
        };
        if let Some(left) = &mut script.calls_left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return self.killed.cancel();
            }
        }
        drop(state);
        let link = self.clone();
        let answer = async move {
            tokio::time::sleep(reply.delay()).await;
            if let Some(answer) = reply.answer(input) {
                link.state.lock().open.remove(&id);
                let mut connection = link.connection.lock();
                connection.answer(id, answer, reply.along().clone());
                connection.unlock_and_wake();
            }
        };
        let killed = self.killed.clone();
        tokio::spawn(async move { killed.run_until_cancelled(answer).await });
    }

    /// A cancelled call must be answered too, or it would hold its place.
    fn handle_cancel(&self, id: CallId) {
        let mut state = self.state.lock();
        if let Some(place) = state.open.remove(&id) {
            state.received[place].is_cancelled = true;
        }
        drop(state);
        let failure = Failure::new(Status::Cancelled, "");
        let mut connection = self.connection.lock();
        connection.answer(id, Err(failure), Metadata::new());
        connection.unlock_and_wake();
    }
}

/// The connection in the hands of its driver.
struct AttachedScript(Arc<ScriptLink>);

impl Drop for AttachedScript {
    fn drop(&mut self) {
        self.0.connection.lock().close(DisconnectReason::Clean);
        self.finish();
    }
}

impl Link for AttachedScript {
    fn connection(&self) -> &SharedConnection {
        &self.0.connection
    }

    fn handle_events(&self, events: Drain<'_, Event<Arc<Slot>>>) {
        events.for_each(|event| self.0.handle_event(event));
    }
}
