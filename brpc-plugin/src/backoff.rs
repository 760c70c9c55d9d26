//! How long a plugin waits before it dials again.

use std::time::Duration;

/// How long a plugin waits before it dials again; for [`Run::backoff`](crate::Run::backoff).
///
/// Each wait is random, from zero up to a limit, so that a thousand plugins that lost their hub at
/// the same moment don't dial at the same moment. The limit of the first wait is
/// [`first`](Self::first). That of the second one is [`least`](Self::least), and it doubles with each
/// further wait up to [`most`](Self::most). After a connection that held for
/// [`healthy`](Self::healthy), it begins anew.
///
/// If the hub says when to come back, the wait begins then.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Backoff {
    first: Duration,
    least: Duration,
    most: Duration,
    healthy: Duration,
}

impl Backoff {
    /// Waits that don't grow: random ones up to this limit, for ever. For a hub that must have its
    /// plugins back soon, and that can bear their attempts.
    #[must_use]
    pub fn constant(limit: Duration) -> Self {
        Self { first: limit, least: limit, most: limit, ..Self::default() }
    }

    /// The limit of the first wait after a connection. Default 1 s.
    ///
    /// Too low lets all plugins of a hub dial at once when it restarts.
    #[must_use]
    pub fn first(mut self, limit: Duration) -> Self {
        self.first = limit;
        self
    }

    /// The limit of the second wait. Default 100 ms.
    #[must_use]
    pub fn least(mut self, limit: Duration) -> Self {
        self.least = limit;
        self
    }

    /// The highest limit of a wait. Default 30 s.
    ///
    /// Too high keeps plugins away for long after their hub is back; too low makes them dial a hub
    /// that is down all the time.
    #[must_use]
    pub fn most(mut self, limit: Duration) -> Self {
        self.most = limit;
        self
    }

    /// How long a connection must hold for the waits to begin anew. Default 60 s.
    ///
    /// Too low makes plugins dial ever again, without a pause, a hub that cuts them off soon.
    #[must_use]
    pub fn healthy(mut self, held: Duration) -> Self {
        self.healthy = held;
        self
    }

    /// Whether the waits begin anew after a connection that held for so long.
    pub(crate) fn is_healthy(&self, held: Duration) -> bool {
        held >= self.healthy
    }

    /// The wait after so many others; `random` is from 0 to 1.
    pub(crate) fn wait(&self, earlier: u32, random: f64) -> Duration {
        let limit = match earlier.checked_sub(1) {
            None => self.first,
            Some(doublings) => {
                let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
                self.least.saturating_mul(factor).min(self.most)
            }
        };
        let wait = limit.as_secs_f64() * random.clamp(0.0, 1.0);
        Duration::try_from_secs_f64(wait).unwrap_or(limit)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            least: Duration::from_millis(100),
            most: Duration::from_secs(30),
            healthy: Duration::from_mins(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(backoff: &Backoff, count: u32) -> Vec<u128> {
        (0..count).map(|earlier| backoff.wait(earlier, 1.0).as_millis()).collect()
    }

    #[test]
    fn a_second_first_and_then_doubling_up_to_half_a_minute() {
        let backoff = Backoff::default();
        let expected =
            [1_000, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000];
        assert_eq!(limits(&backoff, 12), expected);
        assert_eq!(backoff.wait(u32::MAX, 1.0), Duration::from_secs(30), "however many there were");
    }

    #[test]
    fn each_wait_is_any_part_of_its_limit() {
        let backoff = Backoff::default();
        for (random, millis) in [(0.0, 0), (0.25, 250), (1.0, 1_000), (7.0, 1_000), (-1.0, 0)] {
            assert_eq!(backoff.wait(0, random), Duration::from_millis(millis));
        }
    }

    #[test]
    fn constant_waits_do_not_grow() {
        assert_eq!(limits(&Backoff::constant(Duration::from_millis(7)), 4), [7; 4]);
    }

    #[test]
    fn no_setting_overflows() {
        let backoff = Backoff::default().least(Duration::MAX).most(Duration::MAX);
        assert_eq!(backoff.wait(40, 1.0), Duration::MAX);
    }
}
