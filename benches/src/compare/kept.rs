//! Results, as lines of JSON in a file.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;

/// The result of one run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Line {
    pub(super) round: u32,
    pub(super) case: String,
    pub(super) entry: String,
    /// What the run printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) report: Option<Value>,
    /// Why it printed nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// CPUs that other processes used meanwhile.
    pub(super) foreign_cpus: f64,
    /// On what it ran.
    pub(super) machine: String,
}

impl Line {
    /// A number of the result.
    pub(super) fn number(&self, path: &str) -> Option<f64> {
        self.report.as_ref()?.pointer(path)?.as_f64()
    }

    /// Errors and answers to other calls.
    pub(super) fn wrong(&self) -> f64 {
        self.number("/errors").unwrap_or(0.0) + self.number("/mismatches").unwrap_or(0.0)
    }
}

pub(super) fn read(file: &Path) -> Result<Vec<Line>, Error> {
    let open = File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut lines = Vec::new();
    for line in BufReader::new(open).lines() {
        lines.push(serde_json::from_str(&line?)?);
    }
    Ok(lines)
}

/// Adds a line to those that are there.
pub(super) fn append(file: &Path, line: &Line) -> Result<(), Error> {
    let mut open = File::options().create(true).append(true).open(file)?;
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    // In one write, so that the file never has half a line.
    Ok(open.write_all(text.as_bytes())?)
}
