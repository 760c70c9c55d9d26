//! A plugin: a receiver, and how it describes itself.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use brpc_core::describe;
use brpc_core::name::is_version;
use brpc_core::{Function, Labels, Limits, Wire};
use brpc_proto::{Description, Hello, Secret};
use brpc_rt::foreign::shielded;
use brpc_rt::middleware::{Chain, Middleware};
use brpc_rt::serving::{
    AsyncHook, Incoming, KeepEvents, Left, Method, OnLoss, PanicText, Receiver, Remaining, Service,
    attach_hook, keep_events,
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::address::{HubAddress, Hubs};
use crate::change::{Change, Changed};
use crate::channel::Channel;
use crate::credentials::{Credentials, Token};
use crate::error::ConnectError;
use crate::lasting::{Lasting, codec};
use crate::run::Run;
use crate::secure::Secure;
use crate::session::Session;

/// A plugin: an object whose methods a hub can call, and its description.
///
/// ```no_run
/// # async fn example<G: brpc_plugin::Receiver>(greeter: G) -> Result<(), brpc_plugin::ConnectError> {
/// let plugin = brpc_plugin::Plugin::new(greeter).name("greeter-2");
/// let reason = plugin.run("127.0.0.1:8080").await?;
/// println!("ended: {reason}");
/// # Ok(())
/// # }
/// ```
#[must_use = "a plugin does nothing until it is connected"]
pub struct Plugin<R> {
    receiver: Arc<R>,
    hook: AsyncHook,
    name: String,
    version: String,
    /// Its labels, by key.
    labels: BTreeMap<String, String>,
    /// Random, the same as long as this value lives.
    instance: [u8; 16],
    credentials: Credentials,
    secure: Secure,
    limits: Limits,
    middleware: Chain<Incoming>,
    /// How long a method may hold up its connection before a warning names it.
    patience: Option<Duration>,
    /// What its hubs get to know of a panic.
    panic_text: PanicText,
    /// What becomes of running handlers when their connection is lost.
    on_loss: OnLoss,
    overrides: Vec<Override>,
    /// Counts the handlers whose connections are over.
    left: Left,
    /// The wire that its hub speaks.
    wire: Wire,
    /// The description of its methods; made when it first connects.
    description: OnceLock<Arc<Description>>,
}

/// A change to the description of a method.
struct Override {
    method: String,
    change: Box<Change>,
}

impl<R: Receiver> Plugin<R> {
    /// Makes a plugin of a receiver. Calls its hook method here, once, if it has one.
    ///
    /// # Panics
    /// If the system provides no random numbers; the plugin needs one.
    pub fn new(mut receiver: R) -> Self {
        let hook = attach_hook(&mut receiver);
        let mut instance = [0; 16];
        getrandom::fill(&mut instance).expect("the system has random numbers");
        Self {
            receiver: Arc::new(receiver),
            hook,
            name: R::NAME.to_owned(),
            version: R::VERSION.to_owned(),
            labels: BTreeMap::new(),
            instance,
            credentials: Credentials::default(),
            secure: Secure::default(),
            limits: Limits::default(),
            middleware: Chain::default(),
            patience: Some(Duration::from_millis(100)),
            panic_text: PanicText::default(),
            on_loss: OnLoss::default(),
            overrides: Vec::new(),
            left: Left::new(Limits::default().max_calls),
            wire: Wire::Native,
            description: OnceLock::new(),
        }
    }

    /// The name that the plugin asks for. Default: that of the macro, or the type's in snake case.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The plugin's own version, for people. Default: that of the macro, or the crate's.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Labels the plugin, so that a hub can select it by that: for instance `region` with `eu`. If
    /// a key is given again, the new value counts.
    ///
    /// At most 32 labels, and 2 KiB of keys and values together. A key has 1 to 64 of the
    /// characters `A-Z a-z 0-9 . _ - /` and starts neither with a dot nor with `brpc.`; a value has
    /// at most 128 printable ASCII characters, and may be empty. The plugin checks these rules when
    /// it connects, before it sends anything.
    ///
    /// A hub that doesn't know labels ignores them.
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Shows the hub this token, so that the hub knows who the plugin is. Default: none.
    ///
    /// Whoever reads a token can use it. So it is sent over a stream of your own, a Unix socket or TLS,
    /// and over plain TCP only to a loopback address; elsewhere the attempt fails with
    /// [`CredentialError::NotPrivate`](crate::CredentialError::NotPrivate), before anything is sent. A
    /// hub of the Go package isn't shown it.
    ///
    /// ```
    /// # use brpc_plugin::{Plugin, Token};
    /// # struct Sensor;
    /// # #[brpc_plugin::plugin]
    /// # impl Sensor { pub fn read(&self) -> u8 { 7 } }
    /// let plugin = Plugin::new(Sensor).token(Token::file("/run/secrets/hub-token"));
    /// ```
    pub fn token(mut self, token: Token) -> Self {
        self.credentials.token = Some(token);
        self
    }

    /// Sends the [token](Self::token) also where whoever is on the way can read it, and use it from
    /// then on.
    pub fn allow_plaintext_token(mut self) -> Self {
        self.credentials.allows_plaintext = true;
        self
    }

    /// Proves to the hub that the plugin knows the secret of this id, if the hub asks for it. Default:
    /// it knows none.
    ///
    /// The secret is never sent, and what is sent is of no use to who records it; so it can be used
    /// without TLS. All else on such a connection can still be read and changed on the way. The id is
    /// 1 to 128 of the characters `A-Z a-z 0-9 . _ -`, as a name, and not secret.
    ///
    /// ```
    /// # use brpc_plugin::{Plugin, Secret, SecretError};
    /// # struct Sensor;
    /// # #[brpc_plugin::plugin]
    /// # impl Sensor { pub fn read(&self) -> u8 { 7 } }
    /// # let file = || b"a secret of 16 bytes or more, at random\n".to_vec();
    /// let secret = Secret::new(file())?;
    /// let plugin = Plugin::new(Sensor).secret("edge-7", secret);
    /// # Ok::<(), SecretError>(())
    /// ```
    pub fn secret(mut self, id: impl Into<String>, secret: Secret) -> Self {
        self.credentials.secret = Some((id.into(), secret));
        self
    }

    /// Dials hubs with TLS: those whose address is `brpcs://host:port`, or doesn't say. Default: with TLS
    /// only where the address says so, and then by the CAs that the system trusts.
    ///
    /// ```no_run
    /// # use brpc_plugin::{ConnectError, Plugin, Receiver};
    /// use brpc_plugin::tls::ClientTls;
    ///
    /// # async fn example<S: Receiver>(sensor: S) -> Result<(), Box<dyn std::error::Error>> {
    /// let plugin = Plugin::new(sensor).tls(ClientTls::ca_file("ca.pem")?);
    /// plugin.run("brpcs://hub.example:8080").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(any(feature = "tls", feature = "tls-ring"))]
    #[cfg_attr(docsrs, doc(cfg(any(feature = "tls", feature = "tls-ring"))))]
    pub fn tls(mut self, tls: brpc_tls::ClientTls) -> Self {
        self.secure = Secure::new(tls);
        self
    }

    /// The limits of its connections. Default: [`Limits::default`]. The plugin checks their ranges
    /// when it connects, before it sends anything.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.left = Left::new(limits.max_calls);
        self.limits = limits;
        self
    }

    /// Makes the plugin dial hubs of the Go package `easysy/brpc`, on their wire.
    ///
    /// Such a hub doesn't welcome plugins, so [`connect`](Self::connect) returns at once, and a
    /// refusal arrives as [`EndReason::Refused`](crate::EndReason::Refused). A name may be any text
    /// of 1 to 128 bytes without control characters. `docs/go.md` lists the other differences.
    #[cfg(feature = "gob")]
    #[cfg_attr(docsrs, doc(cfg(feature = "gob")))]
    pub fn gob(mut self) -> Self {
        self.wire = Wire::Gob;
        self
    }

    /// Logs a warning with the name of a method that holds up its connection for so long. Default
    /// 100 ms; `None` for never.
    ///
    /// A sync method runs in place, and an async one up to the first `await` at which it waits.
    /// Meanwhile nothing else of its connection runs: no other call is started, answered or
    /// cancelled. A method that computes for long, or calls what blocks its thread, should be marked
    /// `blocking`, or leave that part to `tokio::task::spawn_blocking`.
    pub fn warn_after(mut self, held: impl Into<Option<Duration>>) -> Self {
        self.patience = held.into();
        self
    }

    /// What hubs get to know when a method or a middleware panics. Default: the text of the panic.
    ///
    /// That text is written for developers, and may say what callers shouldn't know, such as paths or
    /// values. With [`PanicText::Kept`] it stays in the log of the plugin.
    pub fn panic_text(mut self, panic_text: PanicText) -> Self {
        self.panic_text = panic_text;
        self
    }

    /// What becomes of running handlers when their connection is lost, or their hub ends it. Default:
    /// they are cancelled.
    ///
    /// With [`OnLoss::Finish`] they run on beside those of the next connection. A [`run`](Self::run) that is told to stop waits for them, and cancels them at the end of its
    /// grace period.
    ///
    /// Methods marked `no_cancel`, and blocking ones, run to their end in any case. All that runs on
    /// counts against [`Limits::max_calls`]: calls for which no place is left are refused as
    /// [`Overloaded`](crate::Status::Overloaded). If connections that are open beside each other leave
    /// more than that, those of the last one are cancelled.
    pub fn on_loss(mut self, on_loss: OnLoss) -> Self {
        self.on_loss = on_loss;
        self
    }

    /// Keeps events while the plugin is not connected, and sends them when it is again. Default:
    /// none are kept, and to send one fails.
    ///
    /// How many were dropped is told when the plugin is connected: in
    /// [`RunState::Connected`](crate::RunState::Connected), and by a warning in the log. What was sent
    /// over a connection that is lost is not kept.
    ///
    /// ```
    /// # use brpc_plugin::{KeepEvents, Plugin};
    /// # struct Sensor;
    /// # #[brpc_plugin::plugin]
    /// # impl Sensor { pub fn read(&self) -> u8 { 7 } }
    /// let plugin = Plugin::new(Sensor).keep_events(KeepEvents::default().capacity(100));
    /// ```
    pub fn keep_events(self, settings: KeepEvents) -> Self {
        keep_events(&self.hook, settings);
        self
    }

    /// Adds middleware that each call passes before the method runs. The first one added is
    /// outermost: it sees a call first, and its answer last.
    pub fn middleware(mut self, middleware: impl Middleware<Incoming>) -> Self {
        self.middleware.push(middleware);
        self
    }

    /// Changes how a method is described: its description or its schemas, not its name. What the
    /// method accepts and returns stays the same.
    ///
    /// The change returns nothing, or a `Result<(), FieldError>` as [`Function::input_fields`]
    /// does; [`connect`](Self::connect) returns its error.
    ///
    /// ```
    /// # use brpc_plugin::Plugin;
    /// use brpc_plugin::Field;
    ///
    /// # struct Shop;
    /// # #[brpc_plugin::plugin]
    /// # impl Shop { pub fn buy(&self, name: String, count: Option<u8>, debug: Option<bool>) {} }
    /// let plugin = Plugin::new(Shop).describe("buy", |function| {
    ///     function.description = "Buys something.".to_owned();
    /// // First the count, then the name, and `debug` not at all.
    ///     function.input_fields([Field::mandatory("count"), Field::mandatory("name")])
    /// });
    /// # let input = plugin.functions()?[0].input.clone().unwrap();
    /// # assert_eq!(input.get("required").unwrap(), &serde_json::json!(["count", "name"]));
    /// # Ok::<(), brpc_plugin::ConnectError>(())
    /// ```
    pub fn describe<F, C>(mut self, method: impl Into<String>, change: F) -> Self
    where
        F: Fn(&mut Function) -> C + Send + Sync + 'static,
        C: Changed,
    {
        let change = move |function: &mut Function| change(function).into_result();
        self.overrides.push(Override { method: method.into(), change: Box::new(change) });
        self.description = OnceLock::new();
        self
    }

    /// The object whose methods are called.
    pub fn receiver(&self) -> &Arc<R> {
        &self.receiver
    }

    /// The functions, as the hub sees them.
    ///
    /// # Errors
    /// If a method or field is to be described that doesn't exist, or the description breaks a
    /// rule.
    pub fn functions(&self) -> Result<Vec<Function>, ConnectError> {
        Ok(self.description()?.functions())
    }

    /// Dials a hub, and returns when the hub has registered the plugin. The hub is a host and a port, as in
    /// `"127.0.0.1:8080"` or `"brpcs://hub.example:8080"`; see [`HubAddress`]. If a host has several addresses, the
    /// plugin uses the first that answers.
    ///
    /// After the end of a run the plugin can connect again. It can also be connected more than once
    /// at the same time, as to several hubs: each session answers the calls of its own hub, and the
    /// plugin's hook sends events to the hub that was connected last, of those that still are.
    ///
    /// # Errors
    /// If the hub can't be reached, or if it refuses the plugin, with its reason; or if the address,
    /// or something of the plugin itself, can never work. See [`ConnectError::is_transient`].
    ///
    /// # Panics
    /// Outside of a tokio runtime, and in one without sockets or timers (`enable_all`).
    ///
    /// # Cancel safety
    /// If this future is dropped, the plugin is not connected.
    pub async fn connect(&self, hub: impl Into<HubAddress>) -> Result<Session<R>, ConnectError> {
        brpc_rt::require_timers();
        // So that a mistake in the plugin itself is found first.
        let lasting = self.lasting()?;
        shielded(lasting.dial(hub.into(), None, Remaining::new())).await
    }

    /// Does the same over an existing connection: a Unix socket, TLS, memory.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// # Panics
    /// Outside of a tokio runtime, and in one without timers (`enable_time`).
    ///
    /// # Cancel safety
    /// If this future is dropped, the connection is closed.
    pub async fn serve<S>(&self, stream: S) -> Result<Session<R>, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        brpc_rt::require_timers();
        self.lasting()?.open(stream, Channel::own(), Remaining::new()).await
    }

    /// Keeps the plugin connected: dials a hub, answers its calls, and dials again whenever the
    /// connection is lost, until it is told to stop. Await the [`Run`]; its methods say how it
    /// dials, when it stops, and what it tells meanwhile.
    ///
    /// The hub is what [`connect`](Self::connect) takes, or a list of these: they are tried in turn,
    /// and after the end of a connection the one that it was with comes first.
    ///
    /// ```no_run
    /// # use brpc_plugin::{ConnectError, Plugin, Receiver};
    /// # async fn example<G: Receiver>(plugin: Plugin<G>) -> Result<(), ConnectError> {
    /// let reason = plugin.run(["hub-1.example:8080", "hub-2.example:8080"]).await?;
    /// println!("ended: {reason}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn run(&self, hubs: impl Into<Hubs>) -> Run<R> {
        Run::over_tcp(self.lasting(), hubs.into().0)
    }

    /// Does the same over connections that `dial` opens: a Unix socket, TLS, memory. Each attempt
    /// calls it once. An attempt that takes longer than 10 s is given up.
    pub fn run_over<D, F, S>(&self, dial: D) -> Run<R>
    where
        D: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Run::over(self.lasting(), dial)
    }

    /// What its connections have in common. Checked here, so that an error names the mistake.
    fn lasting(&self) -> Result<Lasting<R>, ConnectError> {
        Ok(Lasting {
            service: Service {
                receiver: self.receiver.clone(),
                hook: self.hook.clone(),
                middleware: self.middleware.clone(),
                patience: self.patience,
                panic_text: self.panic_text,
                dialect: self.wire.dialect(),
                on_loss: self.on_loss,
                left: self.left.clone(),
            },
            hello: self.hello()?,
            credentials: self.credentials.clone(),
            secure: self.secure.clone(),
            limits: self.limits.clone(),
            wire: self.wire,
            resuming: None,
        })
    }

    /// The description of its methods. Made once, because making the schemas takes longer than
    /// connecting.
    fn description(&self) -> Result<Arc<Description>, ConnectError> {
        if let Some(description) = self.description.get() {
            return Ok(description.clone());
        }
        let mut functions: Vec<Function> = R::methods().iter().map(function).collect();
        for Override { method, change } in &self.overrides {
            let Some(function) = functions.iter_mut().find(|function| function.name == *method)
            else {
                let methods = R::methods().iter().map(|method| method.name.to_owned()).collect();
                return Err(ConnectError::NoSuchMethod { name: method.clone(), methods });
            };
            change(function)
                .map_err(|error| ConnectError::Fields { method: method.clone(), error })?;
            function.name.clone_from(method);
        }
        let description = Description::new(&functions).map_err(ConnectError::Description)?;
        Ok(self.description.get_or_init(|| Arc::new(description)).clone())
    }

    fn hello(&self) -> Result<Hello, ConnectError> {
        let rule = codec(self.wire).traits().names.plugin;
        if !rule.allows(&self.name) {
            return Err(ConnectError::BadName { name: self.name.clone(), rule: rule.words() });
        }
        if !is_version(&self.version) {
            return Err(ConnectError::BadVersion { version: self.version.clone() });
        }
        let labels = Labels::new(&self.labels).map_err(ConnectError::BadLabels)?;
        self.limits.check().map_err(ConnectError::BadLimits)?;
        Ok(Hello {
            version: self.version.clone(),
            labels,
            instance: self.instance,
            ..Hello::new(&*self.name, self.description()?)
        })
    }
}

/// The description of a method.
fn function<R>(method: &Method<R>) -> Function {
    let mut function = Function::new(method.name);
    method.description.join("\n").trim().clone_into(&mut function.description);
    function.input = (method.input)(&mut describe::inputs());
    function.output = (method.output)(&mut describe::outputs());
    function.idempotent = method.idempotent;
    function
}

impl<R> fmt::Debug for Plugin<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}
