//! What the agents of a fleet say, as `fleet_hub` and `fleet_agent` both know it.
//!
//! In real life this would be a crate that both depend on, or each side would have its own types:
//! all that has to agree is the JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A machine, and how busy it is.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct Host {
    pub(crate) name: String,
    /// Release of the kernel.
    pub(crate) kernel: String,
    pub(crate) uptime_seconds: u64,
    /// Processes that were running or waiting to run, averaged over the last minute.
    pub(crate) load: f64,
    pub(crate) memory_bytes: u64,
    pub(crate) memory_available_bytes: u64,
}

/// All processes, and the largest of them.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct Processes {
    pub(crate) count: usize,
    /// By memory, the largest first.
    pub(crate) largest: Vec<Process>,
}

/// A process.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) name: String,
    pub(crate) memory_bytes: u64,
}

/// What a directory holds, and the file system that it is on.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct DiskUsage {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// Whether all was counted: not if the tree is too deep, too large or partly unreadable.
    pub(crate) complete: bool,
    pub(crate) file_system_bytes: u64,
    pub(crate) file_system_available_bytes: u64,
}

/// The end of a log file to be read.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct TailFile {
    /// Its path within the agent's log directory.
    pub(crate) path: String,
    /// How many lines; at most 100 are given.
    pub(crate) lines: usize,
}
