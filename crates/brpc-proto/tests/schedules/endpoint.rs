//! One side of the pair: a connection, the bytes that it reads and the bytes that it writes. Does
//! what the shells do, and checks what they rely on.

use std::time::{Duration, Instant};

use brpc_proto::limits::MAX_TRANSMIT;
use brpc_proto::{Connection, End, WriteBuffer};
use bytes::{Buf, BytesMut};

use crate::frames::{Said, Tap};
use crate::link::{Arrival, Pipe};
use crate::rng::Rng;

/// The largest frame in any schedule, with room for what goes with it.
const LARGEST_FRAME: usize = (128 << 10) + 4096;

#[derive(Debug)]
pub(crate) struct Endpoint<T> {
    pub(crate) connection: Connection<T>,
    /// Bytes read that are not a whole frame yet.
    input: BytesMut,
    /// Bytes handed to the transport and not yet taken by it.
    output: BytesMut,
    /// Mischief, to be said in this side's name at the next border of frames.
    pub(crate) forged: Vec<u8>,
    /// What the connection handed to the transport.
    spoken: Tap,
    /// What arrived here.
    heard: Tap,
    /// The transport has ended, as this side knows.
    has_ended: bool,
    /// This side has ended its own direction.
    has_shut: bool,
    /// How much later than asked for a timer fires.
    timer_delay: Duration,
    /// Timers that fired since anything else happened.
    ticks: u32,
}

impl<T> Endpoint<T> {
    pub(crate) fn new(connection: Connection<T>, timer_delay: Duration) -> Self {
        Self {
            connection,
            input: BytesMut::new(),
            output: BytesMut::new(),
            forged: Vec::new(),
            spoken: Tap::new(),
            heard: Tap::new(),
            has_ended: false,
            has_shut: false,
            timer_delay,
            ticks: 0,
        }
    }

    /// Takes bytes off the connection; the frames among them.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Vec<Said>> {
        if self.has_ended || !self.output.is_empty() {
            return None;
        }
        self.output.extend_from_slice(&std::mem::take(&mut self.forged));
        let wanted = self.connection.wants_transmit();
        let mut polled = WriteBuffer::new();
        self.connection.poll_transmit(&mut polled, now);
        assert_eq!(!polled.is_empty(), wanted, "wants_transmit tells what poll_transmit gives");
        let most = MAX_TRANSMIT + LARGEST_FRAME;
        assert!(polled.remaining() <= most, "{} bytes are sent too early", polled.remaining());
        let mut said = Vec::new();
        while polled.has_remaining() {
            let count = polled.chunk().len();
            said.extend(self.spoken.take(polled.chunk()));
            self.output.extend_from_slice(polled.chunk());
            polled.advance(count);
        }
        assert_eq!(self.spoken.inside(), None, "frames are handed over whole");
        if !self.output.is_empty() {
            self.connection.handle_written(0, true, now);
        }
        Some(said)
    }

    /// Has the transport take bytes, if it has room. Returns whether it broke over them.
    pub(crate) fn write(&mut self, pipe: &mut Pipe, now: Instant, rng: &mut Rng) -> bool {
        if self.output.is_empty() {
            let is_over = self.connection.is_closed() && !self.connection.wants_transmit();
            if is_over && !self.has_shut {
                self.has_shut = true;
                pipe.end(rng.pick(&[End::Eof, End::Eof, End::Failed]), now, rng);
            }
            return false;
        }
        let count = pipe.room(self.output.len(), now, rng);
        if count == 0 {
            return false;
        }
        self.ticks = 0;
        let is_cut = pipe.write(&self.output.split_to(count), now, rng);
        self.connection.handle_written(count, !self.output.is_empty(), now);
        is_cut
    }

    /// Takes bytes from the transport; the frames that they complete. A side that is closed does
    /// not read.
    pub(crate) fn hear(&mut self, arrival: &Arrival) -> Vec<Said> {
        match arrival {
            Arrival::Bytes(bytes) if !self.connection.is_closed() => {
                self.input.extend_from_slice(bytes);
                self.heard.take(bytes)
            }
            _ => Vec::new(),
        }
    }

    /// Hands the input to the connection; true if it took some.
    pub(crate) fn feed(&mut self, now: Instant) -> bool {
        let before = self.input.len();
        if before > 0 {
            self.ticks = 0;
            self.connection.handle_input(&mut self.input, now);
        }
        self.input.len() < before
    }

    /// The transport has ended.
    pub(crate) fn end(&mut self, end: End) {
        if !self.has_ended {
            self.has_ended = true;
            self.output.clear();
            self.connection.handle_end(end);
        }
    }

    /// Lets time pass; true if a timer fired.
    pub(crate) fn tick(&mut self, now: Instant) -> bool {
        if self.timer().is_none_or(|timer| timer > now) {
            self.ticks = 0;
            return false;
        }
        self.connection.handle_timeout(now);
        // Once more at the same time is fine, for a second look; more, and the shell would never
        // sleep again.
        self.ticks += 1;
        let is_past = self.connection.poll_timeout().is_some_and(|next| next <= now);
        assert!(!is_past || self.ticks < 2, "a timer in the past");
        true
    }

    /// When the next timer fires.
    pub(crate) fn timer(&self) -> Option<Instant> {
        self.connection.poll_timeout().map(|at| at + self.timer_delay)
    }

    /// Whether bytes wait for the transport.
    pub(crate) fn is_writing(&self) -> bool {
        !self.output.is_empty()
    }

    /// The kind of the frame inside which the input so far ends; 0 if even that has not come.
    pub(crate) fn inside(&self) -> Option<u8> {
        self.heard.inside()
    }
}
