//! Event credit: how much a side may send ahead of the peer's consumers.

use crate::terms::Credit;

/// The peer's credit, and the credit that is due back to it.
#[derive(Debug)]
pub(crate) struct Granted {
    /// Credit that the peer has, as far as this side knows.
    events: u32,
    bytes: u64,
    /// Credit to return with the next `Credit` frame.
    returned_events: u32,
    returned_bytes: u64,
    /// The initial credit.
    initial_events: u32,
    initial_bytes: u64,
}

impl Granted {
    pub(crate) fn new(Credit { events, bytes }: Credit) -> Self {
        Self {
            events,
            bytes,
            returned_events: 0,
            returned_bytes: 0,
            initial_events: events,
            initial_bytes: bytes,
        }
    }

    /// Spends an event's credit; false, and nothing is spent, if the peer has too little.
    pub(crate) fn spend(&mut self, bytes: u64) -> bool {
        let is_paid = self.covers(bytes);
        if is_paid {
            self.events -= 1;
            self.bytes -= bytes;
        }
        is_paid
    }

    /// Whether the credit covers an event of so many bytes.
    pub(crate) fn covers(&self, bytes: u64) -> bool {
        self.events > 0 && self.bytes >= bytes
    }

    /// Notes that events were consumed.
    pub(crate) fn give_back(&mut self, events: u32, bytes: u64) {
        self.returned_events += events;
        self.returned_bytes += bytes;
    }

    /// Whether a Credit frame is due: when half of the credit is consumed, so that one frame covers
    /// many events.
    pub(crate) fn is_return_due(&self) -> bool {
        self.initial_events > 0 && self.is_half_returned()
    }

    fn is_half_returned(&self) -> bool {
        self.returned_events >= self.initial_events.div_ceil(2)
            || self.returned_bytes >= self.initial_bytes.div_ceil(2)
    }

    /// Returns all consumed credit, on a wire without Credit frames.
    pub(crate) fn take_all(&mut self) {
        self.events += std::mem::take(&mut self.returned_events);
        self.bytes += std::mem::take(&mut self.returned_bytes);
    }

    /// The credit to return now.
    pub(crate) fn take_returned(&mut self) -> Option<(u32, u64)> {
        if !self.is_return_due() {
            return None;
        }
        let (events, bytes) = (self.returned_events, self.returned_bytes);
        (self.returned_events, self.returned_bytes) = (0, 0);
        self.events += events;
        self.bytes += bytes;
        Some((events, bytes))
    }
}

/// This side's credit.
#[derive(Debug)]
pub(crate) struct Available {
    events: u32,
    bytes: u64,
}

impl Available {
    pub(crate) fn new(Credit { events, bytes }: Credit) -> Self {
        Self { events, bytes }
    }

    /// Spends an event's credit, if there is enough.
    pub(crate) fn spend(&mut self, bytes: u64) -> bool {
        if self.events == 0 || self.bytes < bytes {
            return false;
        }
        self.events -= 1;
        self.bytes -= bytes;
        true
    }

    /// Adds the credit that the hub returned; false if the sum overflows.
    pub(crate) fn add(&mut self, events: u32, bytes: u64) -> bool {
        match (self.events.checked_add(events), self.bytes.checked_add(bytes)) {
            (Some(events), Some(bytes)) => {
                (self.events, self.bytes) = (events, bytes);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(events: u32, bytes: u64) -> (Granted, Available) {
        let credit = Credit { events, bytes };
        (Granted::new(credit), Available::new(credit))
    }

    #[test]
    fn credit_goes_round() {
        let (mut hub, mut plugin) = both(4, 100);
        for _ in 0..1000 {
            while plugin.spend(7) {
                assert!(hub.spend(7));
                hub.give_back(1, 7);
            }
            let (events, bytes) = hub.take_returned().unwrap();
            assert!(plugin.add(events, bytes));
        }
        assert!(plugin.spend(100));
    }

    #[test]
    fn what_is_held_back_never_blocks_the_largest_event() {
        let mut limits = brpc_core::Limits::default();
        limits.event_credit_bytes = 1;
        let limits = limits.clamped();
        let (credit, largest) = (limits.event_credit_bytes, limits.max_frame as u64 - 1);
        let (mut hub, mut plugin) = both(256, credit);
        for small in [1, 100, credit / 2 - 1] {
            assert!(plugin.spend(small));
            assert!(hub.spend(small));
            hub.give_back(1, small);
            if let Some((events, bytes)) = hub.take_returned() {
                plugin.add(events, bytes);
            }
            assert!(plugin.spend(largest), "after an event of {small} bytes");
            assert!(hub.spend(largest));
            hub.give_back(1, largest);
            let (events, bytes) = hub.take_returned().unwrap();
            plugin.add(events, bytes);
        }
    }

    #[test]
    fn unlimited_credit_comes_back_too() {
        let mut hub = both(u32::MAX, u64::MAX).0;
        (hub.events, hub.returned_events) = (0, 1 << 31);
        assert_eq!(hub.take_returned(), Some((1 << 31, 0)));
    }

    #[test]
    fn more_than_the_credit_is_not_paid() {
        let mut hub = both(1, 100).0;
        assert!(hub.spend(10));
        hub.give_back(1, 10);
        assert!(!hub.spend(10));
        assert!(!both(5, 10).0.spend(11));
    }
}
