//! Whether connections are encrypted.

/// Whether the hub speaks TLS on the connections of a listener. The first bytes of a connection tell
/// which it is, so one port can have both.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Encryption {
    /// Without TLS only.
    Off,
    /// With TLS or without, as the plugin likes. A hub without settings for TLS has it off.
    Allowed,
    /// With TLS only. A plugin without it is refused, with the reason.
    Demanded,
}
