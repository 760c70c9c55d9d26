//! A line that shows the progress.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Prints the progress on the standard error: over and over in one line on a terminal, else a line
/// a second.
#[derive(Debug)]
pub(crate) struct Progress {
    what: String,
    kind: Kind,
    /// When the last line was printed.
    said: Mutex<Option<Instant>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Silent,
    OneLine,
    Lines,
}

impl Progress {
    pub(crate) fn new(what: String, is_silent: bool) -> Self {
        let kind = match (is_silent, std::io::stderr().is_terminal()) {
            (true, _) => Kind::Silent,
            (false, true) => Kind::OneLine,
            (false, false) => Kind::Lines,
        };
        Self { what, kind, said: Mutex::new(None) }
    }

    pub(crate) fn say(&self, text: &str) {
        match self.kind {
            Kind::Silent => {}
            Kind::OneLine => {
                // Back to the line's start, and what was longer before is cleared.
                eprint!("\r{}: {text}\x1b[K", self.what);
                let _ = std::io::stderr().flush();
            }
            Kind::Lines => {
                const PAUSE: Duration = Duration::from_millis(900);
                let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
                if said.is_none_or(|said| said.elapsed() >= PAUSE) {
                    *said = Some(Instant::now());
                    eprintln!("{}: {text}", self.what);
                }
            }
        }
    }

    /// Lets time pass, and prints the progress once a second.
    pub(crate) async fn wait(&self, time: Duration, text: impl Fn(Duration) -> String + Send) {
        const EACH: Duration = Duration::from_secs(1);
        let start = Instant::now();
        while let Some(left) = time.checked_sub(start.elapsed())
            && !left.is_zero()
        {
            tokio::time::sleep(left.min(EACH)).await;
            self.say(&text(start.elapsed()));
        }
    }

    /// Leaves the line, so that something else can be printed.
    pub(crate) fn end(&self) {
        if self.kind == Kind::OneLine {
            eprint!("\r\x1b[K");
        }
    }
}
