//! What can be asked of the program.

use std::fmt;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;

use crate::compare;

/// Measures brpc beside the limits of the machine and beside its peers.
///
/// The hub is this process and the plugins are another one, which it starts; they talk over
/// loopback TCP. The hub calls `echo` with `{id, name, data}` and checks each answer. The last line
/// on the standard output is the result as JSON; all else goes to the standard error.
#[derive(Debug, Parser)]
#[command(name = "brpc-bench", args_conflicts_with_subcommands = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) setup: Setup,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a plan of measurements, interleaved, and says how brpc does beside limits and peers.
    Compare(compare::Flags),
}

/// One measurement.
#[derive(Args, Clone, Debug)]
pub(crate) struct Setup {
    /// What is measured.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) scenario: Scenario,

    /// What does the calls.
    #[arg(long, visible_alias = "mode", value_enum, default_value_t)]
    pub(crate) system: System,

    /// Calls in progress on each connection.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one())]
    pub(crate) inflight: u32,

    /// Bytes of `data` in each message.
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    pub(crate) payload: u32,

    /// Plugins, each with a connection of its own.
    #[arg(long, value_name = "C", default_value_t = 1, value_parser = at_least_one())]
    pub(crate) connections: u32,

    /// How long to measure, in seconds.
    #[arg(long, value_name = "S", default_value = "5", value_parser = positive_seconds)]
    pub(crate) seconds: Duration,

    /// How long the load runs before that, in seconds.
    #[arg(long, value_name = "S", default_value = "1", value_parser = seconds)]
    pub(crate) warmup: Duration,

    /// call: so many calls a second, due on a fixed schedule whatever happens to those before; a
    /// call's latency counts from when it was due. What keeps the time is part of the hub's CPU time.
    /// Without it, each of the N callers makes its next call when the last one was answered.
    #[arg(long, value_name = "R", value_parser = positive)]
    pub(crate) rate: Option<f64>,

    /// call: so many plugins more are connected, and idle.
    #[arg(long, value_name = "C", default_value_t = 0)]
    pub(crate) idle: u32,

    /// broadcast, idle: calls to all plugins, one after the other [default: 20, and 0 in idle].
    #[arg(long, value_name = "N")]
    pub(crate) broadcasts: Option<u32>,

    /// idle: for so long, in seconds, the CPU time of plugins that do nothing is measured, after the
    /// first few seconds [default: not at all].
    #[arg(long, value_name = "S", value_parser = positive_seconds)]
    pub(crate) at_rest: Option<Duration>,

    /// churn: calls to each plugin before it leaves.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one())]
    pub(crate) calls: u32,

    /// Plugins that dial at the same time.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one())]
    pub(crate) dials: u32,

    /// Encrypts the connections of brpc and of the limits with TLS 1.3; the certificate is made on the
    /// spot.
    #[arg(long)]
    pub(crate) tls: bool,

    /// The tokio runtime of both processes.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) rt: Runtime,

    /// Keeps the hub's process on this CPU.
    #[arg(long, value_name = "CPU", requires = "callee_cpu")]
    pub(crate) caller_cpu: Option<usize>,

    /// Keeps the plugins' process on this CPU, and that of a broker.
    #[arg(long, value_name = "CPU", requires = "caller_cpu")]
    pub(crate) callee_cpu: Option<usize>,

    /// Keeps both processes on CPU 0.
    #[arg(long, conflicts_with_all = ["caller_cpu", "callee_cpu"])]
    pub(crate) one_cpu: bool,

    /// Prints nothing but the line of JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Which of the two processes this is.
    #[arg(long, value_enum, default_value_t, hide = true)]
    pub(crate) role: Role,

    /// Where the plugins find the hub.
    #[arg(long, default_value = "", hide = true)]
    pub(crate) hub: String,

    /// The hub's certificate, as PEM.
    #[arg(long, default_value = "", allow_hyphen_values = true, hide = true)]
    pub(crate) trusted: String,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scenario {
    /// Calls, as many in progress as asked for.
    #[default]
    Call,
    /// One call to all plugins at once.
    Broadcast,
    /// Plugins that are connected, and nothing else: memory, and time to connect.
    Idle,
    /// Events of one plugin, to one reader that misses none.
    Events,
    /// Plugins that connect, are called and leave, one after the other.
    Churn,
}

/// brpc, a limit of the machine, or a peer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum System {
    /// The project itself.
    #[default]
    Brpc,
    /// Limit: JSON encoded into one buffer a connection; the plugin spawns a task a call.
    BufJsonSpawn,
    /// Limit: the same, but the plugin answers in its read loop.
    BufJson,
    /// Limit: a queue of frames a connection; the plugin answers in its read loop.
    MuxJson,
    /// Limit: the same, and the plugin spawns a task a call.
    MuxJsonSpawn,
    /// Limit: mux-json, but the writer yields once.
    MuxJsonYield,
    /// Limit: mux-json-spawn, but the writers yield once.
    MuxJsonSpawnYield,
    /// Limit: one task that keeps all calls in progress; no task waits for its own answer.
    PipeJson,
    /// Peer: tarpc over TCP, with bincode.
    Tarpc,
    /// Peer: request and reply over NATS, with JSON.
    Nats,
    /// The project's hub, and a plugin in Go.
    GoPlugin,
    /// Peer: a hub in Go on the same wire, and the same plugin.
    GoHub,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Runtime {
    /// A worker a CPU.
    #[default]
    Multi,
    /// All on one thread.
    Current,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Role {
    #[default]
    Hub,
    Plugin,
}

impl Setup {
    /// Where this process is to stay.
    pub(crate) fn cpu(&self) -> Option<usize> {
        match self.role {
            _ if self.one_cpu => Some(0),
            Role::Hub => self.caller_cpu,
            Role::Plugin => self.callee_cpu,
        }
    }

    /// All plugins, those that are called and those that are not.
    pub(crate) fn plugins(&self) -> u32 {
        self.connections + self.idle
    }
}

impl System {
    /// The name of what it is a variant of.
    pub(crate) fn family(self) -> &'static str {
        match self {
            Self::Brpc | Self::GoPlugin => "brpc",
            Self::Tarpc => "tarpc",
            Self::Nats => "nats",
            Self::GoHub => "go",
            Self::BufJsonSpawn
            | Self::BufJson
            | Self::MuxJson
            | Self::MuxJsonSpawn
            | Self::MuxJsonYield
            | Self::MuxJsonSpawnYield
            | Self::PipeJson => "raw",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(self, f)
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_name(self, f)
    }
}

/// The name by which a value is chosen.
fn write_name(value: &impl ValueEnum, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    value.to_possible_value().map_or(Ok(()), |value| f.write_str(value.get_name()))
}

fn at_least_one() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if f64::is_finite(number) && number > 0.0 => Ok(number),
        _ => Err("expected a number above 0".to_owned()),
    }
}

fn positive_seconds(text: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(positive(text)?).map_err(|error| error.to_string())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn nothing_in_progress_is_refused() {
        for flags in [["--inflight", "0"], ["--seconds", "0"], ["--rate", "-1"], ["--dials", "0"]] {
            assert!(Cli::try_parse_from(["brpc-bench"].into_iter().chain(flags)).is_err());
        }
    }

    #[test]
    fn the_former_name_of_a_flag_is_known() {
        let cli = Cli::try_parse_from(["brpc-bench", "--mode", "buf-json-spawn"]).unwrap();
        assert_eq!(cli.setup.system, System::BufJsonSpawn);
    }
}
