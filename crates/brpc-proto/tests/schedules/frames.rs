//! Frames as a stranger would read and write them: from `docs/protocol.md`, not from the crate.

use brpc_core::{Answer, Failure, Status};
use bytes::Bytes;

/// Bytes of a preface.
pub(crate) const PREFACE: usize = 8;

/// What a frame says, as far as the model cares.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    Call {
        id: u64,
        trace: String,
        timeout_ms: u64,
    },
    Cancel {
        id: u64,
    },
    Drain,
    Answer {
        id: u64,
        answer: Answer,
    },
    Metadata,
    Event {
        size: usize,
    },
    Leave {
        last_id: u64,
    },
    Goodbye {
        code: u64,
    },
    Ping(Beat),
    Pong(Beat),
    /// What the model doesn't follow.
    Other(u8),
}

/// What a heartbeat says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beat {
    pub(crate) number: u64,
    pub(crate) received: u64,
}

impl Said {
    /// Whether it is a heartbeat.
    pub(crate) fn is_beat(&self) -> bool {
        matches!(self, Self::Ping(_) | Self::Pong(_))
    }

    /// The id of a call.
    pub(crate) fn called(&self) -> Option<u64> {
        match self {
            Self::Call { id, .. } => Some(*id),
            _ => None,
        }
    }
}

/// Cuts one direction's bytes into frames. Blind after the first breach, as the receiver is.
#[derive(Debug)]
pub(crate) struct Tap {
    rest: Vec<u8>,
    preface_left: usize,
    is_broken: bool,
}

impl Tap {
    pub(crate) fn new() -> Self {
        Self { rest: Vec::new(), preface_left: PREFACE, is_broken: false }
    }

    /// Takes bytes in; the frames that they complete.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> Vec<Said> {
        let mut said = Vec::new();
        if self.is_broken {
            return said;
        }
        let preface = self.preface_left.min(bytes.len());
        self.preface_left -= preface;
        bytes = &bytes[preface..];
        self.rest.extend_from_slice(bytes);
        let mut start = 0;
        while let Some((&size, after)) = self.rest[start..].split_first_chunk::<4>() {
            let size = u32::from_be_bytes(size) as usize;
            if size == 0 || size > 1 << 20 {
                self.is_broken = true;
                break;
            }
            let Some(frame) = after.get(..size) else { break };
            let Some(read) = read(frame[0], &mut Reader(&frame[1..])) else {
                self.is_broken = true;
                break;
            };
            said.push(read);
            start += 4 + size;
        }
        self.rest.drain(..start);
        said
    }

    /// The kind of the frame inside which the bytes so far end; 0 for the preface and for a frame
    /// whose kind has not come.
    pub(crate) fn inside(&self) -> Option<u8> {
        let is_inside = !self.rest.is_empty() || (1..PREFACE).contains(&self.preface_left);
        is_inside.then(|| self.rest.get(4).copied().unwrap_or(0))
    }
}

/// Takes fields off a frame's body.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<String> {
        let size = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn payload(&self) -> Bytes {
        Bytes::copy_from_slice(self.0)
    }
}

fn read(kind: u8, body: &mut Reader<'_>) -> Option<Said> {
    Some(match kind {
        0x10 => {
            let (id, _method, timeout_ms) = (body.number()?, body.number()?, body.number()?);
            Said::Call { id, trace: body.text()?, timeout_ms }
        }
        0x11 => Said::Cancel { id: body.number()? },
        0x13 => Said::Drain,
        0x18 => Said::Answer { id: body.number()?, answer: Ok(body.payload()) },
        0x19 => {
            let (id, status) = (body.number()?, body.byte()?);
            let known = usize::from(status).checked_sub(1).and_then(|place| STATUSES.get(place));
            let status = known.copied().unwrap_or(Status::Unspecified);
            let (code, message) = (body.text()?, body.text()?);
            let failure = Failure::new(status, message).with_code(code).with_data(body.payload());
            Said::Answer { id, answer: Err(failure) }
        }
        0x1A => Said::Event { size: body.0.len() },
        0x1C => Said::Metadata,
        0x1B => Said::Leave { last_id: body.number()? },
        0x1F => Said::Goodbye { code: body.number()? },
        0x20 => Said::Ping(Beat { number: body.number()?, received: body.number()? }),
        0x21 => Said::Pong(Beat { number: body.number()?, received: body.number()? }),
        kind => Said::Other(kind),
    })
}

/// By their numbers on the wire, from 1.
const STATUSES: [Status; 10] = [
    Status::Method,
    Status::Panicked,
    Status::InvalidOutput,
    Status::MethodNotFound,
    Status::InvalidInput,
    Status::Overloaded,
    Status::Draining,
    Status::Expired,
    Status::Cancelled,
    Status::Forbidden,
];

/// A frame of this kind and body.
pub(crate) fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len() + 1).expect("test frames are small");
    [&size.to_be_bytes()[..], &[kind], body].concat()
}

/// A number, seven bits a byte.
pub(crate) fn number(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}
