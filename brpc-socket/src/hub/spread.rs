//! When plugins come back after a shutdown.

use std::time::Duration;

/// When plugins come back after a shutdown: each after a random wait, so that they don't storm the
/// next hub.
pub(crate) struct Spread {
    most: Duration,
}

/// How much later each further plugin comes back: a thousand in a second are no storm.
const EACH: Duration = Duration::from_millis(1);

/// The longest wait, unless one is given.
const MOST: Duration = Duration::from_secs(30);

impl Spread {
    /// For so many plugins; `most` if it is given.
    pub(crate) fn new(plugins: usize, most: Option<Duration>) -> Self {
        let plugins = u32::try_from(plugins).unwrap_or(u32::MAX);
        Self { most: most.unwrap_or_else(|| EACH.saturating_mul(plugins).min(MOST)) }
    }

    /// The wait of one of them.
    pub(crate) fn wait(&self) -> Duration {
        let wait = self.most.as_secs_f64() * brpc_rt::random();
        Duration::try_from_secs_f64(wait).unwrap_or(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_depends_on_how_many_there_are() {
        for (plugins, millis) in [(0, 0), (1, 1), (5_000, 5_000), (usize::MAX, 30_000)] {
            assert_eq!(Spread::new(plugins, None).most.as_millis(), millis);
        }
        assert_eq!(Spread::new(5_000, Some(Duration::ZERO)).most, Duration::ZERO);
    }

    #[test]
    fn they_come_back_at_different_times() {
        let spread = Spread::new(10_000, None);
        let mut waits: Vec<_> = (0..10_000).map(|_| spread.wait()).collect();
        assert!(waits.iter().all(|wait| *wait <= MOST));
        waits.sort();
        waits.dedup();
        // Two of them may be the same by chance: once in some hundred times.
        assert!(waits.len() > 9_990, "{} different waits", waits.len());
    }
}
