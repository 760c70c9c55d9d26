//! A call, as it is made, waits to be sent, travels and arrives.

use std::time::{Duration, Instant};

use brpc_core::limits::{MAX_METADATA_BYTES, MAX_METADATA_ENTRIES, MAX_TRACE};
use brpc_core::{CallError, Metadata, Stage};
use bytes::Bytes;

/// Identifies a call on its connection. Counted up from 1 and never used again.
pub type CallId = u64;

/// A call: as it is made, waits to be sent, travels and arrives.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Which of the described methods.
    pub method: u32,
    /// The encoded input; empty for none.
    pub payload: Bytes,
    /// How much time it has, from when the connection knows of it; `None` for no limit.
    pub timeout: Option<Duration>,
    /// The caller's trace id; empty for none.
    pub trace: String,
    /// The caller's keys and values for the handler.
    pub metadata: Metadata,
    /// What to do if there is no place for it. It doesn't travel.
    pub admission: Admission,
}

pub use brpc_core::Admission;

impl Call {
    /// When its time is over, if the connection knows of it now.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        now.checked_add(self.timeout?)
    }

    /// Whether it can be sent, in a frame of at most this size.
    pub(crate) fn check(&self, max_frame: usize) -> Result<(), CallError> {
        self.check_texts()?;
        if self.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(CallError::DeadlineExceeded { stage: Stage::Queued });
        }
        let size = self.frame_size();
        if size > max_frame {
            return Err(CallError::InputTooLarge { size, limit: max_frame });
        }
        Ok(())
    }

    /// Checks what the peer would take for a breach of the protocol.
    fn check_texts(&self) -> Result<(), CallError> {
        let (path, message) = if self.trace.len() > MAX_TRACE {
            ("trace", format!("a trace id has at most {MAX_TRACE} bytes"))
        } else if !self.metadata.is_sendable() {
            let limits = format!("{MAX_METADATA_ENTRIES} entries and {MAX_METADATA_BYTES} bytes");
            ("metadata", format!("metadata has at most {limits}"))
        } else {
            return Ok(());
        };
        Err(CallError::InvalidInput { path: path.to_owned(), message })
    }

    /// How large its frame can be, with the longest numbers.
    fn frame_size(&self) -> usize {
        const NUMBERS: usize = 1 + 10 + 5 + 10 + 2;
        let texts = self.metadata.iter().map(|(key, value)| key.len() + value.len() + 4);
        NUMBERS + 2 + self.trace.len() + texts.sum::<usize>() + self.payload.len()
    }
}

/// A duration as it travels: in milliseconds, and the longest for what is longer.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
