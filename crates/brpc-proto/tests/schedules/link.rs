//! One direction of the faulty link: bytes come in pieces, late, and perhaps not all of them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use brpc_proto::End;

use crate::rng::Rng;
use crate::script::LinkPlan;

/// What comes out at the far end.
#[derive(Debug)]
pub(crate) enum Arrival {
    Bytes(Vec<u8>),
    End(End),
}

/// One direction. In order, as a stream is.
#[derive(Debug)]
pub(crate) struct Pipe {
    plan: LinkPlan,
    /// Under way, with when each piece arrives.
    pieces: VecDeque<(Instant, Arrival)>,
    /// Nothing arrives before.
    held_until: Instant,
    /// Nothing is taken before.
    blocked_until: Instant,
    /// When the last piece arrives.
    last: Instant,
    /// Bytes taken.
    taken: usize,
    /// Nothing more arrives: the end is under way.
    has_ended: bool,
}

impl Pipe {
    pub(crate) fn new(plan: LinkPlan, now: Instant) -> Self {
        Self {
            plan,
            pieces: VecDeque::new(),
            held_until: now,
            blocked_until: now,
            last: now,
            taken: 0,
            has_ended: false,
        }
    }

    /// How many of `bytes` can be written now; more of many, lest there be too many turns.
    pub(crate) fn room(&self, bytes: usize, now: Instant, rng: &mut Rng) -> usize {
        let most = self.plan.room.max(bytes / 8);
        if now < self.blocked_until { 0 } else { rng.range(1, most).min(bytes) }
    }

    /// When bytes can be written.
    pub(crate) fn writable_at(&self) -> Instant {
        self.blocked_until
    }

    /// Takes bytes from the writer. What lies beyond a cut is lost, as it is when a cable breaks.
    /// Returns whether this was the cut.
    pub(crate) fn write(&mut self, bytes: &[u8], now: Instant, rng: &mut Rng) -> bool {
        let until_cut = self.plan.cut.map_or(usize::MAX, |(at, _)| at.saturating_sub(self.taken));
        self.taken += bytes.len();
        if self.has_ended {
            return false;
        }
        let (mut rest, is_cut) = (&bytes[..bytes.len().min(until_cut)], until_cut <= bytes.len());
        let most = self.plan.piece.max(bytes.len() / 4);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rng.range(1, most).min(rest.len()));
            self.push(Arrival::Bytes(piece.to_vec()), now, rng);
            rest = after;
        }
        if is_cut && let Some((_, end)) = self.plan.cut {
            if self.plan.vanishes {
                self.has_ended = true;
            } else {
                self.end(end, now, rng);
            }
        }
        if self.plan.trickle {
            self.blocked_until = now + rng.micros(3_000);
        }
        is_cut && !self.plan.vanishes
    }

    /// The writer has gone.
    pub(crate) fn end(&mut self, end: End, now: Instant, rng: &mut Rng) {
        if !self.has_ended {
            self.push(Arrival::End(end), now, rng);
            self.has_ended = true;
        }
    }

    /// The receiver stops taking bytes from the writer, for a while.
    pub(crate) fn block(&mut self, until: Instant) {
        self.blocked_until = self.blocked_until.max(until);
    }

    /// What is under way comes to a halt, for a while.
    pub(crate) fn hold(&mut self, until: Instant) {
        self.held_until = self.held_until.max(until);
    }

    /// What has arrived.
    pub(crate) fn read(&mut self, now: Instant) -> Option<Arrival> {
        if self.readable_at()? > now {
            return None;
        }
        self.pieces.pop_front().map(|(_, arrival)| arrival)
    }

    /// When something arrives.
    pub(crate) fn readable_at(&self) -> Option<Instant> {
        self.pieces.front().map(|(at, _)| (*at).max(self.held_until))
    }

    fn push(&mut self, arrival: Arrival, now: Instant, rng: &mut Rng) {
        let delay = if self.plan.delay == 0 { Duration::ZERO } else { rng.micros(self.plan.delay) };
        self.last = self.last.max(now + delay);
        self.pieces.push_back((self.last, arrival));
    }
}
