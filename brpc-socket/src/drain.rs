//! Draining plugins: one of them, or all.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use brpc_core::DisconnectReason;
use brpc_core::caller::Target;
use brpc_proto::{DrainCause, Tally};
use tokio::time::{Instant, timeout_at};

use crate::error::UnplugError;
use crate::hub::{Found, Hub, PluginLink, ShutdownRun, Spread, Stop};
use crate::plugin_ref::PluginRef;
use crate::report::{DrainReport, ShutdownReport};

/// The default grace period.
const GRACE: Duration = Duration::from_secs(10);

/// How much later than the grace period a shutdown may return: the connections' own timers fire
/// first.
const SLACK: Duration = Duration::from_millis(200);

/// A request to one plugin to leave; made by [`Socket::unplug`](crate::Socket::unplug) and
/// [`Socket::unplug_instance`](crate::Socket::unplug_instance). Await it.
#[must_use = "nobody is asked to leave unless it is awaited"]
#[derive(Debug)]
pub struct Unplug {
    hub: Arc<Hub>,
    plugin: Target<PluginRef>,
    trace: String,
    grace: Duration,
    /// After how long the plugin is to return; `None` if it is not.
    returning: Option<Duration>,
}

impl Unplug {
    pub(crate) fn new(hub: Arc<Hub>, plugin: Target<PluginRef>) -> Self {
        Self { hub, plugin, trace: String::new(), grace: GRACE, returning: None }
    }

    /// Tells the plugin to dial again when it has left, after so long at the earliest: for one whose
    /// connection seems to be dead, or that is to find another hub. It learns that from
    /// `EndReason::Unplugged`. Default: it is to stay away.
    ///
    /// If it can't be told now, it is told when it dials; see
    /// [`Socket::unplug`](crate::Socket::unplug).
    ///
    /// Plugins of the Go package can't be told.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.returning = Some(wait);
        self
    }

    /// The trace id of the request, for the plugin; what is above 256 bytes is cut.
    pub fn trace(mut self, trace: impl Into<String>) -> Self {
        self.trace = trace.into();
        self
    }

    /// The grace period: how long its calls may take before it is cut off. Default 10 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}

impl IntoFuture for Unplug {
    type Output = Result<DrainReport, UnplugError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { hub, plugin, trace, grace, returning } = self;
            let until = returning.and_then(|wait| Instant::now().checked_add(wait));
            let name = match &plugin {
                Target::Name(name) => &**name,
                Target::Instance(plugin) => plugin.name(),
            };
            let not_found = || UnplugError::NotFound { name: name.to_owned() };
            let found = hub.with_registry_mut(|registry| registry.unplug(&plugin, until));
            // Also of a plugin that is away: it can't be told yet, but its calls end.
            let suspended = match (&plugin, &found) {
                // Another one may have its name by now.
                (Target::Instance(plugin), None | Some(Found::Away(_))) => {
                    hub.suspended().end_of(plugin)
                }
                _ => hub.suspended().end(name),
            };
            let link = match (found, suspended) {
                (Some(Found::Connected(link)), _) => link,
                (_, Some((plugin, cut))) => return Ok(DrainReport::of_absent(plugin, cut)),
                (Some(Found::Away(plugin)), None) => return Ok(DrainReport::of_absent(plugin, 0)),
                (None, None) => return Err(not_found()),
            };
            link.drain(DrainCause::Unplug, &trace, after(grace), returning);
            let end = link.ended().await;
            let member = link.member().ok_or_else(not_found)?;
            Ok(DrainReport::new(member.plugin.clone(), end))
        })
    }
}

/// The shutdown of a hub; made by [`Socket::shutdown`](crate::Socket::shutdown). Await it.
#[must_use = "nothing shuts down unless it is awaited"]
#[derive(Debug)]
pub struct Shutdown {
    hub: Arc<Hub>,
    trace: String,
    grace: Duration,
    /// Over how long the plugins' return is spread, if that was given.
    spread: Option<Duration>,
}

impl Shutdown {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, trace: String::new(), grace: GRACE, spread: None }
    }

    /// The trace id of the request, for the plugins; what is above 256 bytes is cut.
    pub fn trace(mut self, trace: impl Into<String>) -> Self {
        self.trace = trace.into();
        self
    }

    /// Over how long the plugins come back: each is told to stay away for a random time up to this, so
    /// that they don't storm the next hub all at once. Default: a millisecond for each plugin that is
    /// connected, and at most 30 s.
    ///
    /// Plugins of the Go package can't be told.
    pub fn spread(mut self, most: Duration) -> Self {
        self.spread = Some(most);
        self
    }

    /// The grace period: how long calls may take before their plugins are cut off. Default 10 s.
    /// The shutdown returns at most 250 ms later, whatever the plugins do.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}

impl IntoFuture for Shutdown {
    type Output = Arc<ShutdownReport>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { hub, trace, grace, spread } = self;
            let until = after(grace);
            let run = match hub.phase().stop() {
                Stop::Done(report) => return report,
                Stop::Begun(run) => {
                    // In a task of its own, so that it goes on if this future is dropped.
                    brpc_rt::spawn(shut_down(hub, trace, until, spread, run.clone()));
                    run
                }
                Stop::Joined(run) => {
                    // An earlier end counts.
                    drain_all(&hub, &trace, until, spread);
                    run
                }
            };
            run.finished().await
        })
    }
}

/// Drains all plugins, and cuts off those that don't leave.
async fn shut_down(
    hub: Arc<Hub>,
    trace: String,
    until: Instant,
    spread: Option<Duration>,
    run: ShutdownRun,
) {
    let mut ending = ShutdownEnd { hub: hub.clone(), run, report: ShutdownReport::default() };
    let links = drain_all(&hub, &trace, until, spread);
    for (plugin, cut) in hub.suspended().close() {
        ending.report.plugins.push(DrainReport::of_absent(plugin, cut));
    }
    for link in links {
        let end = timeout_at(until + SLACK, link.ended()).await.unwrap_or_else(|_| {
            link.close(DisconnectReason::ShutdownForced);
            (DisconnectReason::ShutdownForced, Tally::default())
        });
        if let Some(member) = link.member() {
            ending.report.plugins.push(DrainReport::new(member.plugin.clone(), end));
        }
    }
    // So that the caller of the shutdown can reuse the port.
    let _ = timeout_at(until + SLACK, hub.open_listeners().wait()).await;
    // Connections that were accepted at the last moment.
    drain_all(&hub, &trace, until, spread);
}

/// The end of a shutdown: it is done, or the runtime stopped before.
struct ShutdownEnd {
    hub: Arc<Hub>,
    run: ShutdownRun,
    report: ShutdownReport,
}

impl Drop for ShutdownEnd {
    fn drop(&mut self) {
        let mut report = std::mem::take(&mut self.report);
        report.plugins.sort_by(|one, other| one.plugin.name().cmp(other.plugin.name()));
        let report = Arc::new(report);
        self.hub.finish_shutdown(report.clone());
        self.run.finish(report);
    }
}

/// Asks every plugin to leave. No new one is registered meanwhile.
fn drain_all(
    hub: &Hub,
    trace: &str,
    until: Instant,
    spread: Option<Duration>,
) -> Vec<Arc<PluginLink>> {
    let links = hub.connections();
    let spread = Spread::new(links.len(), spread);
    for link in &links {
        link.drain(DrainCause::Shutdown, trace, until, Some(spread.wait()));
    }
    links
}

/// The end of a grace period that starts now.
fn after(grace: Duration) -> Instant {
    let now = Instant::now();
    // Far away stands for never.
    now.checked_add(grace).unwrap_or_else(|| now + Duration::from_hours(24 * 365))
}
