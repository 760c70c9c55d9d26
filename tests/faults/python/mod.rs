//! The independent plugin and hub in Python, as processes. Between them they send and receive every
//! kind of frame.

mod credentials;
mod hub;
mod plugin;
mod tls;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use tokio::process::{Child, Command};

use crate::scenario::within;

/// The kinds of frames that the programs of a role have sent and received.
#[derive(Debug, Default, Eq, PartialEq)]
struct Seen {
    sent: BTreeSet<u8>,
    received: BTreeSet<u8>,
}

impl Seen {
    /// Every kind on the page that this role sends or receives.
    fn by(role: &str) -> Self {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol.md");
        let page = std::fs::read_to_string(page).unwrap();
        let mut all = Self::default();
        for row in page.lines().filter_map(|line| line.strip_prefix("| `0x")) {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let kind = u8::from_str_radix(cells[0].trim_end_matches('`'), 16).unwrap();
            if cells[2] == role || cells[2] == "both" {
                all.sent.insert(kind);
            }
            if cells[2] != role {
                all.received.insert(kind);
            }
        }
        assert_eq!(all.sent.union(&all.received).count(), 25);
        all
    }

    /// Notes what a program says of itself in its last lines; returns all that it says.
    fn note(&mut self, output: &[u8]) -> String {
        let output = String::from_utf8_lossy(output).into_owned();
        for line in output.lines() {
            let mut words = line.split(' ');
            let kinds = match words.next() {
                Some("sent") => &mut self.sent,
                Some("received") => &mut self.received,
                _ => continue,
            };
            kinds.extend(words.map(|kind| kind.parse::<u8>().unwrap()));
        }
        output
    }
}

/// With which code and words the hub refuses a plugin, as that prints them.
async fn refusal(python: Child) -> (u16, String) {
    let said = printed(python).await;
    let refused = said.lines().find_map(|line| line.strip_prefix("refused "));
    let (code, text) = refused.and_then(|it| it.split_once(' ')).expect(&said);
    (code.parse().unwrap(), text.to_owned())
}

/// What a program that fails prints.
async fn printed(python: Child) -> String {
    let Output { status, stdout, .. } = within("its end", python.wait_with_output()).await.unwrap();
    assert!(!status.success());
    String::from_utf8(stdout).unwrap()
}

fn python(program: &str, arguments: &[&str]) -> Child {
    python_with(program, arguments, &[])
}

/// The same with these variables in its environment.
fn python_with(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
    let script: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "tests", "conformance", program].iter().collect();
    let mut python = Command::new("python3");
    // No compiled modules in the tree.
    python.arg("-B").arg(script).args(arguments).envs(variables.iter().copied());
    python.stdout(Stdio::piped());
    python.kill_on_drop(true).spawn().unwrap()
}

fn has_python() -> bool {
    let has_it = std::process::Command::new("python3").arg("--version").output().is_ok();
    if !has_it {
        println!("skipped: there is no python3 here");
    }
    has_it
}
