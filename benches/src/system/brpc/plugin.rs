//! The plugins' side of brpc.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use brpc::{Plugin, Receiver};

use super::emitter::Emitter;
use super::{churn, described};
use crate::Error;
use crate::echo::Message;
use crate::flags::{Scenario, Setup};
use crate::system::dial;

/// What most scenarios call.
#[derive(Debug)]
struct Echo;

#[brpc::plugin]
impl Echo {
    /// Gives back what it gets.
    #[expect(clippy::unused_async, reason = "an async method is what is measured")]
    pub async fn echo(&self, message: Message) -> Message {
        message
    }
}

/// The name under which a plugin connects.
pub(super) fn name(number: u32) -> String {
    format!("plugin-{number}")
}

/// Plugins that have described themselves already, by number: making schemas is not connecting, and
/// real plugins have a process each for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Described(Arc<Mutex<HashMap<u32, Plugin<described::Described>>>>);

impl Described {
    pub(crate) fn make(setup: &Setup) -> Result<Self, Error> {
        let numbers = match setup.scenario {
            Scenario::Idle => 0..setup.plugins(),
            Scenario::Call => setup.connections..setup.plugins(),
            _ => 0..0,
        };
        let mut plugins = HashMap::new();
        for number in numbers {
            let plugin = described::plugin(number);
            plugin.functions()?;
            plugins.insert(number, plugin);
        }
        Ok(Self(Arc::new(Mutex::new(plugins))))
    }

    fn take(&self, number: u32) -> Plugin<described::Described> {
        let made = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        made.unwrap_or_else(|| described::plugin(number))
    }
}

/// Connects all plugins, and does what the scenario wants of them from then on.
pub(crate) async fn dial(setup: &Setup, described: Described) -> Result<(), Error> {
    let setup = Arc::new(setup.clone());
    dial::connect_all(&setup.clone(), move |number| {
        let (setup, described) = (setup.clone(), described.clone());
        async move {
            match setup.scenario {
                Scenario::Churn => {
                    tokio::spawn(churn::live_again(number, setup));
                    Ok(())
                }
                Scenario::Events => {
                    let plugin = Plugin::new(Emitter::default());
                    let emitter = plugin.receiver().clone();
                    connect(plugin, number, &setup).await?;
                    tokio::spawn(emitter.emit(Message::new(0, setup.payload)));
                    Ok(())
                }
                Scenario::Idle => connect(described.take(number), number, &setup).await,
                Scenario::Call if number >= setup.connections => {
                    connect(described.take(number), number, &setup).await
                }
                Scenario::Call | Scenario::Broadcast => {
                    connect(Plugin::new(Echo), number, &setup).await
                }
            }
        }
    })
    .await
}

async fn connect<R>(plugin: Plugin<R>, number: u32, setup: &Setup) -> Result<(), Error>
where
    R: Receiver + 'static,
{
    let plugin = plugin.name(name(number)).limits(super::limits(setup));
    let session = plugin.connect(&setup.hub).await?;
    tokio::spawn(session.run());
    Ok(())
}
