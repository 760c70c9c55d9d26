//! Slows down those who fail to prove who they are.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::network::Network;

/// Networks from which plugins have failed to prove who they are. After each failure nobody from there
/// is asked again for a while: a second, and each time twice as long.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    failures: HashMap<Network, Failures>,
    /// The networks by when they failed last.
    by_age: BTreeMap<u64, Network>,
    /// The number of the last failure of all.
    last: u64,
}

/// The failures of one network.
#[derive(Debug)]
struct Failures {
    /// The number of the last one, of all.
    number: u64,
    in_a_row: u32,
    /// Until when nobody is asked.
    until: Instant,
}

impl Throttle {
    /// How long nobody from this network is asked; `None` if somebody may be.
    pub(crate) fn wait(&self, network: Network) -> Option<Duration> {
        let table = self.0.lock();
        let until = table.failures.get(&network)?.until;
        until.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero())
    }

    /// Notes a failure. Those of the network that failed last before all others are forgotten, if they
    /// are too many.
    pub(crate) fn fail(&self, network: Network) {
        let now = Instant::now();
        let mut table = self.0.lock();
        let before = table.forget(network);
        // After a long pause it begins anew.
        let before = before.filter(|before| now < before.until + LONGEST);
        let in_a_row = before.map_or(0, |before| before.in_a_row).saturating_add(1);
        let wait = FIRST.saturating_mul(1_u32.checked_shl(in_a_row - 1).unwrap_or(u32::MAX));
        table.last += 1;
        let number = table.last;
        let until = now + wait.min(LONGEST);
        table.failures.insert(network, Failures { number, in_a_row, until });
        table.by_age.insert(number, network);
        if table.failures.len() > MOST
            && let Some((_, oldest)) = table.by_age.pop_first()
        {
            table.failures.remove(&oldest);
        }
    }

    /// Somebody from this network has proved who it is.
    pub(crate) fn succeed(&self, network: Network) {
        self.0.lock().forget(network);
    }
}

impl Table {
    fn forget(&mut self, network: Network) -> Option<Failures> {
        let failures = self.failures.remove(&network)?;
        self.by_age.remove(&failures.number);
        Some(failures)
    }
}

/// How long nobody is asked after the first failure. Short, for one who has mistyped.
const FIRST: Duration = Duration::from_secs(1);

/// The longest wait: enough that a network has less than 300 guesses a day.
const LONGEST: Duration = Duration::from_mins(5);

/// The most networks that are noted, about 1 MiB.
const MOST: usize = 10_000;

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn network(number: u32) -> Network {
        Network::V4(number.to_be_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn each_failure_doubles_the_wait_up_to_five_minutes() {
        let throttle = Throttle::default();
        assert_eq!(throttle.wait(network(1)), None);
        for expected in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            throttle.fail(network(1));
            assert_eq!(throttle.wait(network(1)), Some(Duration::from_secs(expected)));
            assert_eq!(throttle.wait(network(2)), None, "others are not slowed down");
            advance(Duration::from_secs(expected)).await;
            assert_eq!(throttle.wait(network(1)), None);
        }
        throttle.succeed(network(1));
        throttle.fail(network(1));
        assert_eq!(throttle.wait(network(1)), Some(FIRST), "it begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_pause_is_forgiven() {
        let throttle = Throttle::default();
        throttle.fail(network(1));
        throttle.fail(network(1));
        advance(Duration::from_secs(2) + LONGEST).await;
        throttle.fail(network(1));
        assert_eq!(throttle.wait(network(1)), Some(FIRST));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_so_many_are_noted() {
        let throttle = Throttle::default();
        for number in 0..=10_000 {
            throttle.fail(network(number));
        }
        let table = throttle.0.lock();
        assert_eq!((table.failures.len(), table.by_age.len()), (MOST, MOST));
        drop(table);
        assert_eq!(throttle.wait(network(0)), None);
        assert!(throttle.wait(network(1)).is_some());
        // Many more in a row do no harm.
        (0..100).for_each(|_| throttle.fail(network(7)));
        assert_eq!(throttle.wait(network(7)), Some(LONGEST));
    }
}
