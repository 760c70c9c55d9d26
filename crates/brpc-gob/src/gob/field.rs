//! The known fields, by name. The names of others are not stored.

use super::TypeId;

/// A field of a struct, as the peer defined it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Field {
    /// Its name, if that is one of ours.
    pub(crate) known: Option<Known>,
    /// The type of its values.
    pub(crate) type_id: TypeId,
}

/// The name of a field of one of our types.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Known {
    Name,
    Version,
    Functions,
    Input,
    Output,
    Type,
    Mandatory,
    Fields,
    Seq,
    Trace,
    Method,
    Error,
    Payload,
}

impl Known {
    const ALL: [Self; 13] = [
        Self::Name,
        Self::Version,
        Self::Functions,
        Self::Input,
        Self::Output,
        Self::Type,
        Self::Mandatory,
        Self::Fields,
        Self::Seq,
        Self::Trace,
        Self::Method,
        Self::Error,
        Self::Payload,
    ];

    /// The field of this name.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name().as_bytes() == name)
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Version => "Version",
            Self::Functions => "Functions",
            Self::Input => "Input",
            Self::Output => "Output",
            Self::Type => "Type",
            Self::Mandatory => "Mandatory",
            Self::Fields => "Fields",
            Self::Seq => "Seq",
            Self::Trace => "Trace",
            Self::Method => "Method",
            Self::Error => "Error",
            Self::Payload => "Payload",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_known_by_their_whole_names() {
        for known in Known::ALL {
            assert_eq!(Known::named(known.name().as_bytes()), Some(known));
        }
        for other in [&b""[..], b"name", b"Nam", b"Names", b"\xFF"] {
            assert_eq!(Known::named(other), None);
        }
    }
}
