//! Whatever arrives on the native wire, at a hub or a plugin, before or after the plugin is let in:
//! the codec returns messages or a fault, the same for any pieces, and no more memory than a frame
//! and a little. What it decodes is encoded to frames that decode to the same.
//!
//! The input's last byte chooses side, time and pieces, the rest is what the peer sends.
#![no_main]

use brpc_core::Limits;
use brpc_fuzz::memory::bounded;
use brpc_fuzz::wire::{native, speaker};
use brpc_proto::codec::{Codec as _, Fault};
use brpc_proto::{Role, WriteBuffer};
use bytes::{Buf as _, BytesMut};
use libfuzzer_sys::fuzz_target;

/// The largest frame that is accepted.
const LIMIT: usize = Limits::LOWEST_MAX_FRAME;

/// What was decoded.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    /// The messages, encoded.
    said: Vec<u8>,
    fault: Option<Fault>,
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, stream)) = input.split_last() else { return };
    let role = if choice & 1 == 0 { Role::Hub } else { Role::Plugin };
    let is_let_in = choice & 2 == 0;
    let whole = listen(role, is_let_in, [stream]);
    let piece = 1 + usize::from(choice >> 2);
    assert_eq!(listen(role, is_let_in, stream.chunks(piece)), whole, "in pieces of {piece}");
    let again = listen(role, is_let_in, [&*whole.said]);
    assert_eq!(again, Heard { fault: None, ..whole }, "encoded and decoded again");
});

/// Decodes what a peer sends in these pieces.
fn listen<'a>(role: Role, is_let_in: bool, pieces: impl IntoIterator<Item = &'a [u8]>) -> Heard {
    let (mut codec, mut peer) = (native(role, is_let_in), speaker(is_let_in));
    let (mut input, mut out, mut fault) = (BytesMut::new(), WriteBuffer::new(), None);
    'said: for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match bounded(LIMIT, || codec.decode(&mut input, LIMIT)) {
                Ok(None) => break,
                Ok(Some(message)) => peer.encode(&message, &mut out),
                Err(found) => {
                    fault = Some(found);
                    break 'said;
                }
            }
        }
    }
    Heard { said: out.copy_to_bytes(out.remaining()).into(), fault }
}
