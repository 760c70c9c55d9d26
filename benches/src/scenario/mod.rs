//! What is measured, whatever the system.

mod broadcast;
mod call;
mod churn;
mod events;
#[cfg(feature = "go")]
mod go;
mod idle;

use std::time::Instant;

use crate::Error;
use crate::flags::{Scenario, Setup, System};
use crate::meter::{Each, Processes};
use crate::process::PluginProcess;
use crate::progress::Progress;
use crate::report::{Connect, Report};
use crate::system::brpc::{self, BrpcHub};
#[cfg(feature = "peers")]
use crate::system::peers::{self, nats::NatsHub, tarpc::TarpcHub};
use crate::system::raw::{self, RawHub};
use crate::system::{ChurnHub, EventHub, Hub};

/// Measures, in the hub's process.
pub(crate) async fn run(setup: &Setup, progress: &Progress) -> Result<Report, Error> {
    if setup.tls && !matches!(setup.system.family(), "brpc" | "raw") {
        return Err(format!("{} is not measured over TLS", setup.system).into());
    }
    match (setup.system, setup.scenario) {
        (System::Brpc, _) => run_any(BrpcHub::serve(setup)?, setup, progress).await,
        (System::PipeJson, Scenario::Call) => call::pipe(&RawHub::listen()?, setup, progress).await,
        (System::PipeJson, scenario) => Err(not_there(setup.system, scenario)),
        #[cfg(feature = "peers")]
        (System::Tarpc, _) => run_calls(TarpcHub::listen()?, setup, progress).await,
        #[cfg(feature = "peers")]
        (System::Nats, _) => run_calls(NatsHub::start(setup).await?, setup, progress).await,
        #[cfg(not(feature = "peers"))]
        (System::Tarpc | System::Nats, _) => Err(not_built(setup.system, "peers")),
        #[cfg(feature = "go")]
        (System::GoPlugin, Scenario::Call) => go::called_by_brpc(setup, progress).await,
        #[cfg(feature = "go")]
        (System::GoHub, Scenario::Call) => go::called_by_go(setup, progress).await,
        #[cfg(feature = "go")]
        (System::GoPlugin | System::GoHub, scenario) => Err(not_there(setup.system, scenario)),
        #[cfg(not(feature = "go"))]
        (System::GoPlugin | System::GoHub, _) => Err(not_built(setup.system, "go")),
        _ => run_any(RawHub::listen()?, setup, progress).await,
    }
}

/// Measures a system that does all that is measured.
async fn run_any<H>(hub: H, setup: &Setup, progress: &Progress) -> Result<Report, Error>
where
    H: EventHub + ChurnHub,
{
    match setup.scenario {
        Scenario::Events => events::run(hub, setup, progress).await,
        Scenario::Churn => churn::run(hub, setup, progress).await,
        _ => run_calls(hub, setup, progress).await,
    }
}

/// Measures a system that has calls alone.
async fn run_calls<H: Hub>(hub: H, setup: &Setup, progress: &Progress) -> Result<Report, Error> {
    match setup.scenario {
        Scenario::Call => call::run(hub, setup, progress).await,
        Scenario::Broadcast => broadcast::run(hub, setup, progress).await,
        Scenario::Idle => idle::run(hub, setup, progress).await,
        scenario @ (Scenario::Events | Scenario::Churn) => Err(not_there(setup.system, scenario)),
    }
}

#[cfg(not(all(feature = "go", feature = "peers")))]
fn not_built(system: System, feature: &str) -> Error {
    format!("{system} is measured by a build with `--features {feature}`").into()
}

fn not_there(system: System, scenario: Scenario) -> Error {
    format!("`{scenario}` is not measured of {system}").into()
}

/// Runs the plugins, in their process, until the hub's has ended.
pub(crate) async fn run_plugins(setup: &Setup) -> Result<(), Error> {
    let described = match setup.system {
        System::Brpc => brpc::Described::make(setup)?,
        _ => brpc::Described::default(),
    };
    let hub = crate::process::HubProcess::wait_to_dial().await?;
    match setup.system {
        System::Brpc => brpc::dial(setup, described).await?,
        #[cfg(feature = "peers")]
        System::Tarpc => peers::tarpc::dial(setup).await?,
        #[cfg(feature = "peers")]
        System::Nats => peers::nats::dial(setup).await?,
        #[cfg(not(feature = "peers"))]
        System::Tarpc | System::Nats => return Err(not_built(setup.system, "peers")),
        System::GoPlugin | System::GoHub => return Err("plugins in Go aren't run by this".into()),
        _ => raw::dial(setup).await?,
    }
    hub.connected().await
}

/// A hub all of whose plugins are connected.
struct Connected<H: Hub> {
    hub: H,
    /// Those that are to be called come first.
    plugins: Vec<H::Plugin>,
    process: PluginProcess,
    processes: Processes,
    /// Memory before the first was connected.
    memory: Each<u64>,
    /// How long it took to connect them.
    connect: Connect,
}

impl<H: Hub> Connected<H> {
    async fn new(mut hub: H, setup: &Setup, progress: &Progress) -> Result<Self, Error> {
        let mut process = PluginProcess::start(&hub.address(), setup).await?;
        let processes = Processes::new(process.pid(), hub.broker());
        let memory = processes.memory()?;
        progress.say("connecting");
        let (cpu, start) = (processes.cpu()?, Instant::now());
        let ((), plugins) = tokio::try_join!(process.dial(), hub.accept(setup))?;
        let seconds = start.elapsed().as_secs_f64();
        let count = f64::from(setup.plugins());
        let cpu_us = processes.cpu()?.since(cpu).micros_per(count);
        let connect = Connect { ms: seconds * 1e3, plugins_per_s: count / seconds, cpu_us };
        Ok(Self { hub, plugins, process, processes, memory, connect })
    }
}
