//! Whether a plugin is accepted and registered, and under which name.

use std::sync::Arc;
use std::time::Duration;

use brpc_core::{Refusal, RefusalCode};
use brpc_proto::codec::Traits;
use brpc_proto::{Description, Features, Hello};
use brpc_rt::foreign::contain;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::auth::audit;
use crate::events::Consumed;
use crate::hub::{Hub, InstanceId, Member, PluginLink, SOON, Sequencer, Takeover, Takeovers};
use crate::plugin_ref::PluginRef;

/// When a refused plugin may retry, if the reason passes slowly.
const LATER: Duration = Duration::from_secs(5);

/// Whether a plugin's Hello is accepted, with its description if the hub knows it.
pub(super) fn admit(hub: &Hub, hello: &Hello) -> Result<Option<Arc<Description>>, Refusal> {
    if !hub.phase().is_serving() {
        return Err(shutting_down());
    }
    Ok(hub.with_registry(|registry| registry.description(&hello.digest)))
}

/// A plugin that has described itself, and asks for a name.
pub(super) struct Candidate {
    pub(super) hub: Arc<Hub>,
    pub(super) link: Arc<PluginLink>,
    pub(super) hello: Arc<Hello>,
    pub(super) description: Arc<Description>,
    /// What tells the plugin from others.
    pub(super) instance: Option<InstanceId>,
}

/// What became of an attempt to register under a name.
enum Attempt {
    /// The plugin is registered, and welcome; this connection lost the name to it.
    Done { replaced: Option<Arc<PluginLink>> },
    /// It gets the name of another connection, or not, when this is known.
    Asks(Question),
    /// Another connection has the name, and keeps it if its plugin lives.
    InDoubt(Arc<PluginLink>),
    /// Another connection has the name.
    Taken,
}

/// What is to be found out before a connection loses its name to this one.
enum Question {
    /// Whether this connection lasts: it may have ended, and nobody has heard of it yet.
    Lasts,
    /// Whether the plugin lives that has the name. If so, the new one is refused with this.
    Lives(Arc<PluginLink>, Refusal),
}

/// What was found out.
#[derive(Default)]
struct Known {
    /// Whether this connection has lasted for a moment since its plugin asked for the name.
    lasts: bool,
    /// The connection whose plugin gave no sign of life.
    dead: Option<Arc<PluginLink>>,
}

/// What becomes of a connection whose name another one asks for.
enum Claim {
    /// It is over, even if that isn't reported yet.
    Over,
    /// It is replaced.
    Replaced,
    /// It is replaced, unless its plugin gives a sign of life.
    InDoubt,
    /// It keeps the name.
    Kept,
}

impl Candidate {
    /// Registers or refuses the plugin: at once, or when it is known whether it gets the name of another
    /// connection.
    pub(super) fn settle(self) {
        match self.register(&Known::default()) {
            Ok(None) => {}
            Ok(Some(question)) => {
                // Without a runtime this side ends, and the connection with it.
                if Handle::try_current().is_ok() {
                    brpc_rt::spawn(self.settle_later(question));
                }
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// The same, when this was found out.
    async fn settle_later(self, mut question: Question) {
        let mut known = Known::default();
        loop {
            let finding_out = async {
                match question {
                    Question::Lasts => {
                        brpc_rt::catch_up(self.link.connection()).await;
                        Ok(None)
                    }
                    Question::Lives(holder, refusal) if holder.lives().await => Err(refusal),
                    Question::Lives(holder, _) => Ok(Some(holder)),
                }
            };
            let found = tokio::select! {
                biased;
                _ = self.link.ended() => return,
                found = finding_out => found,
            };
            known.lasts = true;
            let settled = found.and_then(|dead| {
                known.dead = dead;
                self.register(&known)
            });
            match settled {
                Ok(None) => return,
                // Yet another one has the name by now.
                Ok(Some(next)) => question = next,
                Err(refusal) => return self.refuse(refusal),
            }
        }
    }

    /// Refuses a plugin that may have the name that it asks for, and doesn't get it.
    fn refuse(&self, refusal: Refusal) {
        if let Some(identity) = self.link.identity() {
            audit::refused(&self.link, Some(&self.hello.name), Some(identity), &refusal.message);
        }
        refuse(&self.link, &self.hello, refusal);
    }

    /// Registers the plugin under the name that it asks for, or one that the sequencer makes: the one
    /// that it has already, if the end of that connection is not known yet. Returns what must be found
    /// out first; `None` if this one is registered.
    fn register(&self, known: &Known) -> Result<Option<Question>, Refusal> {
        let sequencer = self.hub.config().sequencer.as_ref();
        let mut attempts_left = sequencer.map_or(0, |sequencer| sequencer.attempts);
        let traits = self.link.connection().lock().traits();
        let named = self.instance.filter(|_| sequencer.is_some());
        let named = named.and_then(|it| self.hub.with_registry(|registry| registry.name_of(it)));
        let mut name = named.unwrap_or_else(|| self.hello.name.clone());
        let mut in_doubt = None;
        loop {
            let attempt = if self.may_have(&name) {
                self.try_register(&name, traits, known)?
            } else {
                Attempt::Taken
            };
            match attempt {
                Attempt::Done { replaced } => {
                    // Without the locks, under which no task is woken.
                    self.link.wake();
                    if let Some(replaced) = replaced {
                        replaced.wake();
                    }
                    return Ok(None);
                }
                Attempt::Asks(question) => return Ok(Some(question)),
                // The sequencer may find a free name sooner than that is known.
                Attempt::InDoubt(holder) => in_doubt = in_doubt.or(Some(holder)),
                Attempt::Taken => {}
            }
            let Some(sequencer) = sequencer.filter(|_| attempts_left > 0) else { break };
            attempts_left -= 1;
            // The user's code; called without a lock.
            match contain(|| (sequencer.next)(&name)) {
                Ok(next) => name = next,
                Err(panic) => {
                    tracing::error!(?panic, "the key sequencer panicked");
                    break;
                }
            }
            if !traits.names.plugin.allows(&name) {
                break;
            }
        }
        match in_doubt {
            Some(holder) => Ok(Some(Question::Lives(holder, self.name_taken()))),
            None => Err(self.name_taken()),
        }
    }

    /// Registers the plugin under this name, unless another one keeps it, in one step.
    fn try_register(&self, name: &str, traits: Traits, known: &Known) -> Result<Attempt, Refusal> {
        let Self { hub, link, hello, description, instance } = self;
        let instance = *instance;
        // Held throughout: either a plugin is registered before the hub shuts down, which then
        // drains it, or it isn't registered at all.
        let Some(_serving) = hub.phase().hold_serving() else { return Err(shutting_down()) };
        hub.with_registry_mut(|registry| {
            if let Some(refusal) = instance.and_then(|it| registry.refusal(it)) {
                return Err(refusal);
            }
            let holder = registry.holder(name).cloned();
            let (mut takeovers, mut replaced) = (Takeovers::default(), None);
            match &holder {
                None if registry.names() >= hub.config().max_plugins => {
                    let refusal = Refusal::new(RefusalCode::Full, "the hub has no place left");
                    return Err(refusal.retry_after(LATER));
                }
                None => {}
                Some(holder) => match self.claim(holder, known) {
                    Claim::Over => {}
                    // Of many dials that were given up while the hub was stopped, none takes the name of
                    // one that lives.
                    Claim::Replaced if !known.lasts => return Ok(Attempt::Asks(Question::Lasts)),
                    Claim::Replaced => {
                        takeovers = match takeovers_with(holder, known, name) {
                            Ok(takeovers) => takeovers,
                            // It may be a link that fails again and again, and nobody to fight with.
                            Err(refusal) if holder.can_be_asked() => {
                                let question = Question::Lives(holder.clone(), refusal);
                                return Ok(Attempt::Asks(question));
                            }
                            Err(refusal) => return Err(refusal),
                        };
                        replaced = Some(holder.clone());
                    }
                    Claim::InDoubt => return Ok(Attempt::InDoubt(holder.clone())),
                    Claim::Kept => return Ok(Attempt::Taken),
                },
            }
            let (at, connection) = ((link.id, link.source), Arc::downgrade(link.connection()));
            let identity = link.identity().cloned();
            let plugin = PluginRef::new(name.to_owned(), hello, at, identity, connection);
            let consumed = Arc::new(Consumed::new(&hub.config().limits, traits.has_credit));
            // Each of several replicas that connect at the same moment sends its description.
            let shared = registry.description(description.digest());
            let description = shared.unwrap_or_else(|| description.clone());
            let member = Member {
                plugin,
                instance,
                takeovers,
                idempotent: hello.idempotent.clone(),
                description: description.clone(),
                consumed,
            };
            let resumes = hello.features.has(Features::RESUME);
            if resumes && (holder.is_some() || hub.suspended().has(instance)) {
                // Nobody has called it yet.
                link.connection().reserve();
            }
            // A connection that has ended takes no name: nothing would free it again.
            if link.welcome(member, *hub.epoch(), holder) {
                registry.enter(name, link, &description);
                // Under the same lock: at every moment one of both can be called, and not two.
                if let Some(replaced) = &replaced {
                    replaced.replace();
                }
            } else {
                replaced = None;
            }
            Ok(Attempt::Done { replaced })
        })
    }

    /// What becomes of a connection that has the name for which the plugin asks.
    fn claim(&self, holder: &PluginLink, known: &Known) -> Claim {
        let instance = self.instance;
        let is_same = instance.is_some() && holder.member().map(|it| it.instance) == Some(instance);
        // Of the dials of a program the last one counts. An earlier one that is read after it was given
        // up, though its end may not be known yet.
        let is_earlier = self.link.id < holder.id;
        match self.hub.config().takeover {
            _ if holder.is_over() => Claim::Over,
            // Nor if it doesn't live: nobody takes what isn't theirs.
            _ if !self.link.is_of_same_identity(holder) => Claim::Kept,
            _ if is_same && is_earlier => Claim::Kept,
            Takeover::Newest => Claim::Replaced,
            Takeover::SameInstance if is_same || known.is_dead(holder) => Claim::Replaced,
            Takeover::SameInstance if holder.can_be_asked() => Claim::InDoubt,
            Takeover::SameInstance | Takeover::Reject => Claim::Kept,
        }
    }

    /// Whether the plugin may have this name, as far as that depends on who it is.
    fn may_have(&self, name: &str) -> bool {
        self.link.identity().is_none_or(|identity| identity.granted().may_plug(name))
    }

    fn name_taken(&self) -> Refusal {
        let name = self.hello.name.escape_debug();
        let message = match &self.hub.config().sequencer {
            Some(Sequencer { attempts, .. }) => {
                format!("the name `{name}` is taken, and so are {attempts} others that were tried")
            }
            None => format!("another plugin named `{name}` is connected"),
        };
        Refusal::new(RefusalCode::NameTaken, message).retry_after(SOON)
    }
}

impl Known {
    fn is_dead(&self, link: &PluginLink) -> bool {
        self.dead.as_ref().is_some_and(|dead| dead.id == link.id)
    }
}

/// The takeovers of the holder's name, when it is replaced. That of a connection which is dead doesn't
/// count.
fn takeovers_with(holder: &PluginLink, known: &Known, name: &str) -> Result<Takeovers, Refusal> {
    let before = holder.member().map(|member| member.takeovers.clone()).unwrap_or_default();
    if known.is_dead(holder) {
        return Ok(before);
    }
    before.and_one_at(Instant::now()).map_err(|wait| {
        let name = name.escape_debug();
        let message = format!("the name `{name}` was taken over too often in the last minute");
        Refusal::new(RefusalCode::NameTaken, message).retry_after(wait)
    })
}

/// Refuses a plugin whose Hello is known.
pub(super) fn refuse(link: &PluginLink, hello: &Hello, refusal: Refusal) {
    let (plugin, connection, code) = (&hello.name, link.id, refusal.code);
    let source = link.source.map(tracing::field::display);
    tracing::info!(plugin, connection, source, ?code, "plugin refused");
    let mut connection = link.connection().lock();
    connection.refuse(refusal);
    connection.unlock_and_wake();
}

fn shutting_down() -> Refusal {
    Refusal::new(RefusalCode::ShuttingDown, "the hub is shutting down").retry_after(SOON)
}
