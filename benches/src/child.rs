//! A process that receives commands and answers them, a line each.

use std::io;
use std::process::Stdio;

use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{self, ChildStdin, ChildStdout, Command};

use crate::Error;

/// The process, seen from the one that started it. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Child {
    /// What it is, for errors.
    what: &'static str,
    process: process::Child,
    pid: Pid,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Child {
    pub(crate) fn start(what: &'static str, mut command: Command) -> Result<Self, Error> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let failed = |error: io::Error| format!("{what} doesn't start: {error}");
        let mut process = command.spawn().map_err(failed)?;
        let pid = process.id().ok_or_else(|| ended(what))?;
        let orders = process.stdin.take().ok_or_else(|| ended(what))?;
        let answers = process.stdout.take().ok_or_else(|| ended(what))?;
        let answers = BufReader::new(answers).lines();
        Ok(Self { what, process, pid: Pid::from_raw(i32::try_from(pid)?), orders, answers })
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    pub(crate) async fn order(&mut self, order: &str) -> Result<(), Error> {
        Ok(self.orders.write_all(format!("{order}\n").as_bytes()).await?)
    }

    /// The next line that it prints.
    pub(crate) async fn answer(&mut self) -> Result<String, Error> {
        let answer = self.answers.next_line().await?;
        Ok(answer.ok_or_else(|| ended(self.what))?)
    }

    /// Waits for the next line, which must be this one.
    pub(crate) async fn expect(&mut self, expected: &str) -> Result<(), Error> {
        let answer = self.answer().await?;
        if answer == expected {
            return Ok(());
        }
        Err(format!("{} said `{answer}` and not {expected}", self.what).into())
    }

    /// Ends the process, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<(), Error> {
        Ok(self.process.kill().await?)
    }
}

fn ended(what: &str) -> String {
    format!("{what} has ended")
}
