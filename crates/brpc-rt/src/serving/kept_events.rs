//! Events that wait until their plugin is connected.

use std::collections::VecDeque;

use bytes::Bytes;

/// Which events are kept while the plugin is not connected; for `Plugin::keep_events`.
///
/// They are sent when it is connected again, in their order and before new ones. If there are too
/// many, the oldest are dropped, unless [`drop_newest`](Self::drop_newest) says otherwise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeepEvents {
    capacity: usize,
    capacity_bytes: usize,
    drops_newest: bool,
}

impl KeepEvents {
    /// The most events. Default 1,024.
    #[must_use]
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events;
        self
    }

    /// The most bytes of events, as they are sent. Default 1 MiB.
    #[must_use]
    pub fn capacity_bytes(mut self, bytes: usize) -> Self {
        self.capacity_bytes = bytes;
        self
    }

    /// If there is no room, drops the new event instead of the oldest: to send it then fails, as it
    /// does if no events are kept.
    #[must_use]
    pub fn drop_newest(mut self) -> Self {
        self.drops_newest = true;
        self
    }
}

impl Default for KeepEvents {
    fn default() -> Self {
        Self { capacity: 1_024, capacity_bytes: 1 << 20, drops_newest: false }
    }
}

/// The events that are kept.
#[derive(Debug)]
pub(super) struct KeptEvents {
    settings: KeepEvents,
    events: VecDeque<Bytes>,
    /// The bytes of these.
    bytes: usize,
    /// How many were dropped since this was last told.
    dropped: u64,
}

impl KeptEvents {
    pub(super) fn new(settings: KeepEvents) -> Self {
        Self { settings, events: VecDeque::new(), bytes: 0, dropped: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Keeps an event. False if it is dropped at once.
    pub(super) fn push(&mut self, event: &[u8]) -> bool {
        let KeepEvents { capacity, capacity_bytes, drops_newest } = self.settings;
        let never_fits = capacity == 0 || event.len() > capacity_bytes;
        let is_full = |kept: &Self| {
            kept.events.len() >= capacity || kept.bytes + event.len() > capacity_bytes
        };
        if never_fits || (drops_newest && is_full(self)) {
            self.dropped += 1;
            return false;
        }
        while is_full(self) && self.pop().is_some() {
            self.dropped += 1;
        }
        self.bytes += event.len();
        self.events.push_back(Bytes::copy_from_slice(event));
        true
    }

    /// The event that is sent next.
    pub(super) fn front(&self) -> Option<&Bytes> {
        self.events.front()
    }

    /// Takes the event that is sent next.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let event = self.events.pop_front()?;
        self.bytes -= event.len();
        if self.events.is_empty() {
            // Idle plugins hold no room for what happened once.
            self.events = VecDeque::new();
        }
        Some(event)
    }

    /// Drops the event that would be sent next: the hub doesn't take it.
    pub(super) fn drop_front(&mut self) {
        if self.pop().is_some() {
            self.dropped += 1;
        }
    }

    /// How many were dropped since this was last asked.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept of these events, and how many were dropped.
    fn kept(settings: KeepEvents, events: &[&str]) -> (Vec<String>, u64) {
        let mut kept = KeptEvents::new(settings);
        for event in events {
            kept.push(event.as_bytes());
        }
        let dropped = kept.take_dropped();
        let mut texts = Vec::new();
        while let Some(event) = kept.pop() {
            texts.push(String::from_utf8(event.to_vec()).unwrap());
        }
        assert_eq!((kept.bytes, kept.take_dropped()), (0, 0));
        (texts, dropped)
    }

    #[test]
    fn the_oldest_make_room() {
        let settings = KeepEvents::default().capacity(2);
        assert_eq!(kept(settings, &["1", "2", "3", "4"]), (vec!["3".into(), "4".into()], 2));
        let settings = KeepEvents::default().capacity_bytes(5);
        assert_eq!(
            kept(settings, &["11", "22", "3", "4444"]),
            (vec!["3".into(), "4444".into()], 2)
        );
    }

    #[test]
    fn the_newest_are_dropped_if_that_is_asked_for() {
        let settings = KeepEvents::default().capacity(2).drop_newest();
        assert_eq!(kept(settings, &["1", "2", "3", "4"]), (vec!["1".into(), "2".into()], 2));
        let settings = KeepEvents::default().capacity_bytes(3).drop_newest();
        assert_eq!(kept(settings, &["11", "22", "3"]), (vec!["11".into(), "3".into()], 1));
    }

    #[test]
    fn what_never_fits_pushes_nothing_out() {
        let settings = KeepEvents::default().capacity_bytes(3);
        assert_eq!(kept(settings, &["1", "4444", "2"]), (vec!["1".into(), "2".into()], 1));
        assert_eq!(kept(KeepEvents::default().capacity(0), &["1", ""]), (vec![], 2));
    }
}
