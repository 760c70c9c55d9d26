//! The hub in Go. It makes the calls itself, and measures them.

use std::time::Duration;

use nix::unistd::Pid;
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use super::{Programs, name};
use crate::Error;
use crate::child::Child;
use crate::echo::{Failure, Message};
use crate::flags::Setup;
use crate::latency::Latency;
use crate::tally::Tally;

#[derive(Debug)]
pub(crate) struct GoHub {
    process: Child,
    address: String,
}

/// The outcomes of the calls.
#[derive(Debug, Deserialize)]
pub(crate) struct Load {
    pub(crate) seconds: f64,
    /// Those that got the right answer.
    pub(crate) calls: u64,
    errors: u64,
    mismatches: u64,
    first_error: Option<String>,
    pub(crate) latency_us: Option<Latency>,
}

impl GoHub {
    pub(crate) async fn start(programs: &Programs) -> Result<Self, Error> {
        let mut process = Child::start("the hub in Go", Command::new(programs.folder.join("hub")))?;
        let line = process.answer().await?;
        let address = line.strip_prefix("listening ").ok_or("the hub in Go doesn't listen")?;
        Ok(Self { address: address.to_owned(), process })
    }

    /// Where the plugin finds it.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// Has it call the plugin for so long, with the callers and the messages that the flags say.
    pub(crate) async fn load(&mut self, setup: &Setup, time: Duration) -> Result<Load, Error> {
        let command = json!({
            "do": "bench",
            "name": name(),
            "method": "Echo",
            "payload": Message::new(0, setup.payload),
            "callers": setup.inflight,
            "ms": u64::try_from(time.as_millis())?,
        });
        self.run(&command).await
    }

    /// Waits for the plugin.
    pub(crate) async fn wait(&mut self, time: Duration) -> Result<(), Error> {
        let ms = u64::try_from(time.as_millis())?;
        self.run::<serde_json::Value>(&json!({"do": "wait", "name": name(), "ms": ms})).await?;
        Ok(())
    }

    pub(crate) async fn stop(self) -> Result<(), Error> {
        self.process.stop().await
    }

    /// Sends a command, and returns its answer.
    async fn run<A: for<'a> Deserialize<'a>>(
        &mut self,
        command: &serde_json::Value,
    ) -> Result<A, Error> {
        self.process.order(&command.to_string()).await?;
        loop {
            let answer: serde_json::Value = serde_json::from_str(&self.process.answer().await?)?;
            if let Some(error) = answer.get("error") {
                return Err(format!("the hub in Go: {error}").into());
            }
            // A message without an `id` reports something by itself; only one command runs at a
            // time.
            if answer.get("id").is_some() {
                return Ok(serde_json::from_value(answer)?);
            }
        }
    }
}

impl Load {
    /// Adds the errors to earlier ones.
    pub(crate) fn tell(&self, tally: &Tally) {
        for _ in 0..self.mismatches {
            tally.failed(Failure::Mismatch);
        }
        for _ in 0..self.errors {
            tally.failed(Failure::Failed(self.first_error.clone().unwrap_or_default()));
        }
    }
}
