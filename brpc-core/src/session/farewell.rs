//! Why a side says goodbye, as the other side is told.

/// Why the hub asks a plugin to leave.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DrainCause {
    /// This plugin is not wanted any more.
    Unplug,
    /// The hub shuts down.
    Shutdown,
}

impl DrainCause {
    pub(crate) fn to_wire(self) -> u8 {
        match self {
            Self::Unplug => 1,
            Self::Shutdown => 2,
        }
    }

    pub(crate) fn from_wire(why: u8) -> Option<Self> {
        match why {
            1 => Some(Self::Unplug),
            2 => Some(Self::Shutdown),
            _ => None,
        }
    }
}

/// Why a side says goodbye.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Farewell {
    /// It has done what it was asked to, or leaves by its own wish.
    Done,
    /// The hub cut off a plugin that it had asked to leave.
    Unplugged,
    /// The hub shuts down and waits no longer.
    ShuttingDown,
    /// The other side broke the protocol.
    Protocol,
    /// The other side is too slow.
    TooSlow,
    /// A code that this version doesn't know.
    Other(u16),
}

impl Farewell {
    pub(crate) fn to_wire(self) -> u16 {
        match self {
            Self::Done => 1,
            Self::Unplugged => 2,
            Self::ShuttingDown => 3,
            Self::Protocol => 4,
            Self::TooSlow => 5,
            Self::Other(code) => code,
        }
    }

    pub(crate) fn from_wire(code: u16) -> Self {
        match code {
            1 => Self::Done,
            2 => Self::Unplugged,
            3 => Self::ShuttingDown,
            4 => Self::Protocol,
            5 => Self::TooSlow,
            code => Self::Other(code),
        }
    }
}
