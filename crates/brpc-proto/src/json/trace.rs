//! Where in a value something is that can't be encoded.

use std::cell::RefCell;

use serde::Serialize;

/// The path of an error, which grows from its end to its start, on the way out.
///
/// Nothing is noted until there is an error, so it costs nothing where all goes well.
#[derive(Default)]
pub(super) struct Trace(RefCell<Option<String>>);

impl Trace {
    /// There is an error here.
    #[cold]
    pub(super) fn start(&self) {
        self.0.replace(Some(String::new()));
    }

    /// It is in the member of this name.
    #[cold]
    pub(super) fn member(&self, name: &str) {
        self.prepend(|| format!(".{name}"));
    }

    /// It is in the entry of this key.
    #[cold]
    pub(super) fn entry<K: Serialize + ?Sized>(&self, key: &K) {
        self.prepend(|| match serde_json::to_value(key) {
            Ok(serde_json::Value::String(name)) => format!(".{name}"),
            Ok(other) => format!(".{other}"),
            Err(_) => ".?".to_owned(),
        });
    }

    /// It is in this element.
    #[cold]
    pub(super) fn element(&self, index: usize) {
        self.prepend(|| format!("[{index}]"));
    }

    /// The whole path, if an error has one.
    pub(super) fn path(&self) -> Option<String> {
        let path = self.0.take()?;
        Some(match path.strip_prefix('.') {
            Some(path) => path.to_owned(),
            None if path.is_empty() => ".".to_owned(),
            None => path,
        })
    }

    fn prepend(&self, step: impl FnOnce() -> String) {
        if let Some(path) = &mut *self.0.borrow_mut() {
            path.insert_str(0, &step());
        }
    }
}
