//! How far a call had come, and whose limit stopped it.

/// Whether the handler of a call that failed has run.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Execution {
    /// It has not started and never will.
    Never,
    /// It may not have started, be still running, or have finished.
    Unknown,
    /// It has run: to its end, or into a panic.
    Completed,
}

/// The stage of a call when it ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Stage {
    /// No byte of it was handed to the transport.
    Queued,
    /// The plugin says that it did not start the handler, since the call's deadline had passed.
    Expired,
    /// It was handed to the transport, and no answer arrived.
    Sent,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Queued => "not yet sent",
            Self::Expired => "not started by the plugin",
            Self::Sent => "sent but not answered",
        })
    }
}

/// Whose limit of calls was reached.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Scope {
    /// The hub's, over all its plugins.
    Hub,
    /// The plugin's, or the hub's for this one plugin.
    Plugin,
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hub => "hub",
            Self::Plugin => "plugin",
        })
    }
}
