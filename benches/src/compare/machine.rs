//! What the machine is, and who else uses it.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use nix::unistd::{SysconfVar, sysconf};

use crate::Error;

/// Processor, number of CPUs, and kernel.
pub(super) fn name() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cpus} CPUs, Linux {}", kernel.trim())
}

/// Measures how much CPU time processes use that this one has not started.
#[derive(Debug)]
pub(super) struct Watch {
    start: Instant,
    /// CPU time of all processes so far.
    all: Duration,
    /// That of those which this one has started, and of itself.
    own: Duration,
}

impl Watch {
    pub(super) fn start() -> Result<Self, Error> {
        Ok(Self { start: Instant::now(), all: all()?, own: own()? })
    }

    /// How many CPUs others used since the start, on average.
    pub(super) fn foreign_cpus(&self) -> Result<f64, Error> {
        let all = all()?.saturating_sub(self.all);
        let foreign = all.saturating_sub(own()?.saturating_sub(self.own));
        Ok(foreign.as_secs_f64() / self.start.elapsed().as_secs_f64())
    }
}

/// CPU time of all processes, without that of interrupts, which is nobody's.
fn all() -> Result<Duration, Error> {
    let stat = fs::read_to_string("/proc/stat")?;
    // user, nice, system, in ticks.
    let ticks = stat.split_whitespace().skip(1).take(3).map(str::parse::<u64>);
    let ticks = ticks.sum::<Result<u64, _>>()?;
    let a_second = sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100);
    Ok(Duration::from_millis(ticks * 1_000 / u64::try_from(a_second)?))
}

/// CPU time of this process and of those that it has waited for.
fn own() -> Result<Duration, Error> {
    let mut own = Duration::ZERO;
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let usage = getrusage(who)?;
        for time in [usage.user_time(), usage.system_time()] {
            own += Duration::from_micros(u64::try_from(time.num_microseconds())?);
        }
    }
    Ok(own)
}
