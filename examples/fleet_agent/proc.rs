//! What the kernel says of itself and of the processes.

use std::fs;
use std::io;
use std::str::FromStr;

use crate::fleet::{Host, Process, Processes};

pub(crate) fn host_name() -> io::Result<String> {
    Ok(read("/proc/sys/kernel/hostname")?.trim().to_owned())
}

pub(crate) fn host() -> io::Result<Host> {
    let uptime: f64 = first(&read("/proc/uptime")?)?;
    let memory = read("/proc/meminfo")?;
    Ok(Host {
        name: host_name()?,
        kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        uptime_seconds: std::time::Duration::try_from_secs_f64(uptime).map_or(0, |up| up.as_secs()),
        load: first(&read("/proc/loadavg")?)?,
        memory_bytes: kilobytes(&memory, "MemTotal:"),
        memory_available_bytes: kilobytes(&memory, "MemAvailable:"),
    })
}

pub(crate) fn processes(largest: usize) -> io::Result<Processes> {
    /// However many the hub asks for, the answer fits into a frame.
    const MOST: usize = 100;
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that has ended meanwhile isn't counted.
        if let Ok(status) = read(&format!("/proc/{pid}/status")) {
            let name = field(&status, "Name:").unwrap_or_default().to_owned();
            all.push(Process { pid, name, memory_bytes: kilobytes(&status, "VmRSS:") });
        }
    }
    let count = all.len();
    all.sort_by_key(|process| std::cmp::Reverse(process.memory_bytes));
    all.truncate(largest.min(MOST));
    Ok(Processes { count, largest: all })
}

/// Reads a file of the kernel's; its error names the file.
fn read(path: &str) -> io::Result<String> {
    fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))
}

/// The first word of a text, as a number.
fn first<T: FromStr>(text: &str) -> io::Result<T> {
    let word = text.split_whitespace().next().and_then(|word| word.parse().ok());
    word.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// What follows a key on its line.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim)
}

/// A size, in bytes; 0 if it isn't given, as for a process of the kernel.
fn kilobytes(text: &str, key: &str) -> u64 {
    let size =
        field(text, key).and_then(|size| size.strip_suffix("kB")?.trim().parse::<u64>().ok());
    size.unwrap_or(0) * 1024
}
