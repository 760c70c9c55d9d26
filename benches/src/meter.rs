//! CPU time and memory of the processes.

use std::fs;
use std::time::Duration;

use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use serde::Serialize;

use crate::Error;

/// The processes that are measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processes {
    /// The hub's; by default, this one.
    caller: Pid,
    /// The plugins'.
    callee: Pid,
    /// The one between them, in systems that have one.
    broker: Option<Pid>,
}

/// Something of each process.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Each<T> {
    pub(crate) caller: T,
    pub(crate) callee: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) broker: Option<T>,
}

impl Processes {
    pub(crate) fn new(callee: Pid, broker: Option<Pid>) -> Self {
        Self { caller: Pid::this(), callee, broker }
    }

    /// The same, with the hub in another process than this one.
    #[cfg(feature = "go")]
    pub(crate) fn with_hub(self, hub: Pid) -> Self {
        Self { caller: hub, ..self }
    }

    /// CPU time so far, in the kernel and outside of it, of all threads.
    pub(crate) fn cpu(&self) -> Result<Each<Duration>, Error> {
        self.each(cpu)
    }

    /// Resident memory, in KiB.
    pub(crate) fn memory(&self) -> Result<Each<u64>, Error> {
        self.each(|pid| status(pid, "VmRSS:"))
    }

    /// The most resident memory so far, in KiB.
    pub(crate) fn peak_memory(&self) -> Result<Each<u64>, Error> {
        self.each(|pid| status(pid, "VmHWM:"))
    }

    fn each<T>(&self, measure: impl Fn(Pid) -> Result<T, Error>) -> Result<Each<T>, Error> {
        let broker = self.broker.map(&measure).transpose()?;
        Ok(Each { caller: measure(self.caller)?, callee: measure(self.callee)?, broker })
    }
}

impl Each<Duration> {
    pub(crate) fn since(self, start: Self) -> Self {
        let broker = self.broker.zip(start.broker).map(|(now, start)| now.saturating_sub(start));
        Self {
            caller: self.caller.saturating_sub(start.caller),
            callee: self.callee.saturating_sub(start.callee),
            broker,
        }
    }

    /// How many hundredths of one CPU's time that is, if it took so long.
    pub(crate) fn percent_of(self, time: Duration) -> Each<f64> {
        // Of a microsecond a second, a ten thousandth.
        self.micros_per(time.as_secs_f64() * 1e4)
    }

    /// Microseconds for each of so many.
    pub(crate) fn micros_per(self, count: f64) -> Each<f64> {
        let micros = |time: Duration| 1e6 * time.as_secs_f64() / count;
        let Self { caller, callee, broker } = self;
        Each { caller: micros(caller), callee: micros(callee), broker: broker.map(micros) }
    }
}

fn cpu(pid: Pid) -> Result<Duration, Error> {
    Ok(clock_getcpuclockid(pid)?.now()?.into())
}

/// A line of the process's status, in KiB.
fn status(pid: Pid, key: &str) -> Result<u64, Error> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let value = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(value.ok_or_else(|| format!("no `{key}` in the status of {pid}"))?.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_and_used_time() {
        let this = Processes::new(Pid::this(), None);
        assert!(this.cpu().unwrap().caller > Duration::ZERO);
        assert!(this.peak_memory().unwrap().callee >= this.memory().unwrap().caller / 2);
    }
}
