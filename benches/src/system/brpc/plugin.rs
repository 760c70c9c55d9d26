//! The plugins' side of brpc.

use std::collections::HashMap;
use std::sync::Arc;

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
    pub async fn echo(&self, message: Message) -> Message {
        message
    }
}

/// The name under which a plugin connects.
pub(crate) fn name(number: u32) -> String {
    format!("plugin-{number}")
}

/// Plugins that have described themselves already, by number: making schemas is not connecting, and
/// real plugins have a process each for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Described(Arc<HashMap<u32, Plugin<described::Described>>>);

impl Described {
    pub(crate) fn make(setup: &Setup) -> Result<Self, Error> {
        let numbers = match setup.scenario {
            Scenario::Idle => 0..setup.plugins(),
            Scenario::Call => setup.connections..setup.plugins(),
            _ => 0..0,
        };
        let mut plugins = HashMap::new();
        for number in numbers {
            let plugin = named(described::plugin(number), number, setup)?;
            plugin.functions()?;
            plugins.insert(number, plugin);
        }
        Ok(Self(Arc::new(plugins)))
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
                    let plugin = named(Plugin::new(Emitter::default()), number, &setup)?;
                    connect(&plugin, &setup).await?;
                    let message = Message::new(0, setup.payload);
                    tokio::spawn(plugin.receiver().clone().emit(message));
                    Ok(())
                }
                Scenario::Idle | Scenario::Call | Scenario::Broadcast => {
                    match described.0.get(&number) {
                        Some(plugin) => connect(plugin, &setup).await,
                        None => connect(&named(Plugin::new(Echo), number, &setup)?, &setup).await,
                    }
                }
            }
        }
    })
    .await
}

fn named<R: Receiver>(plugin: Plugin<R>, number: u32, setup: &Setup) -> Result<Plugin<R>, Error> {
    super::trusting(plugin.name(name(number)).limits(super::limits(setup)), setup)
}

async fn connect<R: Receiver>(plugin: &Plugin<R>, setup: &Setup) -> Result<(), Error> {
    let session = plugin.connect(&setup.hub).await?;
    tokio::spawn(session.run());
    Ok(())
}
