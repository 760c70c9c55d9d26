//! What both sides say in heartbeats, and what they are told.

use crate::coverage::{Coverage, Place};
use crate::frames::{Beat, Said};
use crate::link::Arrival;

#[derive(Debug)]
pub(crate) struct Beats {
    pub(crate) hub: Beating,
    pub(crate) plugin: Beating,
}

/// The heartbeats of one side.
#[derive(Debug)]
pub(crate) struct Beating {
    /// Whether what it hears may be forged.
    has_mischief: bool,
    /// Bytes that it has heard.
    heard: u64,
    /// The newest Ping that it has heard.
    asked: u64,
    /// The newest that it has answered.
    answered: u64,
    /// The newest Ping that it has sent, and what it said last.
    last: u64,
    received: u64,
    /// Whether it waits for a sign of life, and has sent a Ping for it.
    is_probing: bool,
}

impl Beats {
    pub(super) fn new(has_mischief: bool) -> Self {
        let beating = || Beating {
            has_mischief,
            heard: 0,
            asked: 0,
            answered: 0,
            last: 0,
            received: 0,
            is_probing: false,
        };
        Self { hub: beating(), plugin: beating() }
    }

    /// Whoever asked has been told, as both live.
    pub(super) fn check_quiet(&self) {
        for side in [&self.hub, &self.plugin] {
            assert!(!side.is_probing, "no sign of life: {side:?}");
        }
    }
}

impl Beating {
    /// Somebody wants to know whether the other side lives.
    pub(crate) fn probed(&mut self, is_sent: bool) {
        self.is_probing |= is_sent;
    }

    /// Somebody is told that the other side lives.
    pub(crate) fn is_told(&mut self, cover: &mut Coverage) {
        assert!(std::mem::take(&mut self.is_probing), "nobody asked");
        cover.visit(Place::Alive);
    }

    pub(crate) fn heard(&mut self, arrival: &Arrival, said: &[Said]) {
        if let Arrival::Bytes(bytes) = arrival {
            self.heard += bytes.len() as u64;
        }
        for said in said {
            if let Said::Ping(beat) = said {
                self.asked = beat.number;
            }
        }
    }

    /// What it hands to the transport at a time.
    pub(crate) fn said(&mut self, said: &[Said], cover: &mut Coverage) {
        if self.has_mischief {
            return;
        }
        let count = |is_meant: fn(&Said) -> bool| said.iter().filter(|said| is_meant(said)).count();
        let pings = count(|said| matches!(said, Said::Ping(_)));
        let answers = count(|said| matches!(said, Said::Pong(_)));
        assert!(pings <= 1 && answers <= 1, "{pings} and {answers} heartbeats at a time");
        for said in said {
            match said {
                Said::Ping(beat) => {
                    self.last += 1;
                    assert_eq!(beat.number, self.last, "they are counted");
                    self.check(*beat);
                    cover.visit(Place::Ping);
                }
                Said::Pong(beat) => {
                    let newest = self.answered + 1..=self.asked;
                    assert!(newest.contains(&beat.number), "each at most once: {self:?}");
                    self.answered = beat.number;
                    self.check(*beat);
                    cover.visit(Place::Pong);
                }
                _ => {}
            }
        }
    }

    fn check(&mut self, beat: Beat) {
        assert!(beat.received <= self.heard, "{beat:?}: more than has come: {self:?}");
        assert!(beat.received >= self.received, "{beat:?}: less than before: {self:?}");
        self.received = beat.received;
    }
}
