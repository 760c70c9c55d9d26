//! JSON payloads: limits that are checked before anything is built, and errors with a path.

#[cfg(feature = "go")]
mod base64;
mod encoding;
#[cfg(feature = "go")]
mod go;
mod trace;

use std::cell::Cell;
use std::ops::Deref;

use brpc_core::{Dialect, JsonError};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::encoding::encode_into;

/// The deepest nesting of arrays and objects in a payload.
///
/// Half of `serde_json`'s own limit, so that a gateway can wrap a value that is accepted here, and
/// it still decodes.
pub const MAX_DEPTH: usize = 64;

/// The most values in a payload, counted as commas, colons and opening brackets.
///
/// A [`serde_json::Value`] can take 120 times the bytes of its text; this limits it where the
/// frame's limit alone does not.
pub const MAX_NODES: usize = 100_000;

thread_local! {
    /// The buffer of a value that was encoded before.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The initial capacity for a value, and the most that is kept for the next one.
const SCRATCH_SIZES: (usize, usize) = (256, 16 * 1024);

/// An encoded value. When it is dropped, its buffer is kept for the next one that the thread
/// encodes.
#[derive(Debug)]
pub struct Encoded(Vec<u8>);

impl Encoded {
    /// Encodes a value behind some texts.
    ///
    /// # Errors
    /// As [`encode`].
    pub fn after<T: Serialize + ?Sized>(texts: &[&str], value: &T) -> Result<Self, JsonError> {
        // Taken out, since a value may encode others while it is encoded.
        let mut encoded = Self(SCRATCH.take());
        encoded.0.clear();
        encoded.0.reserve(SCRATCH_SIZES.0);
        for text in texts {
            encoded.0.extend_from_slice(text.as_bytes());
        }
        encode_into(&mut encoded.0, value)?;
        Ok(encoded)
    }

    /// The bytes as shared bytes: the buffer of a large value, a copy of a small one.
    pub fn into_bytes(mut self) -> Bytes {
        if self.0.len() > SCRATCH_SIZES.1 {
            return std::mem::take(&mut self.0).into();
        }
        Bytes::copy_from_slice(&self.0)
    }
}

impl Deref for Encoded {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Encoded {
    fn drop(&mut self) {
        let room = std::mem::take(&mut self.0);
        if (1..=SCRATCH_SIZES.1).contains(&room.capacity()) {
            // A thread that ends doesn't need it.
            let _ = SCRATCH.try_with(|scratch| scratch.set(room));
        }
    }
}

/// Encodes a value.
///
/// # Errors
/// The error of `serde_json`, for instance for a map whose keys are not strings; and the path of a
/// number that JSON doesn't have, which `serde_json` would write as `null`.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, JsonError> {
    Encoded::after(&[], value).map(Encoded::into_bytes)
}

/// Decodes a value, after a check of its limits. An absent payload is `null`.
///
/// # Errors
/// The path and what was expected there; or the limit that is exceeded.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, JsonError> {
    let text = checked(payload)?;
    serde_json::from_str(text).map_err(|error| {
        locate(&error, || serde_path_to_error::deserialize::<_, T>(&mut deserializer(text)))
    })
}

/// The same for a value in this dialect. Without the feature `go`, all are alike.
///
/// # Errors
/// As [`decode`].
pub fn decode_in<T: DeserializeOwned>(dialect: Dialect, payload: &[u8]) -> Result<T, JsonError> {
    match dialect {
        Dialect::Serde => decode(payload),
        #[cfg(feature = "go")]
        Dialect::Go => decode_go(payload),
        #[cfg(not(feature = "go"))]
        Dialect::Go => decode(payload),
    }
}

#[cfg(feature = "go")]
fn decode_go<T: DeserializeOwned>(payload: &[u8]) -> Result<T, JsonError> {
    let text = checked(payload)?;
    let mut json = deserializer(text);
    let decoded = T::deserialize(go::Go(&mut json));
    decoded.and_then(|value| json.end().map(|()| value)).map_err(|error| {
        locate(&error, || serde_path_to_error::deserialize::<_, T>(go::Go(&mut deserializer(text))))
    })
}

/// The text of a payload, after a check of its limits.
fn checked(payload: &[u8]) -> Result<&str, JsonError> {
    let payload = if payload.is_empty() { b"null" } else { payload };
    check(payload, MAX_DEPTH, MAX_NODES)?;
    // Checked as a whole, which costs less than string by string.
    std::str::from_utf8(payload)
        .map_err(|error| JsonError::whole(format!("JSON is UTF-8, and this is not: {error}")))
}

fn deserializer(text: &str) -> serde_json::Deserializer<serde_json::de::StrRead<'_>> {
    serde_json::Deserializer::from_str(text)
}

/// Decodes once more, slowly, to find the path of the error.
#[cold]
fn locate<T>(
    error: &serde_json::Error,
    again: impl FnOnce() -> Result<T, serde_path_to_error::Error<serde_json::Error>>,
) -> JsonError {
    match again() {
        Err(located) => JsonError::at(located.path().to_string(), message(located.inner())),
        // The value is fine; the text behind it isn't.
        Ok(_) => JsonError::whole(message(error)),
    }
}

/// The text of an error without line and column: nobody sees the JSON that they refer to.
pub fn message(error: &serde_json::Error) -> String {
    let mut message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    if message.ends_with(&place) {
        message.truncate(message.len() - place.len());
    }
    message
}

/// Checks the nesting and the number of values of a JSON text, without building anything.
///
/// The text need not be valid: the decoder still checks what this accepts.
///
/// # Errors
/// The limit that is exceeded.
pub fn check(text: &[u8], max_depth: usize, max_nodes: usize) -> Result<(), JsonError> {
    // A level takes two bytes and a value one, so most payloads are too short to exceed a limit,
    // and most of the others have too few brackets.
    let has_few_brackets = || memchr::memchr2_iter(b'[', b'{', text).nth(max_depth).is_none();
    let too_short_for_depth = text.len() <= 2 * max_depth;
    if text.len() <= max_nodes && (too_short_for_depth || has_few_brackets()) {
        return Ok(());
    }
    measure(text, max_depth, max_nodes).map(drop)
}

/// The exact check, byte by byte; strings don't count. Returns the number of values.
pub(crate) fn measure(text: &[u8], max_depth: usize, max_nodes: usize) -> Result<usize, JsonError> {
    let (mut depth, mut nodes, mut in_string, mut escaped) = (0_usize, 1_usize, false, false);
    for &byte in text {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                nodes += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' | b':' => nodes += 1,
            _ => {}
        }
        if depth > max_depth {
            return Err(JsonError::whole(format!("nested more than {max_depth} levels deep")));
        }
        if nodes > max_nodes {
            return Err(JsonError::whole(format!("more than {max_nodes} values")));
        }
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn depth_is_bounded_exactly() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(decode::<Value>(nested(64).as_bytes()).is_ok());
        assert!(decode::<Value>(nested(65).as_bytes()).is_err());
        assert!(decode::<Value>("[".repeat(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let text = serde_json::to_string(&"[{\"\\".repeat(100)).unwrap();
        assert!(decode::<String>(text.as_bytes()).is_ok());
    }

    #[test]
    fn values_are_bounded() {
        let array = |count: usize| format!("[{}]", vec!["0"; count].join(","));
        assert!(decode::<Vec<u8>>(array(99_000).as_bytes()).is_ok());
        assert!(decode::<Vec<u8>>(array(100_001).as_bytes()).is_err());
    }

    #[test]
    fn an_error_names_the_path() {
        #[derive(Debug, serde::Deserialize)]
        struct Outer {
            #[allow(dead_code)]
            list: Vec<u8>,
        }
        let error = decode::<Outer>(br#"{"list":[1,"two"]}"#).unwrap_err();
        assert_eq!(error.path, "list[1]");
        assert_eq!(error.message, "invalid type: string \"two\", expected u8");
        let error = decode::<Outer>(br#"{"list":[1]} x"#).unwrap_err();
        assert_eq!(error.path, ".");
    }

    #[test]
    fn what_is_no_text_is_an_error_even_where_nobody_looks() {
        let error = decode::<()>(b"\xff").unwrap_err();
        assert!(error.message.starts_with("JSON is UTF-8"), "{error:?}");
        assert!(decode::<serde::de::IgnoredAny>(b"[\"\xff\"]").is_err());
    }

    #[test]
    fn absent_is_null() {
        assert_eq!(decode::<Option<u8>>(b"").unwrap(), None);
        assert_eq!(decode::<()>(b"").ok(), Some(()));
        assert!(decode::<u8>(b"").is_err());
    }
}
