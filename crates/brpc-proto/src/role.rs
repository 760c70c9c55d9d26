//! Which side of a connection this is.

/// Which side of a connection this is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// The one that was dialled, and lets plugins in.
    Hub,
    /// The one that dialled.
    Plugin,
}

impl Role {
    /// The other side's.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Hub => Self::Plugin,
            Self::Plugin => Self::Hub,
        }
    }
}
