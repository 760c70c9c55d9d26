//! Whether the peer lives: each side says something at least once an interval.

use std::time::{Duration, Instant};

use brpc_core::{DisconnectReason, Limits, ProtocolError, Side};

use super::pace::Pace;
use crate::limits::{HEARTBEAT_BURST, HEARTBEAT_RATE, MIN_RATE};
use crate::message::{Beat, Message};
use crate::role::Role;

/// The heartbeats of a connection.
///
/// A side that has sent nothing for most of an interval sends a Ping. It doesn't wait for the Pong to
/// the one before, which on a slow link may be behind a frame that takes minutes; but no Ping or Pong
/// is made while another is unsent. So a side that lives is heard at least once an interval, whatever
/// it reads, and has lost its life after three without a frame. A part of a frame is as much life as
/// its bytes take at the slowest rate.
///
/// Where a link fails in one direction only, TCP still delivers the next that is sent in the other,
/// and nothing after that, no goodbye either. So the last Ping that is heard, and three intervals more,
/// must be less than four.
///
/// It costs nothing while other frames come: it looks once an interval what happened meanwhile.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    interval: Duration,
    /// How long this side may have nothing to send. On an idle connection only the hub sends Pings,
    /// since the Pongs keep the plugin from it.
    rest: Duration,
    /// When to look next: not later than something is due. Moving bytes doesn't change it.
    look: Instant,
    /// When something was last sent.
    sent: Instant,
    /// When something was last heard of the peer.
    heard: Instant,
    /// What is left of the peer's life.
    life: Pace,
    /// Whether that is all of it, since what was heard last was a whole message. Noted apart: it is
    /// asked far less often than it changes.
    is_refilled: bool,
    /// Whether a Ping is to be sent.
    is_ping_due: bool,
    /// The newest Ping of the peer, if it is to be answered.
    to_answer: Option<u64>,
    /// The number of the newest Ping that was sent.
    last: u64,
    /// The oldest Ping without a Pong, and when it was sent.
    awaited: Option<(u64, Instant)>,
    /// From the last Ping of which that is known to its Pong.
    round_trip: Option<Duration>,
    /// Whether the owner waits for a sign of life.
    is_probing: bool,
    /// For how long this side has passed nothing on; and the peer, as it said last.
    stuck: Duration,
    peer_stuck: Duration,
    /// The bytes taken of the peer's stream, as the peer was last told.
    told: u64,
    /// When the peer has earned back the heartbeats that it has sent.
    spent_until: Instant,
}

/// What a look found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// The connection goes on.
    Nothing,
    /// This side was stopped itself, so it can't blame a peer for silence.
    OwnStall,
    /// Nothing was heard of the peer.
    Silence(DisconnectReason),
}

/// How many intervals this side may be late and still judge the peer, by the time in which it was not.
const LATE: u32 = 2;

impl Heartbeat {
    pub(crate) fn new(role: Role, interval: Duration, now: Instant) -> Self {
        let rest = match role {
            Role::Hub => interval * 7 / 10,
            Role::Plugin => interval * 4 / 5,
        };
        let mut life = Pace::steady(Limits::SILENT_INTERVALS * interval);
        life.fill(now);
        Self {
            interval,
            rest,
            look: now + rest,
            sent: now,
            heard: now,
            life,
            is_refilled: false,
            is_ping_due: false,
            to_answer: None,
            last: 0,
            awaited: None,
            round_trip: None,
            is_probing: false,
            stuck: Duration::ZERO,
            peer_stuck: Duration::ZERO,
            told: 0,
            spent_until: now,
        }
    }

    /// Sends a Ping as soon as possible. The next sign of life is [reported](Self::note_input).
    pub(crate) fn probe(&mut self) {
        self.is_ping_due = true;
        self.is_probing = true;
    }

    /// Notes for how long this side passes nothing on. The end of it is told at once.
    pub(crate) fn note_stuck(&mut self, stuck: Duration) {
        self.is_ping_due |= stuck.is_zero() && !self.stuck.is_zero();
        self.stuck = stuck;
    }

    /// For how long the peer passes nothing on; zero if it does.
    pub(crate) fn peer_stuck(&self) -> Duration {
        self.peer_stuck
    }

    /// Notes for how long the peer passes nothing on. True if that has begun or ended.
    pub(crate) fn note_peer_stuck(&mut self, beat: &Beat) -> bool {
        let before = std::mem::replace(&mut self.peer_stuck, beat.stuck);
        before.is_zero() != beat.stuck.is_zero()
    }

    /// From a Ping to its Pong, as measured last.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Notes that bytes have arrived, or whole messages. True if the owner waits for it.
    #[inline]
    pub(crate) fn note_input(&mut self, bytes: u64, took_message: bool, now: Instant) -> bool {
        if took_message {
            self.is_refilled = true;
        } else if bytes > 0 {
            self.refill();
            self.life.moved(bytes, true, now);
        } else {
            return false;
        }
        self.heard = now;
        std::mem::take(&mut self.is_probing)
    }

    fn refill(&mut self) {
        if std::mem::take(&mut self.is_refilled) {
            self.life.fill(self.heard);
        }
    }

    /// Notes that something is sent.
    pub(crate) fn note_sent(&mut self, now: Instant) {
        self.sent = now;
    }

    /// Handles a Ping.
    pub(crate) fn handle_ping(&mut self, beat: &Beat, now: Instant) -> Result<(), ProtocolError> {
        self.spend(now)?;
        self.to_answer = Some(beat.number);
        Ok(())
    }

    /// Handles a Pong.
    pub(crate) fn handle_pong(&mut self, beat: &Beat, now: Instant) -> Result<(), ProtocolError> {
        self.spend(now)?;
        if let Some((number, sent)) = self.awaited
            && beat.number >= number
        {
            self.awaited = None;
            if beat.number == number {
                self.round_trip = Some(now.saturating_duration_since(sent));
            }
        }
        Ok(())
    }

    /// Whether there is something to send.
    pub(crate) fn is_due(&self) -> bool {
        self.is_ping_due || self.to_answer.is_some()
    }

    /// What is to be sent now, when so many bytes of the peer's stream were taken.
    pub(crate) fn transmit(&mut self, received: u64, now: Instant) -> [Option<Message>; 2] {
        let stuck = self.stuck;
        let beat = |number| Beat { number, received, stuck };
        let answer = self.to_answer.take().map(|number| Message::Pong(beat(number)));
        let question = std::mem::take(&mut self.is_ping_due).then(|| {
            self.last += 1;
            self.awaited.get_or_insert((self.last, now));
            Message::Ping(beat(self.last))
        });
        if answer.is_some() || question.is_some() {
            self.told = received;
        }
        [answer, question]
    }

    /// Looks whether a Ping is due, and whether the peer lives; so many bytes of its stream were
    /// taken.
    pub(crate) fn handle_timeout(&mut self, received: u64, now: Instant) -> Found {
        if self.look > now {
            return Found::Nothing;
        }
        let late = now.saturating_duration_since(self.look);
        let was_stopped = late > LATE * self.interval;
        self.refill();
        if was_stopped {
            self.life.fill(now);
        } else {
            self.life.extend(late);
        }
        if self.life.is_stalled(now) {
            let silent = now.saturating_duration_since(self.heard);
            let side = Side::Peer;
            return Found::Silence(DisconnectReason::HeartbeatTimeout { side, silent });
        }
        if self.sent + self.rest <= now || self.has_news(received) {
            self.is_ping_due = true;
        }
        let next = if self.is_ping_due { now } else { self.sent } + self.rest;
        self.look = self.life.timeout().map_or(next, |until| next.min(until));
        if was_stopped { Found::OwnStall } else { Found::Nothing }
    }

    /// When to look next.
    pub(crate) fn poll_timeout(&self) -> Instant {
        self.look
    }

    /// Whether the peer doesn't know of more bytes than the slowest reader takes in an interval. It
    /// may wait for this side to take more, and what its system holds hides that from it.
    fn has_news(&self, received: u64) -> bool {
        received - self.told >= MIN_RATE * self.interval.as_secs()
    }

    /// Pays for a heartbeat of the peer.
    fn spend(&mut self, now: Instant) -> Result<(), ProtocolError> {
        let price = Duration::from_secs(1) / HEARTBEAT_RATE;
        self.spent_until = self.spent_until.max(now) + price;
        if self.spent_until > now + HEARTBEAT_BURST * price {
            return Err(ProtocolError::TooManyHeartbeats);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
