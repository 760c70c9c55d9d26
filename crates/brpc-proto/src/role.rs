//! Which side of a connection this is.

/// Which side of a connection this is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// The side that was dialled, and registers plugins.
    Hub,
    /// The side that dialled.
    Plugin,
}
