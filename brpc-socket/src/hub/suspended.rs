//! The calls whose connection was lost, and that wait for their plugin to come back.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use brpc_core::{CallErrorKind, Limits, Stage};
use brpc_proto::resume::{Resumption, Suspended, Suspension};
use brpc_proto::{Origin, Recalled, Settlement};
use brpc_rt::foreign::shielded;
use brpc_rt::{Holder, SharedConnection, Slot, now, resubmit, suspend};
use parking_lot::{Mutex, MutexGuard};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::takeover::InstanceId;
use crate::plugin_ref::PluginRef;

/// The calls of a hub whose connection was lost, and that wait for their plugin to come back.
#[derive(Debug, Default)]
pub(crate) struct SuspendedCalls {
    state: Mutex<State>,
    /// Rung when a call ends before the task looks that ends those whose time is over, and when no
    /// call is left: then that task ends. Not for each call, since a look passes all plugins.
    bell: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// By plugin, so that one that comes back under another name finds its calls.
    plugins: HashMap<InstanceId, Away>,
    /// Which of these has a name, or had it last.
    names: HashMap<String, InstanceId>,
    /// When the task looks next that ends the calls whose time is over; `None` if there is none.
    looks: Option<Instant>,
    /// Whether no plugin comes back: the hub shuts down.
    is_closed: bool,
}

/// The calls of one plugin.
#[derive(Debug)]
struct Away {
    /// The plugin on the connection that was lost last.
    plugin: PluginRef,
    /// Its name, on the connection that it has now or had last.
    name: String,
    calls: Suspended<Arc<Slot>>,
    /// Where callers cancel their calls.
    desk: Arc<Desk>,
}

/// Where callers cancel the calls of one plugin, however many others are away. Its calls have left
/// when it is gone.
#[derive(Debug)]
struct Desk {
    calls: Weak<SuspendedCalls>,
    instance: InstanceId,
}

/// What is to be done when a call was suspended.
enum Task {
    /// Nothing: the task looks in time.
    InTime,
    /// It must look earlier.
    Late,
    /// There is none.
    Missing,
}

/// Calls that end, with their errors.
type Ended = Vec<(Arc<Slot>, CallErrorKind)>;

impl State {
    /// Forgets a plugin; returns what was known of it.
    fn remove(&mut self, instance: InstanceId) -> Option<Away> {
        let away = self.plugins.remove(&instance)?;
        self.names.remove(&away.name);
        Some(away)
    }

    /// Ends what is suspended of the plugin that has a name, or had it last.
    fn end(&mut self, name: &str) -> Option<(PluginRef, Ended)> {
        let mut away = self.remove(*self.names.get(name)?)?;
        Some((away.plugin, away.calls.end()))
    }

    /// A plugin has this name: ends what is suspended of another one that had it.
    fn take_name(&mut self, name: &str, instance: Option<InstanceId>) -> Ended {
        if self.names.get(name).copied() == instance {
            return Vec::new();
        }
        let ended = self.end(name).map(|(_, ended)| ended);
        if let Some(instance) = instance
            && let Some(away) = self.plugins.get_mut(&instance)
        {
            self.names.remove(&std::mem::replace(&mut away.name, name.to_owned()));
            self.names.insert(name.to_owned(), instance);
        }
        ended.unwrap_or_default()
    }

    /// Drops plugins that have no more calls.
    fn tidy(&mut self) {
        let Self { plugins, names, .. } = self;
        plugins.retain(|_, away| !away.calls.is_empty());
        names.retain(|_, instance| plugins.contains_key(instance));
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.plugins.values().filter_map(|away| away.calls.next_timeout()).min()
    }
}

impl SuspendedCalls {
    /// A connection was lost with this call.
    pub(crate) fn suspend(
        self: &Arc<Self>,
        plugin: &PluginRef,
        instance: Option<InstanceId>,
        slot: Arc<Slot>,
        suspension: Suspension,
    ) {
        let call = (suspension.origin(), suspension.stage());
        // Nobody comes back without a runtime.
        let runtime = Handle::try_current().ok();
        let instance = instance.filter(|_| runtime.is_some());
        let (mut lost, mut task) = (Vec::new(), Task::InTime);
        suspend(slot, call, |slot| {
            let (ended, desk, what) = self.insert(plugin, instance, slot, suspension);
            (lost, task) = (ended, what);
            desk
        });
        settle(lost);
        match task {
            Task::InTime => {}
            Task::Late => self.bell.notify_one(),
            // Without the locks: a runtime that ends drops the task at once.
            Task::Missing => {
                let timer = Timer { calls: self.clone(), is_done: false };
                runtime.map(|runtime| runtime.spawn(timer.run()));
            }
        }
    }

    /// Returns the calls that end, where this one is cancelled, and whether the task knows when it ends.
    fn insert(
        self: &Arc<Self>,
        plugin: &PluginRef,
        instance: Option<InstanceId>,
        slot: Arc<Slot>,
        suspension: Suspension,
    ) -> (Ended, Weak<dyn Holder>, Task) {
        let mut state = self.state.lock();
        // Nobody comes back to a hub that shuts down, nor who can't be told from others.
        let (false, Some(instance)) = (state.is_closed, instance) else {
            return (vec![(slot, suspension.lost())], Weak::<Desk>::new(), Task::InTime);
        };
        let name = plugin.name();
        let mut lost = state.take_name(name, Some(instance));
        let State { plugins, names, .. } = &mut *state;
        let away = plugins.entry(instance).or_insert_with(|| {
            names.insert(name.to_owned(), instance);
            let (plugin, name, calls) = (plugin.clone(), name.to_owned(), Suspended::default());
            let desk = Arc::new(Desk { calls: Arc::downgrade(self), instance });
            Away { plugin, name, calls, desk }
        });
        away.plugin = plugin.clone();
        lost.extend(away.calls.insert(slot, suspension, now()).err());
        let desk: Arc<dyn Holder> = away.desk.clone();
        let (next, looks) = (away.calls.next_timeout(), state.looks);
        let task = match looks {
            None => Task::Missing,
            Some(looks) if next.is_some_and(|next| next < looks) => Task::Late,
            Some(_) => Task::InTime,
        };
        // A task that starts looks at once.
        state.looks = looks.or_else(|| Some(now()));
        (lost, Arc::downgrade(&desk), task)
    }

    /// Whether calls wait for this plugin.
    pub(crate) fn has(&self, instance: Option<InstanceId>) -> bool {
        instance.is_some_and(|instance| self.state.lock().plugins.contains_key(&instance))
    }

    /// A plugin is connected under this name: perhaps one that calls wait for. `resumes` tells whether
    /// it can go on with them.
    pub(crate) fn begin(&self, name: &str, instance: Option<InstanceId>, resumes: bool) {
        let mut state = self.state.lock();
        let mut ended = state.take_name(name, instance);
        match instance.and_then(|instance| state.plugins.get_mut(&instance)) {
            Some(away) if resumes => away.calls.begin(),
            Some(_) => ended.extend(state.end(name).into_iter().flat_map(|(_, ended)| ended)),
            None => {}
        }
        self.unlock(state);
        settle(ended);
    }

    /// Unlocks, and rings the bell if no call is left.
    fn unlock(&self, state: MutexGuard<'_, State>) {
        let is_done = state.plugins.is_empty() && state.looks.is_some();
        drop(state);
        if is_done {
            self.bell.notify_one();
        }
    }

    /// The plugin says what it knows of its calls: those that go on are submitted to its connection.
    pub(crate) fn resume(
        &self,
        instance: Option<InstanceId>,
        recalled: Recalled,
        connection: &Arc<SharedConnection>,
    ) {
        let is_last = recalled.is_last;
        let decided = {
            let mut state = self.state.lock();
            let away = instance.and_then(|instance| state.plugins.get_mut(&instance));
            let decided = away.map(|away| away.calls.resume(recalled, now()));
            if is_last && let Some(instance) = instance {
                state.remove(instance);
            }
            self.unlock(state);
            decided.unwrap_or_default()
        };
        // Out of the table, and nowhere else yet: who cancels one now stops it here.
        for (slot, _, resumption) in decided {
            match resumption {
                Resumption::Submit(call) => resubmit(connection, *call, slot),
                Resumption::End(error) => slot.settle(Settlement::Ended(error)),
            }
        }
        if is_last {
            let mut connection = connection.lock_with_calls();
            connection.resumed();
            connection.unlock_and_wake();
        }
    }

    /// The plugin is to stay away; returns who it was, and how many calls end.
    pub(crate) fn end(&self, name: &str) -> Option<(PluginRef, usize)> {
        let mut state = self.state.lock();
        let (plugin, ended) = state.end(name)?;
        self.unlock(state);
        let count = ended.len();
        settle(ended);
        Some((plugin, count))
    }

    /// The same, if it is this plugin that is away, and no other of its name.
    pub(crate) fn end_of(&self, plugin: &PluginRef) -> Option<(PluginRef, usize)> {
        let (plugin, ended) = {
            let mut state = self.state.lock();
            let instance = state.names.get(plugin.name())?;
            if state.plugins.get(instance)?.plugin != *plugin {
                return None;
            }
            let ended = state.end(plugin.name())?;
            self.unlock(state);
            ended
        };
        let count = ended.len();
        settle(ended);
        Some((plugin, count))
    }

    /// No plugin comes back; returns who is away, and how many calls of each end.
    pub(crate) fn close(&self) -> Vec<(PluginRef, usize)> {
        let plugins = {
            let mut state = self.state.lock();
            state.is_closed = true;
            state.names.clear();
            let plugins = std::mem::take(&mut state.plugins);
            self.unlock(state);
            plugins
        };
        let ended = plugins.into_values().map(|mut away| {
            let ended = away.calls.end();
            let count = ended.len();
            settle(ended);
            (away.plugin, count)
        });
        ended.collect()
    }

    /// Plugins may come back again.
    pub(crate) fn open(&self) {
        self.state.lock().is_closed = false;
    }

    /// Ends the calls whose time is over; returns when to look next, or `None` if no call is left.
    fn expire(&self) -> Option<Instant> {
        let (at, mut ended) = (now(), Vec::new());
        let mut state = self.state.lock();
        for away in state.plugins.values_mut() {
            ended.extend(away.calls.expire(at));
        }
        state.tidy();
        // Some may have no limit.
        let next = state.next_timeout().unwrap_or(at + Limits::LONGEST);
        let next = (!state.plugins.is_empty()).then_some(next);
        state.looks = next;
        drop(state);
        settle(ended);
        next
    }
}

impl Holder for Desk {
    fn cancel(&self, call: Origin) -> Option<Stage> {
        let calls = self.calls.upgrade()?;
        let mut state = calls.state.lock();
        let away = state.plugins.get_mut(&self.instance)?;
        let (slot, reached) = away.calls.cancel(call)?;
        if away.calls.is_empty() {
            state.remove(self.instance);
        }
        calls.unlock(state);
        // Without the lock: this may drop a caller's waker.
        drop(slot);
        Some(reached)
    }
}

/// Ends calls whose time is over. If it is dropped, with its runtime, all of them end.
struct Timer {
    calls: Arc<SuspendedCalls>,
    /// Whether no calls are left.
    is_done: bool,
}

impl Timer {
    async fn run(mut self) {
        while let Some(next) = self.calls.expire() {
            let rung = shielded(self.calls.bell.notified());
            let _ = tokio::time::timeout_at(next.into(), rung).await;
        }
        self.is_done = true;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let plugins = {
            let mut state = self.calls.state.lock();
            state.looks = None;
            state.names.clear();
            std::mem::take(&mut state.plugins)
        };
        for mut away in plugins.into_values() {
            settle(away.calls.end());
        }
    }
}

/// Ends calls. Without the lock: it wakes callers.
fn settle(ended: Ended) {
    for (slot, error) in ended {
        slot.settle(Settlement::Ended(error));
    }
}
