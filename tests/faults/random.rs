//! Numbers that look random and are the same in every run.

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
}

/// Another number for each number: an answer that fits one call only.
pub fn scramble(mut n: u64) -> u64 {
    n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}
