//! A call to be made.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::limits::{MAX_METADATA_BYTES, MAX_METADATA_ENTRIES, MAX_TRACE};
use crate::{CallError, Metadata, Stage};

/// Identifies a call on its connection. Counted up from 1 and never used again.
pub type CallId = u64;

/// A call to be made.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// The method's number.
    pub method: u32,
    /// The encoded input; empty for none.
    pub payload: Bytes,
    /// How much time it has, from when the connection knows of it; `None` for no limit.
    pub timeout: Option<Duration>,
    /// The trace id; empty for none.
    pub trace: String,
    /// Keys and values for the handler.
    pub metadata: Metadata,
    /// What to do when there is no place for it.
    pub admission: Admission,
}

/// What to do with a call when as many are in progress as may be.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Admission {
    /// Refuse it at once.
    Refuse,
    /// Let it wait for a place, in the order of arrival.
    Wait,
}

#[cfg(test)]
impl NewCall {
    /// A call of the first method, with nothing that could be left out.
    pub(super) fn without_input(admission: Admission) -> Self {
        let (payload, trace, metadata) = (Bytes::new(), String::new(), Metadata::new());
        Self { method: 0, payload, timeout: None, trace, metadata, admission }
    }
}

impl NewCall {
    /// When its time is over, if the connection knows of it now.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        now.checked_add(self.timeout?)
    }

    /// Whether it can be sent with an input of so many bytes, in a frame of at most this size.
    pub(super) fn check(&self, input: usize, max_frame: usize) -> Result<(), CallError> {
        self.check_texts()?;
        if self.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(CallError::DeadlineExceeded { stage: Stage::Queued });
        }
        let size = self.frame_size(input);
        if size > max_frame {
            return Err(CallError::InputTooLarge { size, limit: max_frame });
        }
        Ok(())
    }

    /// Checks what the plugin would take for a breach of the protocol.
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

    /// How large a call's frame can be, with the longest numbers.
    fn frame_size(&self, input: usize) -> usize {
        const NUMBERS: usize = 1 + 10 + 5 + 10 + 2;
        let texts = self.metadata.iter().map(|(key, value)| key.len() + value.len() + 4);
        NUMBERS + 2 + self.trace.len() + texts.sum::<usize>() + input
    }
}

/// A duration as it travels: in milliseconds, and the longest for what is longer.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
