//! Programs that run as processes of their own.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::scenario::within;

/// One that runs; killed when it is dropped.
pub struct Program {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Its standard input; whoever takes it closes it.
    pub fn take_input(&mut self) -> ChildStdin {
        self.process.stdin.take().unwrap()
    }

    /// The next line that it prints; `None` at the end.
    pub async fn line(&mut self) -> Option<String> {
        within("a line", self.lines.next_line()).await.unwrap()
    }

    /// The next line, which is this one.
    pub async fn expect(&mut self, line: &str) {
        assert_eq!(self.line().await.as_deref(), Some(line));
    }

    /// Sends a signal, by its name: `TERM`.
    pub async fn signal(&self, signal: &str) {
        let id = self.process.id().unwrap().to_string();
        let status = Command::new("kill").arg(format!("-{signal}")).arg(id).status().await;
        assert!(status.unwrap().success());
    }

    /// Ends the process as nothing else can, and waits until it is gone.
    pub async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    /// Waits for its end: what it still printed, and its exit code.
    pub async fn finish(mut self) -> (Vec<String>, Option<i32>) {
        let mut rest = Vec::new();
        while let Some(line) = self.line().await {
            rest.push(line);
        }
        let status = within("its end", self.process.wait()).await.unwrap();
        (rest, status.code())
    }
}
