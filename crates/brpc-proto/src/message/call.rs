//! A call: made, queued, sent and received.

use std::time::{Duration, Instant};

use brpc_core::limits::{MAX_METADATA_BYTES, MAX_METADATA_ENTRIES, MAX_TRACE};
use brpc_core::{CallErrorKind, Metadata, Stage};
use bytes::Bytes;

use super::resume::{Continued, Course, Resumable};

/// A call: made, queued, sent and received.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The number of the method.
    pub method: u32,
    /// The encoded input; empty for none.
    pub payload: Bytes,
    /// The timeout, from when the connection gets the call; `None` for none.
    pub timeout: Option<Duration>,
    /// The caller's trace id; empty for none.
    pub trace: String,
    /// The caller's keys and values for the handler.
    pub metadata: Metadata,
    /// What to do if no place is free. It isn't sent.
    pub admission: Admission,
    /// How the call outlives its connection; `None` if it doesn't.
    pub resumable: Option<Box<Resumable>>,
}

pub use brpc_core::Admission;

impl Call {
    /// Which call goes on, if the plugin has it.
    #[inline]
    pub(crate) fn continued(&self) -> Option<Continued> {
        match self.course() {
            Course::GoesOn(continued) => Some(*continued),
            Course::New | Course::Again => None,
        }
    }

    /// What it has behind it.
    #[inline]
    pub(crate) fn course(&self) -> &Course {
        self.resumable.as_ref().map_or(&Course::New, |resumable| &resumable.course)
    }

    /// Its deadline, if the connection gets it now.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        now.checked_add(self.timeout?)
    }

    /// Its timeout as it is sent, in milliseconds: rounded up, and never 0, which stands for none.
    pub(crate) fn timeout_ms(&self) -> u64 {
        timeout_ms(self.timeout)
    }

    /// Whether it can be sent, whatever its size.
    pub(crate) fn check(&self) -> Result<(), CallErrorKind> {
        self.check_texts()?;
        if self.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(CallErrorKind::DeadlineExceeded { stage: Stage::Queued });
        }
        Ok(())
    }

    /// Checks what the peer would count as a breach.
    fn check_texts(&self) -> Result<(), CallErrorKind> {
        let (path, message) = if self.trace.len() > MAX_TRACE {
            ("trace", format!("a trace id has at most {MAX_TRACE} bytes"))
        } else if !self.metadata.is_sendable() {
            let limits = format!("{MAX_METADATA_ENTRIES} entries and {MAX_METADATA_BYTES} bytes");
            ("metadata", format!("metadata has at most {limits}"))
        } else {
            return Ok(());
        };
        Err(CallErrorKind::InvalidInput { path: path.to_owned(), message })
    }
}

/// A timeout as it is sent, in milliseconds: rounded up, and never 0, which stands for none.
pub(crate) fn timeout_ms(timeout: Option<Duration>) -> u64 {
    let round_up = |left: Duration| millis(left.saturating_add(Duration::from_nanos(999_999)));
    timeout.map_or(0, |left| round_up(left).max(1))
}

/// A duration as it is sent, in milliseconds; one that is too long becomes the longest.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
