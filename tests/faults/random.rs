//! Numbers that look random and are the same in every run.

use std::ops::Range;

/// `SplitMix64`: small, and good enough to choose with.
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each `stream`.
    pub fn new(stream: u64) -> Self {
        let seed = std::env::var("BRPC_FAULTS_SEED").map_or(1, |seed| seed.parse().unwrap());
        Self(scramble(seed) ^ scramble(stream.wrapping_add(1 << 32)))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        scramble(self.0)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    /// Changes bytes, loses them, repeats them and makes some up, beginning within a range.
    pub fn damage(&mut self, bytes: &mut Vec<u8>, within: Range<usize>) {
        for _ in 0..=self.below(3) {
            let place = (within.start + self.below(within.len())).min(bytes.len());
            match self.below(5) {
                0 if place < bytes.len() => bytes[place] ^= 1 << self.below(8),
                1 => bytes.truncate(place),
                2 if place < bytes.len() => drop(bytes.remove(place)),
                3 => bytes.extend_from_within(place..),
                _ => {
                    let count = self.below(200);
                    bytes.splice(place..place, self.bytes(count));
                }
            }
        }
    }
}

/// Another number for each number: an answer that fits one call only.
pub fn scramble(mut n: u64) -> u64 {
    n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}
