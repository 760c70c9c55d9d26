//! Bytes that no honest side would send. They break the protocol, but they don't lie about calls:
//! what a plugin says of a call that it alone has seen, nobody can check.

use crate::frames::{frame, number};
use crate::rng::Rng;
use crate::script::Side;

/// One kind of mischief.
#[derive(Clone, Debug)]
pub(crate) enum Mischief {
    /// These bytes, whatever has gone before.
    Bytes(Vec<u8>),
    /// So many more answers to a call that is answered already.
    AnswerAgain(usize),
    /// So many cancels and credits that change nothing.
    Flood(usize),
}

/// An id that no call of a schedule reaches.
const FAR_ID: u64 = 1_000_000;

impl Mischief {
    /// Some mischief against this side.
    pub(crate) fn new(against: Side, rng: &mut Rng) -> Self {
        match (against, rng.range(0, 3)) {
            (Side::Hub, 0) => Self::AnswerAgain(rng.pick(&[1, 2, 40])),
            (Side::Plugin, 0) => Self::Flood(rng.pick(&[1, 300])),
            (_, 1) => Self::Bytes(to_either(rng)),
            (Side::Hub, _) => Self::Bytes(to_hub(rng)),
            (Side::Plugin, _) => Self::Bytes(to_plugin(rng)),
        }
    }

    /// The bytes, given the ids that were answered and the newest that was called.
    pub(crate) fn bytes(&self, answered: &[u64], newest: u64) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::AnswerAgain(times) => {
                let again = |id: &u64| frame(0x18, &[number(*id), b"again".to_vec()].concat());
                answered.last().map(again).unwrap_or_default().repeat(*times)
            }
            Self::Flood(times) => {
                let cancel = if newest == 0 { Vec::new() } else { frame(0x11, &number(newest)) };
                [cancel, frame(0x12, &[0, 0])].concat().repeat(*times)
            }
        }
    }
}

/// What neither side takes, or not often.
fn to_either(rng: &mut Rng) -> Vec<u8> {
    match rng.range(0, 8) {
        0 => vec![0; 4],
        1 => vec![0xFF; 40],
        2 => vec![0, 0x7F, 0, 0],
        3 => frame(rng.pick(&[0x00, 0x06, 0x07, 0x08, 0x14, 0x20, 0x7F, 0xC0, 0xFF]), b"?"),
        4 => frame(0x80, b"of a later version").repeat(rng.pick(&[1, 3, 20])),
        5 => frame(rng.pick(&[0x01, 0x02, 0x03, 0x04, 0x05]), &[0; 8]),
        // A goodbye with more than one behind it, and one that isn't text.
        6 => frame(0x1F, &[1, 0, 0]),
        7 => frame(0x1F, &[1, 1, 0xFF]),
        // One for each reason, and one to come.
        _ => frame(0x1F, &[rng.pick(&[1, 2, 3, 4, 5, 99]), 2, b'n', b'o']),
    }
}

fn to_hub(rng: &mut Rng) -> Vec<u8> {
    let metadata = frame(0x1C, &[1, 1, b'k', 1, b'v']);
    match rng.range(0, 9) {
        0 => frame(0x18, &number(rng.pick(&[0, FAR_ID, u64::MAX]))),
        1 => frame(0x18, &[0x85, 0x80, 0]),
        2 => frame(0x18, &[]),
        3 => frame(0x19, &[1, 1, 1, 0xFF, 0]),
        4 => frame(0x1A, &[0xFF; 9]).repeat(300),
        5 => frame(0x1B, &number(u64::MAX)),
        6 => frame(0x1B, &number(u64::MAX)).repeat(2),
        7 => metadata.repeat(2),
        8 => [metadata, frame(0x1A, &[0xFF; 9])].concat(),
        _ => frame(rng.pick(&[0x10, 0x11, 0x12, 0x13]), &[1, 0]),
    }
}

fn to_plugin(rng: &mut Rng) -> Vec<u8> {
    let call = |id: u64, method: u8| frame(0x10, &[&number(id)[..], &[method, 0, 0, 0]].concat());
    match rng.range(0, 8) {
        0 => frame(0x11, &number(rng.pick(&[0, FAR_ID, u64::MAX]))),
        1 => frame(0x12, &[&number(u64::from(u32::MAX))[..], &[0]].concat()).repeat(2),
        2 => call(0, 0),
        3 => call(FAR_ID, 0).repeat(2),
        4 => call(FAR_ID, 99),
        5 => (0..20).flat_map(|n| call(FAR_ID + n, 0)).collect(),
        6 => frame(0x13, &[1, 0, 0]).repeat(2),
        7 => frame(0x13, &[9, 0, 0]),
        _ => frame(rng.pick(&[0x18, 0x19, 0x1A, 0x1B]), &[1, 0, 0, 0]),
    }
}
