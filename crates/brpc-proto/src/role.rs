//! Which side of a connection this is.

/// Which side of a connection this is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// The side that was dialled, and registers plugins.
    Hub,
    /// The side that dialled.
    Plugin,
}

impl Role {
    /// The other side.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Hub => Self::Plugin,
            Self::Plugin => Self::Hub,
        }
    }
}
