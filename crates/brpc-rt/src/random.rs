//! Random numbers for waits.

use std::hash::{BuildHasher as _, RandomState};

/// A random number from 0 to 1, so that many don't do the same at the same time. It keeps no secret,
/// and can't fail.
pub fn random() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits of them are enough")]
    let number = random_bits() as f64;
    #[expect(clippy::cast_precision_loss, reason = "it is nearly a power of two")]
    let most = u64::MAX as f64;
    number / most
}

/// A random number, to tell one thing from others. It keeps no secret, and can't fail.
pub(crate) fn random_bits() -> u64 {
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_spread_from_zero_to_one() {
        let mut numbers: Vec<f64> = (0..1_000).map(|_| random()).collect();
        numbers.sort_by(f64::total_cmp);
        assert!((0.0..0.1).contains(&numbers[0]) && (0.9..=1.0).contains(&numbers[999]));
        assert!((0.4..0.6).contains(&numbers[500]), "{}", numbers[500]);
    }
}
