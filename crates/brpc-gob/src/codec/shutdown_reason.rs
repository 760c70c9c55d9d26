//! The reason in the payload of a `Shutdown`, for plugins of this crate. The original has only the
//! text, and ignores a payload.

use std::time::Duration;

use brpc_core::Refusal;
use brpc_proto::codec::number;
use brpc_proto::{Farewell, Message};
use serde::{Deserialize, Serialize};

/// Why the hub ends the connection, for programs. Its numbers are those of the native wire.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ShutdownReason {
    /// The hub refuses the plugin.
    Refused {
        code: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    /// The hub says goodbye to a plugin that was registered.
    Goodbye { farewell: u16 },
}

impl ShutdownReason {
    pub(super) fn of_refusal(refusal: &Refusal) -> Self {
        let millis = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let retry_after_ms = refusal.retry_after.map(millis);
        Self::Refused { code: number::of_code(refusal.code), retry_after_ms }
    }

    pub(super) fn of_farewell(farewell: Farewell) -> Self {
        Self::Goodbye { farewell: number::of_farewell(farewell) }
    }

    /// The payload of a `Shutdown` with this reason.
    pub(super) fn payload(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers are JSON")
    }

    /// The message of a `Shutdown` with this payload and text; `None` if the payload is no reason.
    pub(super) fn message(payload: &[u8], text: &str) -> Option<Message> {
        Some(match serde_json::from_slice(payload).ok()? {
            Self::Refused { code, retry_after_ms } => {
                let refusal = Refusal::new(number::code(code), text);
                let wait = retry_after_ms.map(Duration::from_millis);
                Message::Refused(match wait {
                    Some(wait) => refusal.retry_after(wait),
                    None => refusal,
                })
            }
            Self::Goodbye { farewell } => {
                let farewell = number::farewell(farewell);
                Message::Goodbye { farewell, text: text.to_owned() }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use brpc_core::RefusalCode;
    use brpc_proto::WriteBuffer;
    use bytes::{Buf as _, BytesMut};

    use super::*;
    use crate::codec::{SHUTDOWN, hub_codec, plugin_codec};
    use crate::{EnvelopeRef, Writer};

    fn heard(bytes: &[u8]) -> Message {
        plugin_codec().decode(&mut BytesMut::from(bytes), 1 << 20).unwrap().unwrap()
    }

    /// What a plugin hears of what a hub of this crate says.
    fn carried(message: &Message) -> Message {
        let mut out = WriteBuffer::new();
        hub_codec().encode(message, &mut out);
        heard(&out.copy_to_bytes(out.remaining()))
    }

    #[test]
    fn a_refusal_arrives_as_it_is() {
        for number in 0..=20 {
            let refusal = Refusal::new(number::code(number), "no");
            let later = refusal.clone().retry_after(Duration::from_millis(1_500));
            for refusal in [refusal, later] {
                let Message::Refused(told) = carried(&Message::Refused(refusal.clone())) else {
                    panic!("{number}")
                };
                assert_eq!((&told, told.is_transient()), (&refusal, refusal.is_transient()));
            }
        }
    }

    #[test]
    fn a_registered_plugin_is_told_goodbye() {
        for farewell in [
            Farewell::Protocol,
            Farewell::TooSlow,
            Farewell::Replaced,
            Farewell::Unresponsive,
            Farewell::Revoked,
        ] {
            let goodbye = Message::Goodbye { farewell, text: "why".to_owned() };
            let Message::Goodbye { farewell: told, text } = carried(&goodbye) else { panic!() };
            assert_eq!((told, &*text), (farewell, "why"));
        }
    }

    #[test]
    fn a_hub_in_go_tells_only_a_text() {
        let taken = "handshake (conflict) plugin with the same name is already connected";
        for (error, payload, code) in [
            (taken, &b""[..], RefusalCode::NameTaken),
            ("connection is shut down", b"", RefusalCode::Other(0)),
            ("whatever", b"{\"refused\":{}}", RefusalCode::Other(0)),
        ] {
            let mut bytes = Vec::new();
            let shutdown =
                EnvelopeRef { method: SHUTDOWN, error, payload, ..EnvelopeRef::default() };
            Writer::new().envelope(shutdown, &mut bytes);
            let Message::Refused(refusal) = heard(&bytes) else { panic!("{error}") };
            assert_eq!((refusal.code, &*refusal.message), (code, error));
        }
    }
}
