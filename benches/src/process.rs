//! The two processes: how the hub's process starts the plugins' process, and what they tell each
//! other beside the measured connections.

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};
use tokio::process::Command;

use crate::Error;
use crate::child::Child;
use crate::flags::Setup;
use crate::system::secure::Own;

/// The plugins' process runs.
const READY: &str = "READY";
/// The hub wants the plugins to connect.
const DIAL: &str = "DIAL";
/// All plugins of the process are connected.
const CONNECTED: &str = "CONNECTED";

/// The process of the plugins, seen from the hub's. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct PluginProcess(Child);

impl PluginProcess {
    /// Starts this program once more, with the same flags. The plugins don't dial yet.
    pub(crate) async fn start(hub: &str, setup: &Setup) -> Result<Self, Error> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(std::env::args_os().skip(1)).args(["--role", "plugin", "--hub", hub]);
        if setup.tls {
            command.args(["--trusted", &Own::get().certificate]);
        }
        let mut child = Child::start("the plugin process", command)?;
        child.expect(READY).await?;
        Ok(Self(child))
    }

    pub(crate) fn pid(&self) -> Pid {
        self.0.pid()
    }

    /// Has the plugins dial the hub, and returns when the last one is connected.
    pub(crate) async fn dial(&mut self) -> Result<(), Error> {
        self.0.order(DIAL).await?;
        self.0.expect(CONNECTED).await
    }

    /// Ends the process, and waits until it has.
    pub(crate) async fn stop(self) -> Result<(), Error> {
        self.0.stop().await
    }
}

/// The process of the hub, seen from the plugins'.
#[derive(Debug)]
pub(crate) struct HubProcess {
    orders: Lines<BufReader<Stdin>>,
}

impl HubProcess {
    /// Reports that this process runs, and waits until the plugins are to connect.
    pub(crate) async fn wait_to_dial() -> Result<Self, Error> {
        println!("{READY}");
        let mut orders = BufReader::new(tokio::io::stdin()).lines();
        match orders.next_line().await? {
            Some(line) if line == DIAL => Ok(Self { orders }),
            _ => Err("this process is started by the hub's".into()),
        }
    }

    /// Reports that all plugins are connected, and returns when the hub's process has ended.
    pub(crate) async fn connected(mut self) -> Result<(), Error> {
        println!("{CONNECTED}");
        while self.orders.next_line().await?.is_some() {}
        Ok(())
    }
}

/// Keeps this process on one CPU. To be called before it has other threads.
pub(crate) fn stay_on(cpu: usize) -> Result<(), Error> {
    keep_on(Pid::from_raw(0), cpu)
}

/// Keeps a process on one CPU, and the threads that it starts from then on.
pub(crate) fn keep_on(process: Pid, cpu: usize) -> Result<(), Error> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu)?;
    let kept = sched_setaffinity(process, &cpus);
    kept.map_err(|error| format!("can't stay on CPU {cpu}: {error}").into())
}

/// Lets this process open as many files as it may. An error if one end of so many connections takes
/// more.
pub(crate) fn raise_open_files(connections: u32) -> Result<(), Error> {
    /// Standard streams, the runtime's own, the listener, the pipes.
    const OTHERS: u64 = 64;
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let needed = u64::from(connections) + OTHERS;
    if needed > most {
        let error = format!("{connections} connections take {needed} open files; {most} allowed");
        return Err(error.into());
    }
    Ok(())
}
