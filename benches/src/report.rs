//! The result of one measurement, as one line of JSON and as a few lines for people.

use std::fmt;

use serde::Serialize;

use crate::Error;
use crate::flags::{Runtime, Scenario, Setup, System};
use crate::latency::Latency;
use crate::load::{Measured, per};
use crate::meter::{Each, Processes};
use crate::tally::Tally;

/// All that was measured. What a scenario doesn't measure is left out.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    system: &'static str,
    mode: System,
    scenario: Scenario,
    rt: Runtime,
    inflight: u32,
    payload: u32,
    connections: u32,
    idle: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    /// Seconds over which it was measured.
    seconds: f64,
    /// Calls answered in them, or events read.
    calls: u64,
    calls_per_s: f64,
    /// Calls that ended in an error, and those not answered at all.
    errors: u64,
    /// Answers that belonged to another call.
    mismatches: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_error: Option<String>,
    /// As the callers saw them; at a fixed rate, from when a call was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency_us: Option<Latency>,
    /// As they would be at even times; see [`Measured::corrected`].
    #[serde(skip_serializing_if = "Option::is_none")]
    corrected_us: Option<Latency>,
    /// CPU time that was used in the measured time, for each call that was answered in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_us_per_call: Option<CpuTime>,
    peak_rss_kb: Each<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) broadcast: Option<Broadcast>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<Memory>,
    /// CPU time while the plugins did nothing, in hundredths of one CPU's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at_rest: Option<Each<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connect: Option<Connect>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) churn: Option<Churn>,
}

/// Microseconds a call.
#[derive(Debug, Serialize)]
struct CpuTime {
    #[serde(flatten)]
    each: Each<f64>,
    total: f64,
}

/// Calls to all plugins.
#[derive(Debug, Serialize)]
pub(crate) struct Broadcast {
    /// How many were measured.
    pub(crate) broadcasts: usize,
    pub(crate) median_ms: f64,
    pub(crate) min_ms: f64,
    pub(crate) max_ms: f64,
}

/// Memory of plugins that do nothing, by how much the processes grew.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) hub_kib_per_plugin: f64,
    pub(crate) plugin_kib_per_plugin: f64,
}

/// Time from the first dial to the last plugin's being connected, on both sides.
#[derive(Debug, Serialize)]
pub(crate) struct Connect {
    pub(crate) ms: f64,
    pub(crate) plugins_per_s: f64,
    /// CPU time a plugin.
    pub(crate) cpu_us: Each<f64>,
}

/// Plugins that came, were called and left.
#[derive(Debug, Serialize)]
pub(crate) struct Churn {
    pub(crate) lives: u64,
    pub(crate) lives_per_s: f64,
}

impl Report {
    /// A report without calls.
    pub(crate) fn new(setup: &Setup, processes: &Processes) -> Result<Self, Error> {
        Ok(Self {
            system: setup.system.family(),
            mode: setup.system,
            scenario: setup.scenario,
            rt: setup.rt,
            inflight: setup.inflight,
            payload: setup.payload,
            connections: setup.connections,
            idle: setup.idle,
            rate: setup.rate,
            seconds: 0.0,
            calls: 0,
            calls_per_s: 0.0,
            errors: 0,
            mismatches: 0,
            first_error: None,
            latency_us: None,
            corrected_us: None,
            cpu_us_per_call: None,
            peak_rss_kb: processes.peak_memory()?,
            broadcast: None,
            memory: None,
            at_rest: None,
            connect: None,
            churn: None,
        })
    }

    /// Adds the outcomes of the calls.
    #[must_use]
    pub(crate) fn with_calls(mut self, tally: &Tally, measured: &Measured) -> Self {
        self.seconds = measured.time.as_secs_f64();
        self.calls = measured.calls;
        self.calls_per_s = measured.calls_per_second();
        self.cpu_us_per_call = CpuTime::new(measured);
        self.with_errors(tally)
    }

    /// Adds how long the calls took.
    #[must_use]
    pub(crate) fn with_latencies(mut self, setup: &Setup, measured: &Measured) -> Self {
        self.latency_us = Some(Latency::new(&measured.latencies));
        // At a fixed rate there is nothing to correct.
        if setup.rate.is_none() {
            let callers = u64::from(setup.inflight) * u64::from(setup.connections);
            self.corrected_us = Some(Latency::new(&measured.corrected(callers)));
        }
        self
    }

    fn with_errors(mut self, tally: &Tally) -> Self {
        self.errors = tally.errors();
        self.mismatches = tally.mismatches();
        self.first_error = tally.first_error();
        self
    }
}

impl CpuTime {
    /// `None` if there were no calls.
    fn new(measured: &Measured) -> Option<Self> {
        if measured.calls == 0 {
            return None;
        }
        let each = measured.cpu.micros_per(per(measured.calls, 1.0));
        let total = each.caller + each.callee + each.broker.unwrap_or_default();
        Some(Self { each, total })
    }
}

/// For people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = self.mode;
        writeln!(
            f,
            "{} of {mode}, {} plugins, {} bytes",
            self.scenario, self.connections, self.payload
        )?;
        if let Some(Connect { ms, plugins_per_s, cpu_us }) = &self.connect {
            write!(f, "  connected     in {ms:.0} ms, {plugins_per_s:.0} a second; ")?;
            let Each { caller, callee, .. } = cpu_us;
            writeln!(f, "{caller:.1} µs CPU of the hub each, {callee:.1} plugins")?;
        }
        if let Some(Memory { hub_kib_per_plugin, plugin_kib_per_plugin }) = &self.memory {
            write!(f, "  idle plugin   {hub_kib_per_plugin:.1} KiB in the hub, ")?;
            writeln!(f, "{plugin_kib_per_plugin:.1} KiB of its own")?;
        }
        if let Some(Each { caller, callee, .. }) = &self.at_rest {
            writeln!(
                f,
                "  at rest       {caller:.2} % of a CPU in the hub, {callee:.2} % in plugins"
            )?;
        }
        if let Some(Broadcast { broadcasts, median_ms, min_ms, max_ms }) = &self.broadcast {
            write!(f, "  a broadcast   {median_ms:.2} ms ")?;
            writeln!(f, "({min_ms:.2} to {max_ms:.2}, {broadcasts} of them)")?;
        }
        if let Some(Churn { lives, lives_per_s }) = &self.churn {
            writeln!(f, "  lives         {lives}, {lives_per_s:.0} a second")?;
        }
        if self.calls > 0 {
            write!(f, "  answers       {:.0} a second, ", self.calls_per_s)?;
            writeln!(f, "{} in {:.2} s", self.calls, self.seconds)?;
        }
        for (what, latency) in [("latency", &self.latency_us), ("corrected", &self.corrected_us)] {
            if let Some(latency) = latency {
                writeln!(f, "  {what:<13} {latency}")?;
            }
        }
        if let Some(CpuTime { each, total }) = &self.cpu_us_per_call {
            write!(f, "  CPU a call    {total:.2} µs: {:.2} hub, ", each.caller)?;
            writeln!(f, "{:.2} plugins{}", each.callee, Broker(each.broker, " µs"))?;
        }
        let Each { caller, callee, broker } = self.peak_rss_kb;
        writeln!(
            f,
            "  peak memory   {caller} KiB hub, {callee} KiB plugins{}",
            Broker(broker, " KiB")
        )?;
        write!(f, "  wrong         {} errors, {} mismatches", self.errors, self.mismatches)?;
        self.first_error.iter().try_for_each(|error| write!(f, "; the first: {error}"))
    }
}

/// What the third process took, if there is one.
struct Broker<T>(Option<T>, &'static str);

impl<T: fmt::Display> fmt::Display for Broker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|used| write!(f, ", {used:.2}{} broker", self.1))
    }
}
