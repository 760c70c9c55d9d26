//! Limits on what a peer can make this side hold or wait for, each with the reason for its number.

use std::time::Duration;

use thiserror::Error;

/// The most methods of one plugin. Counted while they are decoded, before they are stored.
pub const MAX_METHODS: usize = 1_024;

/// The largest description of one plugin, in bytes: 1 KiB a method.
pub const MAX_DESCRIPTION: usize = 1 << 20;

/// The longest trace id, in bytes.
pub const MAX_TRACE: usize = 256;

/// The most metadata of one call: entries.
pub const MAX_METADATA_ENTRIES: usize = 64;

/// The most metadata of one call: bytes of all keys and values.
pub const MAX_METADATA_BYTES: usize = 8 * 1024;

/// The configurable limits of one connection. Each side has its own; where both limit the same
/// thing, the lower limit applies.
///
/// A limit out of its range is a mistake: [`check`](Self::check) finds it, the hub's
/// `Builder::build` panics, and the plugin's `connect` returns an error. What is longer or more than
/// any connection needs, such as [`Duration::MAX`], is in the range.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The deadline of the handshake, from the start of the connection. Default 5 s.
    ///
    /// Too low cuts off plugins on slow links; too high lets silent clients hold a place among the
    /// handshakes.
    pub hello_deadline: Duration,
    /// The largest frame that this side takes, in bytes. Default 1 MiB, at least 16 KiB, at most
    /// 64 MiB.
    ///
    /// Too low refuses legitimate payloads; each connection may hold a few frames of this size.
    pub max_frame: usize,
    /// The most calls in flight on one connection, including cancelled calls that the plugin has
    /// not yet answered. Default 1,024, at least 1.
    pub max_calls: usize,
    /// The most unsent bytes on one connection: of inputs at the hub; at the plugin of events, and of
    /// answers. Default 4 MiB.
    ///
    /// A plugin whose answers exceed it starts no handler until the hub has read some of them. It
    /// keeps as many bytes of inputs of the calls that arrive meanwhile, and answers further ones as
    /// overloaded. Handlers that run already are not held up: their outputs come in addition, so
    /// [`max_calls`](Self::max_calls) limits these.
    pub queue_bytes: usize,
    /// The most unsent calls on one connection, including those that wait for a place. Default
    /// 4,096.
    pub queue_calls: usize,
    /// Events that a plugin may send ahead of the hub's consumers. Default 1,024, at least 1.
    pub event_credit: u32,
    /// Bytes of events that a plugin may send ahead of the hub's consumers. Default 2 MiB. If it is
    /// less than twice [`max_frame`](Self::max_frame), that counts.
    pub event_credit_bytes: u64,
    /// How long a peer may send or read nothing while bytes are due. Default 10 s, at least 1 s.
    ///
    /// Over a longer time, it must send or read at least 1 KiB/s. A peer that is slow and steady may
    /// pause for longer: six times as long as before, since bytes move through the buffers of both
    /// systems in large steps. What the peer's system holds for it can't be seen from here: a peer
    /// whose buffer takes longer than this to read, as 128 KiB at 8 KiB/s, seems to read nothing. So
    /// set more where links are that slow. On Linux, this side's buffers of TCP streams that it has
    /// accepted or dialled are kept small; through other streams, such as Unix sockets, a peer must
    /// read faster.
    pub stall_window: Duration,
    /// How long a side is silent at most: the interval of heartbeats. Default 5 s, at least 1 s, at
    /// most 60 s; `None` for no heartbeats.
    ///
    /// The lower of both sides' intervals applies, and there are none if either side has none, or
    /// doesn't know them. A peer of which nothing was heard for [three
    /// intervals](Self::SILENT_INTERVALS) is cut off, with
    /// [`HeartbeatTimeout`](crate::DisconnectReason::HeartbeatTimeout): so a peer that was stopped
    /// or can't be reached is found out in 15 s by default, and in 3 s with an interval of 1 s. Too
    /// low cuts off peers on links that lose packets; without heartbeats only the system notices
    /// that a peer is gone, after minutes, and only if something is sent to it.
    pub heartbeat: Option<Duration>,
    /// How long a plugin may answer none of its calls while all its places are taken by calls that
    /// nobody waits for. Default 60 s, at least 1 s; [`Duration::MAX`] for ever.
    ///
    /// A call keeps its place when its deadline has passed or it was cancelled, until the plugin
    /// answers. A plugin that has only such calls is overloaded, and one that answers nothing would
    /// be so for ever: the hub cuts it off, with
    /// [`Unresponsive`](crate::DisconnectReason::Unresponsive), and it can dial again. Calls that
    /// somebody waits for may take as long as they like. So set more only if all places of a plugin
    /// may be taken by methods that go on without their callers for so long: those that can't be
    /// cancelled.
    pub answer_window: Duration,
}

impl Limits {
    /// The highest [`max_frame`](Self::max_frame).
    pub const HIGHEST_MAX_FRAME: usize = 64 << 20;

    /// The lowest [`max_frame`](Self::max_frame): room for the longest header and failure.
    pub const LOWEST_MAX_FRAME: usize = 16 * 1024;

    /// The longest duration: long enough to mean for ever, short enough to be added to any
    /// `Instant`.
    pub const LONGEST: Duration = Duration::from_hours(365 * 24);

    /// The shortest [`stall_window`](Self::stall_window): over less, a few lost packets count as a
    /// stall.
    pub const SHORTEST_STALL_WINDOW: Duration = Duration::from_secs(1);

    /// The default of [`heartbeat`](Self::heartbeat).
    pub const HEARTBEAT: Duration = Duration::from_secs(5);

    /// The shortest [`heartbeat`](Self::heartbeat): with less, a few lost packets count as silence.
    pub const SHORTEST_HEARTBEAT: Duration = Duration::from_secs(1);

    /// The longest [`heartbeat`](Self::heartbeat): shorter than most routers forget a connection
    /// that is silent.
    pub const LONGEST_HEARTBEAT: Duration = Duration::from_mins(1);

    /// After how many intervals of silence a peer is cut off: two heartbeats may be lost.
    pub const SILENT_INTERVALS: u32 = 3;

    /// The shortest [`answer_window`](Self::answer_window): over less, a cancel may not have been
    /// heard.
    pub const SHORTEST_ANSWER_WINDOW: Duration = Duration::from_secs(1);

    /// Whether each limit is within its range.
    ///
    /// # Errors
    /// The first limit that is not.
    pub fn check(&self) -> Result<(), LimitError> {
        let (lowest, highest) = (Self::LOWEST_MAX_FRAME, Self::HIGHEST_MAX_FRAME);
        let fault = if !(lowest..=highest).contains(&self.max_frame) {
            let expected = format!("{lowest} to {highest} bytes");
            ("max_frame", self.max_frame.to_string(), expected)
        } else if self.max_calls == 0 {
            ("max_calls", "0".to_owned(), "at least 1".to_owned())
        } else if self.event_credit == 0 {
            ("event_credit", "0".to_owned(), "at least 1".to_owned())
        } else if self.stall_window < Self::SHORTEST_STALL_WINDOW {
            let expected = format!("at least {:?}", Self::SHORTEST_STALL_WINDOW);
            ("stall_window", format!("{:?}", self.stall_window), expected)
        } else if let Some(interval) = self.heartbeat
            && !(Self::SHORTEST_HEARTBEAT..=Self::LONGEST_HEARTBEAT).contains(&interval)
        {
            let (shortest, longest) = (Self::SHORTEST_HEARTBEAT, Self::LONGEST_HEARTBEAT);
            ("heartbeat", format!("{interval:?}"), format!("{shortest:?} to {longest:?}, or none"))
        } else if self.answer_window < Self::SHORTEST_ANSWER_WINDOW {
            let expected = format!("at least {:?}", Self::SHORTEST_ANSWER_WINDOW);
            ("answer_window", format!("{:?}", self.answer_window), expected)
        } else {
            return Ok(());
        };
        let (limit, given, expected) = fault;
        Err(LimitError { limit, given, expected })
    }

    /// These limits with each value within its range.
    #[must_use]
    pub fn clamped(mut self) -> Self {
        self.hello_deadline = self.hello_deadline.min(Self::LONGEST);
        self.stall_window = self.stall_window.clamp(Self::SHORTEST_STALL_WINDOW, Self::LONGEST);
        self.heartbeat =
            self.heartbeat.map(|it| it.clamp(Self::SHORTEST_HEARTBEAT, Self::LONGEST_HEARTBEAT));
        self.answer_window = self.answer_window.clamp(Self::SHORTEST_ANSWER_WINDOW, Self::LONGEST);
        self.max_frame = self.max_frame.clamp(Self::LOWEST_MAX_FRAME, Self::HIGHEST_MAX_FRAME);
        self.max_calls = self.max_calls.clamp(1, u32::MAX as usize);
        self.event_credit = self.event_credit.max(1);
        // An event may be as large as a frame, and the hub holds back up to half of the credit
        // until it is worth a frame; with less than twice a frame, an event could wait for credit
        // for ever.
        self.event_credit_bytes = self.event_credit_bytes.max(2 * self.max_frame as u64);
        self
    }
}

/// A limit is out of its range.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{limit} is {given}; expected {expected}")]
#[non_exhaustive]
pub struct LimitError {
    /// The name of the limit, as its field in [`Limits`].
    pub limit: &'static str,
    /// What was given.
    pub given: String,
    /// The range.
    pub expected: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hello_deadline: Duration::from_secs(5),
            max_frame: 1 << 20,
            max_calls: 1_024,
            queue_bytes: 4 << 20,
            queue_calls: 4_096,
            event_credit: 1_024,
            event_credit_bytes: 2 << 20,
            stall_window: Duration::from_secs(10),
            heartbeat: Some(Self::HEARTBEAT),
            answer_window: Duration::from_mins(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_out_of_its_range_is_named_with_it() {
        let wrong = |change: fn(&mut Limits)| {
            let mut limits = Limits::default();
            change(&mut limits);
            limits.check().map_err(|error| error.to_string())
        };
        let frame = "expected 16384 to 67108864 bytes";
        let error = |text: &str| Err(text.to_owned());
        assert_eq!(wrong(|_| {}), Ok(()));
        assert_eq!(
            wrong(|limits| limits.max_frame = 128 << 20),
            error(&format!("max_frame is 134217728; {frame}"))
        );
        assert_eq!(
            wrong(|limits| limits.max_frame = 1_000),
            error(&format!("max_frame is 1000; {frame}"))
        );
        let calls = "max_calls is 0; expected at least 1";
        assert_eq!(wrong(|limits| limits.max_calls = 0), error(calls));
        let credit = "event_credit is 0; expected at least 1";
        assert_eq!(wrong(|limits| limits.event_credit = 0), error(credit));
        let window = "stall_window is 999ms; expected at least 1s";
        assert_eq!(wrong(|limits| limits.stall_window = Duration::from_millis(999)), error(window));
        let interval = "expected 1s to 60s, or none";
        assert_eq!(
            wrong(|limits| limits.heartbeat = Some(Duration::ZERO)),
            error(&format!("heartbeat is 0ns; {interval}"))
        );
        assert_eq!(
            wrong(|limits| limits.heartbeat = Some(Duration::from_secs(61))),
            error(&format!("heartbeat is 61s; {interval}"))
        );
        assert_eq!(wrong(|limits| limits.heartbeat = None), Ok(()));
        let window = "answer_window is 999ms; expected at least 1s";
        assert_eq!(
            wrong(|limits| limits.answer_window = Duration::from_millis(999)),
            error(window)
        );
        // For ever, and as much as you like.
        assert_eq!(wrong(|limits| limits.stall_window = Duration::MAX), Ok(()));
        assert_eq!(wrong(|limits| limits.hello_deadline = Duration::MAX), Ok(()));
        assert_eq!(wrong(|limits| limits.max_calls = usize::MAX), Ok(()));
        assert_eq!(wrong(|limits| limits.event_credit_bytes = 0), Ok(()));
    }
}
