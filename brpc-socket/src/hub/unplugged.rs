//! Plugins that were unplugged, and may not know it.

use std::collections::VecDeque;

use brpc_core::{Refusal, RefusalCode};
use tokio::time::Instant;

use super::takeover::InstanceId;

/// The plugins that were unplugged and have not said goodbye since: they were away, or their
/// connection breaks before they have left. Each is told when it dials again.
#[derive(Debug, Default)]
pub(crate) struct Unplugged(VecDeque<Entry>);

#[derive(Debug)]
struct Entry {
    instance: InstanceId,
    /// When it may come back; `None` if never.
    until: Option<Instant>,
}

impl Unplugged {
    /// Notes that a plugin is to stay away, and until when. The one that was noted first is
    /// forgotten, if they are too many.
    pub(crate) fn note(&mut self, instance: InstanceId, until: Option<Instant>) {
        self.forget(instance);
        self.0.push_back(Entry { instance, until });
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }

    /// The plugin has left by itself.
    pub(crate) fn forget(&mut self, instance: InstanceId) {
        self.0.retain(|entry| entry.instance != instance);
    }

    /// With what a plugin that dials is refused, if it is to stay away.
    pub(crate) fn refusal(&self, instance: InstanceId, now: Instant) -> Option<Refusal> {
        let entry = self.0.iter().find(|entry| entry.instance == instance)?;
        let refusal = Refusal::new(RefusalCode::Unplugged, "this plugin was unplugged");
        match entry.until {
            None => Some(refusal),
            Some(until) if until <= now => None,
            Some(until) => Some(refusal.retry_after(until - now)),
        }
    }
}

/// The most plugins that are noted, some 40 KiB. One that is away for good never asks.
const MOST: usize = 1_024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use brpc_proto::{Description, Hello};

    use super::*;

    fn instance(number: usize) -> InstanceId {
        let description = Description::new(&[brpc_core::Function::new("f")]).unwrap();
        let mut hello = Hello::new("peer", description.into());
        hello.instance[..8].copy_from_slice(&(1 + number as u64).to_be_bytes());
        InstanceId::of(&hello, None).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn each_stays_away_until_its_time() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut unplugged = Unplugged::default();
        unplugged.note(instance(1), None);
        unplugged.note(instance(2), Some(at(9)));
        assert_eq!(unplugged.refusal(instance(1), at(1_000)).unwrap().retry_after, None);
        let refusal = unplugged.refusal(instance(2), at(2)).unwrap();
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(7)));
        assert_eq!(unplugged.refusal(instance(2), at(9)), None);
        assert_eq!(unplugged.refusal(instance(3), now), None);
        unplugged.note(instance(1), Some(at(1)));
        assert_eq!(unplugged.refusal(instance(1), at(1)), None, "the last word counts");
        unplugged.forget(instance(2));
        assert_eq!(unplugged.refusal(instance(2), now), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_so_many_are_noted() {
        let now = Instant::now();
        let mut unplugged = Unplugged::default();
        for number in 0..=MOST {
            unplugged.note(instance(number), None);
        }
        assert_eq!(unplugged.0.len(), MOST);
        assert_eq!(unplugged.refusal(instance(0), now), None);
        assert!(unplugged.refusal(instance(1), now).is_some());
    }
}
