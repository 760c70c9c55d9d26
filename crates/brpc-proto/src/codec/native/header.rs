//! The headers of frames, one struct a kind. All are flat, since postcard has no depth limit.
//!
//! Only a new kind or a new version adds fields.

use brpc_core::ProtocolError;
use brpc_core::limits::MAX_METADATA_ENTRIES;
use postcard::experimental::serialized_size;
use serde::{Deserialize, Serialize};

use super::frame::Frame;
use super::list::List;
use crate::limits::{MAX_EXTENSIONS, MAX_RECALLED, MAX_SEEN};
use crate::message::kind;

/// A frame's header.
pub(crate) trait Header<'a>: Serialize + Deserialize<'a> {
    /// The kind of the frame.
    const KIND: u8;

    /// Whether a payload may follow.
    const HAS_PAYLOAD: bool = false;

    /// Decodes the header of a frame.
    fn decode(frame: &'a Frame) -> Result<Self, ProtocolError> {
        Ok(Self::decode_with_payload(frame)?.0)
    }

    /// Decodes the header of a frame; returns it with the start of the payload in the body.
    fn decode_with_payload(frame: &'a Frame) -> Result<(Self, usize), ProtocolError> {
        let kind = frame.kind;
        if kind != Self::KIND {
            return Err(ProtocolError::UnexpectedFrame { kind });
        }
        let malformed = |_| ProtocolError::Malformed { kind };
        let (header, payload) = postcard::take_from_bytes(&frame.body).map_err(malformed)?;
        let size = frame.body.len() - payload.len();
        // Everything but a number has one form only, so a header that is longer than this side
        // would encode it has a number in a longer form.
        if size != serialized_size(&header).map_err(malformed)? {
            return Err(ProtocolError::Overlong { kind });
        }
        if !Self::HAS_PAYLOAD && !payload.is_empty() {
            return Err(ProtocolError::TrailingBytes { kind });
        }
        Ok((header, size))
    }
}

/// Plugin to hub, first: identifies the plugin. Its layout is the same in every version.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Hello<'a> {
    /// The lowest version of the protocol that the plugin speaks.
    pub(crate) min_version: u8,
    /// The highest.
    pub(crate) max_version: u8,
    /// Bits for optional parts of the protocol.
    pub(crate) features: u64,
    /// The largest frame that it accepts, in bytes.
    pub(crate) max_frame: u32,
    /// The most calls in flight that it accepts.
    pub(crate) max_calls: u32,
    /// The name that it asks for.
    pub(crate) name: &'a str,
    /// Its own version, for people.
    pub(crate) version: &'a str,
    /// Random, the same for the life of its process; a secret between plugin and hub.
    pub(crate) instance: [u8; 16],
    /// SHA-256 of the body of its `Describe`.
    pub(crate) digest: [u8; 32],
    /// Numbered additions; a hub skips those that it doesn't know.
    #[serde(borrow)]
    pub(crate) extensions: Extensions<'a>,
}

/// Hub to plugin: asks for a proof.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Challenge {
    /// Random, fresh for each connection.
    pub(crate) nonce: [u8; 32],
}

/// Plugin to hub: answers a Challenge.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Proof {
    /// HMAC-SHA-256 of both nonces and the Hello, with the secret.
    pub(crate) mac: [u8; 32],
}

/// Numbered additions to the handshake.
pub(crate) type Extensions<'a> = List<(u16, &'a [u8]), MAX_EXTENSIONS>;

/// The numbers of the extensions of a `Hello` and a `Welcome`.
pub(crate) mod extension {
    /// In a `Hello`: the plugin's labels.
    pub(crate) const LABELS: u16 = 1;
    /// In both: the interval of heartbeats.
    pub(crate) const HEARTBEAT: u16 = 2;
    /// In a `Hello`: which methods are idempotent.
    pub(crate) const IDEMPOTENT: u16 = 3;
    /// In a `Hello`: the plugin's token.
    pub(crate) const TOKEN: u16 = 4;
    /// In a `Hello`: what the plugin offers to prove.
    pub(crate) const KEY: u16 = 5;
}

/// Hub to plugin: the `Hello` is valid.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Accepted {
    /// Whether the plugin must describe itself; false if the hub knows a description with that
    /// digest.
    pub(crate) describe: bool,
}

/// Hub to plugin, last: the plugin is refused. Its layout is the same in every version.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Refused<'a> {
    /// A [`RefusalCode`](brpc_core::RefusalCode).
    pub(crate) code: u16,
    /// For people.
    pub(crate) message: &'a str,
    /// How long to wait before the next attempt, in milliseconds, if the hub knows.
    pub(crate) retry_after_ms: Option<u64>,
    /// The lowest version of the protocol that the hub speaks.
    pub(crate) min_version: u8,
    /// The highest.
    pub(crate) max_version: u8,
}

/// Hub to plugin: the plugin is registered, on these terms.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Welcome<'a> {
    /// The version of the protocol from here on: the highest that both speak.
    pub(crate) version: u8,
    /// The versions that the hub speaks, so that the plugin can check the choice.
    pub(crate) hub_versions: (u8, u8),
    /// The versions of the Hello, so that the plugin can check that they arrived unchanged.
    pub(crate) plugin_versions: (u8, u8),
    /// Bits of the features that both sides have.
    pub(crate) features: u64,
    /// Random, the same for the life of the hub.
    pub(crate) epoch: [u8; 16],
    /// The plugin's name on this hub; not always the one that it asked for.
    pub(crate) name: &'a str,
    /// The number of this connection; rises within an epoch.
    pub(crate) generation: u64,
    /// The largest frame that the hub accepts, in bytes.
    pub(crate) max_frame: u32,
    /// The most calls in flight, for both sides.
    pub(crate) max_calls: u32,
    /// Initial credit: how many events the plugin may send.
    pub(crate) credit_events: u32,
    /// Initial credit: how many bytes of events.
    pub(crate) credit_bytes: u64,
    /// Numbered additions; a plugin skips those that it doesn't know.
    #[serde(borrow)]
    pub(crate) extensions: Extensions<'a>,
}

/// Hub to plugin: calls a method. The payload is the input.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Call<'a> {
    /// Rises from call to call.
    pub(crate) id: u64,
    /// The number of a described method, from 0.
    pub(crate) method: u32,
    /// The time left until its deadline, in milliseconds, rounded up; 0 if it has none.
    pub(crate) timeout_ms: u64,
    /// The caller's trace id.
    pub(crate) trace: &'a str,
    /// The caller's metadata.
    #[serde(borrow)]
    pub(crate) metadata: Pairs<'a>,
}

/// Hub to plugin: calls a method, and the call may go on over another connection. The payload is the
/// input.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Resumable<'a> {
    /// How long after the loss of the connection it may go on, in milliseconds.
    pub(crate) window_ms: u64,
    // The rest as in a Call. Not a Call inside: then the compiler makes the two share their code, and
    // every call pays for that.
    pub(crate) id: u64,
    pub(crate) method: u32,
    pub(crate) timeout_ms: u64,
    pub(crate) trace: &'a str,
    #[serde(borrow)]
    pub(crate) metadata: Pairs<'a>,
}

/// Hub to plugin: a call of an earlier connection goes on.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Continue {
    /// Its id from now on; rises as that of a Call.
    pub(crate) id: u64,
    /// The number of the connection on which it was sent as Resumable.
    pub(crate) generation: u64,
    /// Its id there.
    pub(crate) old_id: u64,
    /// The time left until its deadline, in milliseconds, rounded up; 0 if it has none.
    pub(crate) timeout_ms: u64,
}

/// Hub to plugin: the answer to a resumable call has arrived.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Confirm {
    pub(crate) id: u64,
}

/// Hub to plugin: all calls that go on were named.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Resumed {}

/// Hub to plugin: cancels a call. The plugin still answers it.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Cancel {
    pub(crate) id: u64,
}

/// Hub to plugin: returns credit for events.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Credit {
    pub(crate) events: u32,
    pub(crate) bytes: u64,
}

/// Hub to plugin: answer the calls and leave. No call follows.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Drain<'a> {
    /// Why: 1 the plugin is unplugged, 2 the hub is shutting down.
    pub(crate) why: u8,
    /// How long the hub waits, in milliseconds.
    pub(crate) grace_ms: u64,
    /// The trace id of the request to leave.
    pub(crate) trace: &'a str,
}

/// Hub to plugin: dial again when the connection has ended.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Return {
    /// After how long at the earliest, in milliseconds.
    pub(crate) after_ms: u64,
}

/// Plugin to hub: a call's output, in the payload.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Reply {
    pub(crate) id: u64,
}

/// Plugin to hub: why a call has no output. The payload is an error's data.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Failed<'a> {
    pub(crate) id: u64,
    /// A [`Status`](brpc_core::Status).
    pub(crate) status: u8,
    /// An error's code, or the JSON path of what is wrong with an input.
    pub(crate) code: &'a str,
    /// For people.
    pub(crate) message: &'a str,
}

/// Plugin to hub: the metadata of the answer in the next frame.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Metadata<'a> {
    /// Keys and values.
    #[serde(borrow)]
    pub(crate) pairs: Pairs<'a>,
}

/// Metadata: keys and values.
pub(crate) type Pairs<'a> = List<(&'a str, &'a str), MAX_METADATA_ENTRIES>;

/// Plugin to hub, first after Welcome: what it knows of earlier connections.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Resume {
    /// Earlier connections by number, each with the id of its newest call that has arrived.
    pub(crate) seen: List<(u64, u64), MAX_SEEN>,
    /// The calls that it still runs, or of which it holds the answer: connection and id.
    pub(crate) kept: List<(u64, u64), MAX_RECALLED>,
    /// Whether another Resume follows.
    pub(crate) more: bool,
}

/// Plugin to hub: an event, in the payload.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Event {}

/// Plugin to hub: it answers its calls and leaves. It doesn't start calls above this id.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Leave {
    pub(crate) last_id: u64,
}

/// Either way: asks for a Pong.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Ping {
    /// What both carry.
    pub(crate) beat: Beat,
}

/// Either way: answers a Ping.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Pong {
    /// What both carry.
    pub(crate) beat: Beat,
}

/// What Ping and Pong carry.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Beat {
    /// Of the Ping.
    pub(crate) number: u64,
    /// How many bytes of the other side's stream the sender has taken.
    pub(crate) received: u64,
    /// For how long the sender has not passed on what arrived, in milliseconds.
    pub(crate) stuck_ms: u64,
}

/// Either way, last: the connection ends.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Goodbye<'a> {
    /// A [`Farewell`](crate::message::Farewell).
    pub(crate) code: u16,
    /// For people.
    pub(crate) message: &'a str,
}

/// A Goodbye with the code of silence.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct GoodbyeSilent<'a> {
    /// Which it is.
    pub(crate) code: u16,
    /// For people.
    pub(crate) message: &'a str,
    /// For how long nothing was heard of the other side, in milliseconds.
    pub(crate) silent_ms: u64,
}

macro_rules! kinds {
    ($($header:ty = $kind:ident $($payload:literal)?;)*) => {$(
        impl<'a> Header<'a> for $header {
            const KIND: u8 = kind::$kind;
            $(const HAS_PAYLOAD: bool = $payload;)?
        }
    )*};
}

kinds! {
    Hello<'a> = HELLO;
    Challenge = CHALLENGE;
    Proof = PROOF;
    Accepted = ACCEPTED;
    Refused<'a> = REFUSED;
    Welcome<'a> = WELCOME;
    Call<'a> = CALL true;
    Resumable<'a> = RESUMABLE true;
    Continue = CONTINUE;
    Confirm = CONFIRM;
    Resumed = RESUMED;
    Cancel = CANCEL;
    Credit = CREDIT;
    Drain<'a> = DRAIN;
    Return = RETURN;
    Reply = REPLY true;
    Failed<'a> = FAILED true;
    Event = EVENT true;
    Leave = LEAVE;
    Metadata<'a> = METADATA;
    Resume = RESUME;
    Ping = PING;
    Pong = PONG;
    Goodbye<'a> = GOODBYE;
    GoodbyeSilent<'a> = GOODBYE;
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn frame(kind: u8, body: &[u8]) -> Frame {
        Frame { kind, body: Bytes::copy_from_slice(body) }
    }

    #[test]
    fn what_follows_a_header_without_payload_is_an_error() {
        assert_eq!(Cancel::decode(&frame(kind::CANCEL, &[5])), Ok(Cancel { id: 5 }));
        let kind = kind::CANCEL;
        assert_eq!(
            Cancel::decode(&frame(kind, &[5, 0])),
            Err(ProtocolError::TrailingBytes { kind })
        );
    }

    #[test]
    fn f05_f06_numbers_have_one_form() {
        let kind = kind::CANCEL;
        assert_eq!(Cancel::decode(&frame(kind, &[0x85, 0])), Err(ProtocolError::Overlong { kind }));
        let malformed = Err(ProtocolError::Malformed { kind });
        let too_large = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2];
        assert_eq!(Cancel::decode(&frame(kind, &too_large)), malformed);
        assert_eq!(Cancel::decode(&frame(kind, &[0xFF; 11])), malformed);
        assert_eq!(Cancel::decode(&frame(kind, &[])), malformed);
    }

    #[test]
    fn texts_are_utf8() {
        let kind = kind::GOODBYE;
        assert_eq!(
            Goodbye::decode(&frame(kind, &[1, 1, 0xFF])),
            Err(ProtocolError::Malformed { kind })
        );
    }

    #[test]
    fn a_payload_is_what_is_left() {
        let frame = frame(kind::REPLY, &[5, b'4', b'2']);
        assert_eq!(Reply::decode_with_payload(&frame), Ok((Reply { id: 5 }, 1)));
    }
}
