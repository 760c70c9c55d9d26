//! How much a directory holds.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::fleet::DiskUsage;

/// How deep, how many entries and how long: enough for most trees, and no tree holds up the agent.
const MAX_DEPTH: usize = 16;
const MAX_ENTRIES: usize = 1_000_000;
const MAX_TIME: Duration = Duration::from_secs(2);

/// Sums up the files in a directory, without following links; gives up early if nobody waits any
/// more.
pub(crate) fn usage(path: PathBuf, is_given_up: impl Fn() -> bool) -> io::Result<DiskUsage> {
    let file_system = rustix::fs::statvfs(&path)?;
    // The directories that are being read, each in the one before it. Fails if there is no such
    // directory; what can't be read further down is only left out.
    let mut open = vec![fs::read_dir(path)?];
    let mut usage = DiskUsage {
        files: 0,
        bytes: 0,
        complete: true,
        file_system_bytes: file_system.f_blocks.saturating_mul(file_system.f_frsize),
        file_system_available_bytes: file_system.f_bavail.saturating_mul(file_system.f_frsize),
    };

    let started = Instant::now();
    let mut entries = 0;
    while let Some(directory) = open.last_mut() {
        let Some(entry) = directory.next() else {
            open.pop();
            continue;
        };
        entries += 1;
        if entries > MAX_ENTRIES || started.elapsed() > MAX_TIME || is_given_up() {
            usage.complete = false;
            break;
        }
        match entry.and_then(|entry| Ok((entry.path(), entry.metadata()?))) {
            Ok((_, metadata)) if metadata.is_file() => {
                usage.files += 1;
                usage.bytes = usage.bytes.saturating_add(metadata.len());
            }
            Ok((path, metadata)) if metadata.is_dir() => match fs::read_dir(path) {
                Ok(inner) if open.len() < MAX_DEPTH => open.push(inner),
                _ => usage.complete = false,
            },
            // A link, a pipe or the like.
            Ok(_) => {}
            Err(_) => usage.complete = false,
        }
    }
    Ok(usage)
}
