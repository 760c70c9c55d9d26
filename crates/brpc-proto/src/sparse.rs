//! Outputs that would keep much else in memory.

use bytes::Bytes;

use crate::limits::OWN_SLICE;
use crate::message::Message;

/// Finds the outputs beside which much else arrives.
///
/// An output is a slice of what was read, and it may wait for its caller for long. Mostly others like
/// it are around it. But if much else comes in between, as events or large outputs that are taken at
/// once, each small output would keep all of that in memory; then it is copied. A large one keeps at
/// most a buffer, and copying it would cost more.
#[derive(Debug, Default)]
pub(super) struct Sparse {
    /// Bytes that arrived, above what the small outputs among them may keep.
    excess: usize,
}

/// What an output may keep beside twice its own bytes: less than a call takes at its caller's.
const FREE: usize = 256;

/// The most that is remembered: as much as two buffers for reading. What is larger is one frame, of
/// which nothing is left.
const MOST: usize = 128 * 1024;

impl Sparse {
    /// Notes a message of so many bytes. Copies its output, if that would keep too much.
    #[inline]
    pub(super) fn note(&mut self, message: &mut Message, bytes: usize) {
        self.excess = (self.excess + bytes).min(MOST);
        let Message::Answer { answer, .. } = message else { return };
        let kept = match answer {
            Ok(output) => output,
            Err(failure) => &mut failure.data,
        };
        if kept.len() > OWN_SLICE {
            return;
        }
        self.excess = self.excess.saturating_sub(2 * kept.len() + FREE);
        if self.excess > 0 {
            *kept = Bytes::copy_from_slice(kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use brpc_core::Metadata;

    use super::*;

    /// Whether an output of so many bytes is copied, in a frame that is a little larger.
    fn copies(sparse: &mut Sparse, size: usize) -> bool {
        let output = Bytes::from(vec![7; size]);
        let answer = Ok(output.clone());
        let mut message = Message::Answer { id: 1, answer, metadata: Metadata::default() };
        sparse.note(&mut message, size + 10);
        let Message::Answer { answer: Ok(kept), .. } = message else { panic!("an output") };
        assert_eq!(kept, output);
        kept.as_ptr() != output.as_ptr()
    }

    #[test]
    fn outputs_are_copied_where_much_else_arrives() {
        let mut sparse = Sparse::default();
        let event = |size: usize| (Message::Event(Bytes::new()), size);
        assert!((1..1_000).all(|size| !copies(&mut sparse, size)));
        // A little between them.
        for _ in 0..100 {
            let (mut event, size) = event(200);
            sparse.note(&mut event, size);
            assert!(!copies(&mut sparse, 1));
        }
        // Much before some of them.
        let mut slices = 0;
        for _ in 0..100 {
            let (mut event, size) = event(64 * 1024);
            sparse.note(&mut event, size);
            slices += (0..10).filter(|_| !copies(&mut sparse, 1)).count();
        }
        assert_eq!(slices, 0);
        // Also where that are outputs.
        for _ in 0..100 {
            assert!(!copies(&mut sparse, 16 * 1024) && copies(&mut sparse, 1));
        }
        // And again as it was.
        let again = (0..1_000).filter(|_| copies(&mut sparse, 1)).count();
        assert!(again < MOST / (FREE - 20), "{again}");
        assert!(!copies(&mut sparse, 1));
    }
}
