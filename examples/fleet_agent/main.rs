//! An agent of a fleet: reports on the Linux machine that it runs on to the `fleet_hub` example.
//!
//! ```console
//! $ cargo run --example fleet_hub
//! $ cargo run --example fleet_agent                  # in other terminals, as many as you like
//! $ cargo run --example fleet_agent -- --name edge --logs /var/log/nginx 192.0.2.1:8081
//! ```

mod disk;
mod proc;
mod tail;

#[path = "../support/fleet.rs"]
mod fleet;
#[path = "../support/report.rs"]
mod report;
#[path = "../support/signal.rs"]
mod signal;
#[path = "../support/states.rs"]
mod states;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brpc::{Context, MethodError, Plugin};
use fleet::{DiskUsage, Host, Processes, TailFile};
use report::Report;

/// How long calls in progress get to finish when the program is told to stop.
const GRACE: Duration = Duration::from_secs(5);

struct Agent {
    /// The only directory that files are read from.
    logs: PathBuf,
    /// How many calls there were.
    calls: AtomicU64,
}

#[brpc::plugin(version = "1")]
impl Agent {
    /// The machine, and how busy it is.
    pub fn host(&self, cx: &Context) -> Result<Host, MethodError> {
        self.log(cx, "host");
        proc::host().map_err(failed)
    }

    /// Counts the processes, and names the largest ones.
    // Marked, because thousands of files in /proc take their time.
    #[brpc(blocking)]
    pub fn processes(&self, cx: &Context, largest: usize) -> Result<Processes, MethodError> {
        self.log(cx, "processes");
        proc::processes(largest).map_err(failed)
    }

    /// Sums up the files in a directory, up to a depth, a number and a time.
    #[brpc(blocking)]
    pub fn disk_usage(&self, cx: &Context, path: PathBuf) -> Result<DiskUsage, MethodError> {
        self.log(cx, "disk_usage");
        disk::usage(path, || cx.is_cancelled()).map_err(failed)
    }

    /// The last lines of a file in the log directory.
    #[brpc(blocking)]
    pub fn tail_file(&self, cx: &Context, req: TailFile) -> Result<Vec<String>, MethodError> {
        self.log(cx, "tail_file");
        tail::last_lines(&self.logs, req).map_err(failed)
    }

    /// Says what is asked, and in whose name.
    fn log(&self, cx: &Context, method: &str) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        println!("{}: {method}", cx.trace());
    }
}

/// The hub's programs branch on a code, and its people read the message.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failed(error: io::Error) -> MethodError {
    let code = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "not_found",
        io::ErrorKind::PermissionDenied => "forbidden",
        _ => "io",
    };
    MethodError::new(code, error.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Report> {
    let Settings { hub, name, logs } = Settings::parse(std::env::args().skip(1))?;
    let stop = signal::stop_signal()?;
    let stop = async {
        stop.await;
        println!("stopping");
    };

    let plugin = Plugin::new(Agent { logs, calls: AtomicU64::new(0) }).name(&name);
    // It comes back whenever the connection is lost. The hub may give it another name, if its own is
    // taken.
    let run = plugin.run(&hub).until(stop, GRACE);
    let printing = tokio::spawn(states::print_states(run.states()));
    let reason = run.await?;
    printing.await?;
    let calls = plugin.receiver().calls.load(Ordering::Relaxed);
    println!("ended after {calls} calls: {reason}");
    Ok(())
}

struct Settings {
    hub: String,
    name: String,
    logs: PathBuf,
}

impl Settings {
    const USAGE: &str = "usage: fleet_agent [--name NAME] [--logs DIRECTORY] [HUB]";

    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Report> {
        let mut settings = Self {
            hub: "127.0.0.1:8081".to_owned(),
            name: proc::host_name().map_or_else(|_| "agent".to_owned(), |name| valid(&name)),
            logs: "/var/log".into(),
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(Self::USAGE);
            match arg.as_str() {
                "--name" => settings.name = value()?,
                "--logs" => settings.logs = value()?.into(),
                option if option.starts_with('-') => return Err(Self::USAGE.into()),
                _ => settings.hub = arg,
            }
        }
        Ok(settings)
    }
}

/// Makes a plugin's name of a host's, which may be any bytes.
fn valid(host: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = host.chars().filter(|c| allowed(*c)).take(64).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { "agent".to_owned() } else { name.to_owned() }
}
