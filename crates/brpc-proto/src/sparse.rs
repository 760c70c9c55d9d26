//! Outputs that would keep much else in memory.

use brpc_core::Answer;
use bytes::Bytes;

use crate::limits::OWN_SLICE;

/// Finds the outputs beside which much else arrives.
///
/// An output is a slice of what was read, and it may wait for its caller for long. Mostly others like
/// it are around it. But if much else comes in between, as events or large outputs that are taken at
/// once, each small output would keep all of that in memory; then it is copied. A large one keeps at
/// most a buffer, and copying it would cost more.
#[derive(Debug, Default)]
pub(crate) struct Sparse {
    /// Bytes that arrived, above what the small outputs among them may keep.
    excess: usize,
}

/// What an output may keep beside twice its own bytes: less than a call takes at its caller's.
const FREE: usize = 256;

/// The most that is remembered: as much as two buffers for reading. What is larger is one frame, of
/// which nothing is left.
const MOST: usize = 128 * 1024;

impl Sparse {
    /// Notes a message of so many bytes.
    #[inline]
    pub(crate) fn note(&mut self, bytes: usize) {
        self.excess = (self.excess + bytes).min(MOST);
    }

    /// The output of the message that was noted last. Copied, if it would keep too much.
    #[inline]
    pub(crate) fn own(&mut self, mut answer: Answer) -> Answer {
        let kept = match &mut answer {
            Ok(output) => output,
            Err(failure) => &mut failure.data,
        };
        if kept.len() <= OWN_SLICE {
            self.excess = self.excess.saturating_sub(2 * kept.len() + FREE);
            if self.excess > 0 {
                *kept = Bytes::copy_from_slice(kept);
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether an output of so many bytes is copied, in a frame that is a little larger.
    fn copies(sparse: &mut Sparse, size: usize) -> bool {
        let output = Bytes::from(vec![7; size]);
        sparse.note(size + 10);
        let kept = sparse.own(Ok(output.clone())).expect("an output");
        assert_eq!(kept, output);
        kept.as_ptr() != output.as_ptr()
    }

    #[test]
    fn outputs_are_copied_where_much_else_arrives() {
        let mut sparse = Sparse::default();
        assert!((1..1_000).all(|size| !copies(&mut sparse, size)));
        // A little between them.
        for _ in 0..100 {
            sparse.note(200);
            assert!(!copies(&mut sparse, 1));
        }
        // Much before some of them.
        let mut slices = 0;
        for _ in 0..100 {
            sparse.note(64 * 1024);
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
