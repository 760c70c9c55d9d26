//! The limits of the machine: what calls cost without a protocol worth the name. No handshake, no
//! deadlines, no limits, no cancelling, no errors.

mod churn;
mod events;
mod frame;
mod hub;
mod outbox;
mod pipe;
mod plugin;

pub(crate) use hub::RawHub;
pub(crate) use pipe::run as run_pipe;
pub(crate) use plugin::dial;

use crate::flags::{Scenario, Setup, System};

/// How a connection is made up.
#[derive(Clone, Copy, Debug)]
struct Mode {
    outbox: outbox::Kind,
    /// Whether the plugin spawns a task for each call.
    spawns: bool,
    /// Bytes that a read has room for.
    room: usize,
}

impl Mode {
    fn new(setup: &Setup) -> Self {
        use outbox::Kind::{Buffer, Queue};
        let (outbox, spawns) = match setup.system {
            System::BufJsonSpawn => (Buffer, true),
            System::MuxJson => (Queue { yields: false }, false),
            System::MuxJsonSpawn => (Queue { yields: false }, true),
            System::MuxJsonYield => (Queue { yields: true }, false),
            System::MuxJsonSpawnYield => (Queue { yields: true }, true),
            // Systems that are no limits don't get here, and the pipe has only a plugin.
            System::BufJson
            | System::PipeJson
            | System::Brpc
            | System::Tarpc
            | System::Nats
            | System::GoPlugin
            | System::GoHub => (Buffer, false),
        };
        // Where there are many connections, no more than a small message takes.
        let is_small =
            matches!(setup.scenario, Scenario::Idle | Scenario::Broadcast | Scenario::Churn);
        Self { outbox, spawns, room: if is_small { 1 << 10 } else { 64 << 10 } }
    }
}
