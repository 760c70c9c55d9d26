//! The hub as the caller behind typed clients.

use std::time::Duration;

use brpc_core::caller::{CallOptions, Target};
use brpc_core::{Caller, PluginInfo, Selector};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::calls::{Broadcast, Call};
use crate::plugin_ref::PluginRef;
use crate::socket::Socket;

impl Caller for Socket {
    type Plugin = PluginRef;
    type Call<T> = Call<T>;
    type Broadcast<T> = Broadcast<T>;

    fn call<T, I>(&self, plugin: &Target<PluginRef>, method: &str, input: &I) -> Call<T>
    where
        T: DeserializeOwned,
        I: Serialize + ?Sized,
    {
        match plugin {
            Target::Name(name) => Self::call(self, name, method, input),
            Target::Instance(plugin) => self.call_instance(plugin, method, input),
        }
    }

    fn broadcast<T, I>(&self, plugins: &Selector, method: &str, input: &I) -> Broadcast<T>
    where
        T: DeserializeOwned,
        I: Serialize + ?Sized,
    {
        Self::broadcast(self, method, input).to(plugins.clone())
    }

    fn plugin_info(&self, plugin: &Target<PluginRef>) -> Option<PluginInfo> {
        match plugin {
            Target::Name(name) => Self::plugin_info(self, name),
            Target::Instance(plugin) => self.instance_info(plugin),
        }
    }

    fn plugin_infos(&self, plugins: &Selector) -> Vec<PluginInfo> {
        // Drops those that have disconnected meanwhile.
        let plugins = self.connected_matching(plugins);
        plugins.iter().filter_map(|plugin| self.instance_info(plugin)).collect()
    }
}

/// The methods that the type has already, as those of the trait.
macro_rules! options {
    ($type:ident) => {
        impl<T> CallOptions for $type<T> {
            fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
                Self::timeout(self, timeout)
            }

            fn trace(self, trace: impl Into<String>) -> Self {
                Self::trace(self, trace)
            }

            fn metadata(self, key: impl Into<String>, value: impl Into<String>) -> Self {
                Self::metadata(self, key, value)
            }

            fn queue(self) -> Self {
                Self::queue(self)
            }

            fn wait_for_plugin(self, longest: Duration) -> Self {
                Self::wait_for_plugin(self, longest)
            }

            fn resumable(self, window: impl Into<Option<Duration>>) -> Self {
                Self::resumable(self, window)
            }
        }
    };
}

options!(Call);
options!(Broadcast);
