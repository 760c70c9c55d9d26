//! What the hubs got and what the plugins did, in files that outlive both, and whether it fits.

use std::collections::HashMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use brpc::{CallError, Execution};

/// A file to which each line is written at once, so that it is there if the process is killed.
pub struct Record(File);

impl Record {
    pub fn of(kind: &str) -> Self {
        let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
        let path = folder.join(format!("{kind}-{}", std::process::id()));
        Self(OpenOptions::new().create(true).append(true).open(path).unwrap())
    }

    pub fn note(&self, line: &str) {
        (&self.0).write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// Where the files are.
pub const FOLDER: &str = "BRPC_LAB_FOLDER";
/// What a hub got, and what a plugin started.
pub const OUTCOMES: &str = "outcomes";
pub const STARTED: &str = "started";

/// An answer that fits one call only.
pub fn answer(n: u64) -> u64 {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17)
}

/// How a call ended, in a word.
pub fn verdict(n: u64, outcome: &Result<u64, CallError>) -> &'static str {
    match outcome {
        Ok(output) if *output == answer(n) => "ok",
        Ok(_) => "wrong",
        Err(error) => match error.execution() {
            Execution::Never => "never",
            Execution::Unknown => "unknown",
            Execution::Completed => "completed",
        },
    }
}

/// How many calls ended in which way.
#[derive(Default)]
pub struct Sums {
    calls: usize,
    ok: usize,
    never: usize,
    unknown: usize,
}

impl Sums {
    /// How many ended well.
    pub fn ok(&self) -> usize {
        self.ok
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, ok, never, unknown } = self;
        write!(
            f,
            "{calls} calls: {ok} ok, {never} never ran, {unknown} unknown; each ended once, in truth"
        )
    }
}

/// Compares all records in a folder. Fails if a call was made without an outcome or with two, if it was
/// started twice, if a call is said to have run and has not, or the other way round.
pub fn check(folder: &Path) -> Sums {
    let (mut outcomes, mut started) = (HashMap::new(), HashMap::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if ![OUTCOMES, STARTED].iter().any(|kind| name.starts_with(kind)) {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let (n, verdict) = line.split_once(' ').unwrap_or((line, ""));
            let n: u64 = n.parse().unwrap();
            if name.starts_with(STARTED) {
                *started.entry(n).or_insert(0) += 1;
            } else if verdict == "made" {
                outcomes.entry(n).or_insert_with(Vec::new);
            } else {
                outcomes.entry(n).or_insert_with(Vec::new).push(verdict.to_owned());
            }
        }
    }
    let mut sums = Sums { calls: outcomes.len(), ..Sums::default() };
    for (n, verdicts) in &outcomes {
        let runs = started.get(n).copied().unwrap_or(0);
        assert!(runs <= 1, "call {n} ran {runs} times");
        match &verdicts.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["ok"] => sums.ok += 1,
            ["never"] => sums.never += 1,
            ["completed"] => {}
            // None if its hub was killed.
            ["unknown"] | [] => sums.unknown += 1,
            other => panic!("call {n} ended as {other:?}"),
        }
        match verdicts.first().map(String::as_str) {
            Some("ok" | "completed") => assert_eq!(runs, 1, "call {n} is said to have run"),
            Some("never") => assert_eq!(runs, 0, "call {n} is said not to have run"),
            _ => {}
        }
    }
    sums
}
