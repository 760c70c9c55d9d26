//! Reads values of TOML as what is expected of them. A mistake is told by its place, and quotes nothing.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::error::PolicyMistake;

/// The text of a policy, in which mistakes are found.
#[derive(Clone, Copy)]
pub(super) struct Reader<'t> {
    text: &'t str,
}

/// A value, and where it stands.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// A table, and where it begins.
pub(super) struct Table<'r, 't> {
    reader: Reader<'t>,
    start: usize,
    entries: &'r DeTable<'t>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text }
    }

    /// The whole text as a table.
    pub(super) fn parse(self) -> Result<DeTable<'t>, PolicyMistake> {
        let table = DeTable::parse(self.text).map_err(|error| {
            let byte = error.span().map_or(0, |span| span.start);
            // It says what was expected, and quotes nothing.
            self.mistake(byte, format!("this is no TOML: {}", error.message()))
        })?;
        Ok(table.into_inner())
    }

    pub(super) fn mistake(self, byte: usize, message: impl Into<String>) -> PolicyMistake {
        PolicyMistake::at(self.text, byte, message)
    }

    /// A mistake at a value.
    pub(super) fn mistaken<T>(
        self,
        value: &Spanned<T>,
        message: impl Into<String>,
    ) -> PolicyMistake {
        self.mistake(value.span().start, message)
    }

    /// What stands there is not what was expected.
    fn unlike(self, value: &Value<'_>, expected: &str) -> PolicyMistake {
        self.mistaken(value, format!("expected {expected}, found {}", kind(value)))
    }

    /// A table with some of these keys.
    pub(super) fn table<'r>(
        self,
        value: &'r Value<'t>,
        keys: &[&str],
    ) -> Result<Table<'r, 't>, PolicyMistake> {
        let DeValue::Table(entries) = value.get_ref() else {
            return Err(self.unlike(value, "a table"));
        };
        self.known(value.span().start, entries, keys)
    }

    /// The same of a table that was found.
    pub(super) fn known<'r>(
        self,
        start: usize,
        entries: &'r DeTable<'t>,
        keys: &[&str],
    ) -> Result<Table<'r, 't>, PolicyMistake> {
        match first(entries.keys().filter(|key| !keys.contains(&&**key.get_ref()))) {
            Some(key) => {
                let message = format!("an unknown key; expected {}", list(keys));
                Err(self.mistaken(key, message))
            }
            None => Ok(Table { reader: self, start, entries }),
        }
    }

    /// A list.
    pub(super) fn list<'r>(
        self,
        value: &'r Value<'t>,
        expected: &str,
    ) -> Result<Vec<&'r Value<'t>>, PolicyMistake> {
        match value.get_ref() {
            DeValue::Array(values) => Ok(values.iter().collect()),
            _ => Err(self.unlike(value, expected)),
        }
    }

    /// A text.
    pub(super) fn string<'r>(
        self,
        value: &'r Value<'_>,
        expected: &str,
    ) -> Result<&'r str, PolicyMistake> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.unlike(value, expected)),
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(self, value: &Value<'_>) -> Result<bool, PolicyMistake> {
        match value.get_ref() {
            DeValue::Boolean(is) => Ok(*is),
            _ => Err(self.unlike(value, "`true` or `false`")),
        }
    }

    /// The number of a user.
    pub(super) fn uid(self, value: &Value<'_>) -> Result<u32, PolicyMistake> {
        let DeValue::Integer(number) = value.get_ref() else {
            return Err(self.unlike(value, UID));
        };
        let parsed = u32::from_str_radix(number.as_str(), number.radix());
        parsed.map_err(|_| self.mistaken(value, format!("expected {UID}")))
    }
}

/// What the number of a user is, for messages.
const UID: &str = "the number of a user, 0 to 4294967295";

impl<'r, 't> Table<'r, 't> {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'r Value<'t>> {
        self.entries.iter().find(|(found, _)| *found.get_ref() == key).map(|(_, value)| value)
    }

    /// The value of a key that must be there.
    pub(super) fn require(&self, key: &str, what: &str) -> Result<&'r Value<'t>, PolicyMistake> {
        self.get(key).ok_or_else(|| self.mistake(format!("`{key}` is missing; expected {what}")))
    }

    /// A mistake of the table as a whole.
    pub(super) fn mistake(&self, message: impl Into<String>) -> PolicyMistake {
        self.reader.mistake(self.start, message)
    }
}

/// The one that stands first in the text: a table is sorted by its keys.
fn first<'k, 't: 'k>(
    keys: impl Iterator<Item = &'k Spanned<DeString<'t>>>,
) -> Option<&'k Spanned<DeString<'t>>> {
    keys.min_by_key(|key| key.span().start)
}

/// These keys, for a message.
fn list(keys: &[&str]) -> String {
    let quoted: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// What a value is, for a message.
fn kind(value: &Value<'_>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
