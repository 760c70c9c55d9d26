//! Flaws that are chosen at random, from seeds that can be replayed.

use crate::raw::uint;

/// `SplitMix64`, which is the same on every machine.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}

/// Changes a few bytes: one is another, some are gone, come twice, or an integer of any size is put
/// in their place.
pub(crate) fn mutate(stream: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..=rng.below(4) {
        let start = rng.below(stream.len());
        let end = (start + 1 + rng.below(8)).min(stream.len());
        match rng.below(5) {
            0 => stream[start] ^= 1 << rng.below(8),
            1 => stream[start] = rng.next().to_le_bytes()[0],
            2 => drop(stream.drain(start..end)),
            3 => {
                let piece = stream[start..end].to_vec();
                let at = rng.below(stream.len());
                stream.splice(at..at, piece);
            }
            _ => {
                let number = uint(rng.next() >> rng.below(64));
                stream.splice(start..=start, number);
            }
        }
        if stream.is_empty() {
            stream.push(0);
        }
    }
}
