//! JSON payloads: limits on values of any shape, and errors with a path.

#[cfg(feature = "go")]
mod base64;
mod bounded;
mod encoding;
#[cfg(feature = "go")]
mod go;
mod key;
mod trace;

use std::cell::Cell;
use std::ops::Deref;

use brpc_core::{Dialect, JsonError};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use self::bounded::Bounded;
use self::encoding::encode_into;

/// The deepest nesting of arrays and objects in a value of any shape, such as a
/// [`serde_json::Value`].
///
/// Half of `serde_json`'s own limit, which other types have, so that a gateway can wrap a value that
/// is accepted here, and it still decodes.
pub const MAX_DEPTH: usize = 64;

/// The most values of any shape in a payload.
///
/// A [`serde_json::Value`] can take 100 times the bytes of its text; this limits it where the
/// frame's limit alone does not. What decodes into types of the user's own is limited by the frame.
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

    /// The bytes as shared bytes: a copy of a small value; the buffer of a large one, which has none
    /// any more.
    #[inline]
    pub fn take(&mut self) -> Bytes {
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
    let mut encoded = Encoded::after(&[], value)?;
    Ok(encoded.take())
}

/// Decodes a value. An absent payload is `null`.
///
/// # Errors
/// The path and what was expected there, or which limit on values of any shape is exceeded.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, JsonError> {
    let text = text(payload)?;
    if is_within_limits(text)
        && let Ok(value) = serde_json::from_str(text)
    {
        return Ok(value);
    }
    decode_slowly(text, |json, budget| serde_path_to_error::deserialize(Bounded::new(json, budget)))
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
    let text = text(payload)?;
    if is_within_limits(text) {
        let mut json = Decoder::from_str(text);
        let decoded = T::deserialize(go::Go(&mut json));
        if let Ok(value) = decoded
            && json.end().is_ok()
        {
            return Ok(value);
        }
    }
    decode_slowly(text, |json, budget| {
        serde_path_to_error::deserialize(Bounded::new(go::Go(json), budget))
    })
}

/// The text of a payload.
fn text(payload: &[u8]) -> Result<&str, JsonError> {
    let payload = if payload.is_empty() { b"null" } else { payload };
    // Checked as a whole, which costs less than string by string.
    std::str::from_utf8(payload)
        .map_err(|error| JsonError::whole(format!("JSON is UTF-8, and this is not: {error}")))
}

/// Whether a text exceeds no limit, whatever it decodes into. That holds for most.
fn is_within_limits(text: &str) -> bool {
    check(text.as_bytes(), MAX_DEPTH, MAX_NODES).is_ok()
}

type Decoder<'t> = serde_json::Deserializer<serde_json::de::StrRead<'t>>;

/// Decodes a value, and the end of the text behind it, in a way that counts what has any shape and
/// knows the path of an error.
#[cold]
fn decode_slowly<'t, T>(
    text: &'t str,
    decode: impl FnOnce(
        &mut Decoder<'t>,
        &Cell<usize>,
    ) -> Result<T, serde_path_to_error::Error<serde_json::Error>>,
) -> Result<T, JsonError> {
    let mut json = Decoder::from_str(text);
    let value = decode(&mut json, &Cell::new(MAX_NODES));
    let value = value.map_err(|error| JsonError::at(path(text, &error), message(error.inner())))?;
    json.end().map_err(|error| JsonError::whole(message(&error)))?;
    Ok(value)
}

/// The path of an error. A key that isn't of its type isn't known to the decoder, but its place is.
fn path(text: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let path = error.path();
    let (line, column) = (error.inner().line(), error.inner().column());
    let key = match path.iter().next_back() {
        Some(Segment::Unknown) => key::before(text, line, column),
        _ => None,
    };
    let path = path.to_string();
    match (key, path.strip_suffix('?')) {
        (Some(key), Some(parent)) => format!("{parent}{key}"),
        _ => path,
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

/// Checks the nesting and the number of values of a JSON text, without building anything. Values are
/// counted as commas, colons and opening brackets.
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
        let wrapped = |depth| format!("{{\"a\":[{}]}}", nested(depth));
        let decoded = |depth| decode::<Flat>(wrapped(depth).as_bytes()).map(drop);
        assert_eq!(decoded(64), Ok(()));
        let error = decoded(65).unwrap_err();
        assert!(error.message.contains("more than 64 levels"), "{error:?}");
        assert_eq!(error.path.matches("[0]").count(), 65);
    }

    /// Values of any shape, in a type of its own.
    #[derive(Debug, serde::Deserialize)]
    struct Flat {
        #[allow(dead_code)]
        a: Vec<Value>,
    }

    #[derive(Debug, serde::Deserialize, serde::Serialize)]
    struct Chain {
        next: Option<Box<Chain>>,
    }

    #[test]
    fn a_type_of_its_own_may_nest_as_deep_as_the_decoder_goes() {
        let chain = |length: usize| {
            let end = Chain { next: None };
            (1..length).fold(end, |next, _| Chain { next: Some(Box::new(next)) })
        };
        let decoded = |length| decode::<Chain>(&encode(&chain(length)).unwrap()).map(drop);
        assert_eq!((decoded(64), decoded(127)), (Ok(()), Ok(())));
        assert_eq!(decoded(128).unwrap_err().message, "recursion limit exceeded");
        let raw = "[".repeat(1_000) + &"]".repeat(1_000);
        assert!(decode::<Box<serde_json::value::RawValue>>(raw.as_bytes()).is_ok());
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let text = serde_json::to_string(&"[{\"\\".repeat(100)).unwrap();
        assert!(decode::<String>(text.as_bytes()).is_ok());
    }

    #[test]
    fn values_are_bounded() {
        let array = |count: usize| format!("[{}]", vec!["0"; count].join(","));
        // One is the array.
        assert!(decode::<Value>(array(99_999).as_bytes()).is_ok());
        let error = decode::<Value>(array(100_000).as_bytes()).unwrap_err();
        assert!(error.message.starts_with("more than 100000 values of any shape"), "{error:?}");
        assert!(decode::<Vec<Value>>(array(100_001).as_bytes()).is_err());
        assert_eq!(
            decode::<Vec<u8>>(array(500_000).as_bytes()).map(|list| list.len()),
            Ok(500_000)
        );
        assert!(decode::<Vec<u8>>((array(500_000) + "x").as_bytes()).is_err());
        let error = decode::<Vec<bool>>(array(100_001).as_bytes()).unwrap_err();
        assert_eq!(error.path, "[0]");
    }

    #[test]
    fn an_error_names_the_key_that_is_not_of_its_type() {
        type Keys = std::collections::BTreeMap<u8, std::collections::BTreeMap<i8, bool>>;
        let path = |text: &str| decode::<Keys>(text.as_bytes()).unwrap_err().path;
        assert_eq!(path(r#"{"one":{}}"#), "one");
        assert_eq!(path(r#"{"1":{},"256":{}}"#), "256");
        assert_eq!(path("{\"1\":{\n\"-1\":true,\"x\":false}}"), "1.x");
        assert_eq!(path(r#"{"1":{"2":3}}"#), "1.2");
        assert_eq!(path(r#"{"1":{"a\"b":true}}"#), "1.a\"b");
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

    // What follows is as `docs/protocol.md` says where JSON leaves it open.

    fn any(text: &str) -> Option<Value> {
        decode(text.as_bytes()).ok()
    }

    /// What is no integer of a type never becomes one.
    #[test]
    fn f20_numbers_are_what_they_say_or_an_error() {
        let float = |text: &str| decode::<f64>(text.as_bytes()).ok();
        let unsigned = |text: &str| decode::<u64>(text.as_bytes()).ok();
        let signed = |text: &str| decode::<i64>(text.as_bytes()).ok();
        let thirty_digits = "123456789012345678901234567890";
        for (text, as_float, as_unsigned, as_signed) in [
            ("18446744073709551615", Some(18_446_744_073_709_551_615.0), Some(u64::MAX), None),
            ("18446744073709551616", Some(18_446_744_073_709_551_616.0), None, None),
            ("-9223372036854775808", Some(-9_223_372_036_854_775_808.0), None, Some(i64::MIN)),
            ("-9223372036854775809", Some(-9_223_372_036_854_775_809.0), None, None),
            (thirty_digits, Some(123_456_789_012_345_678_901_234_567_890.0), None, None),
            ("1e-400", Some(0.0), None, None),
            ("-0", Some(0.0), None, None),
            ("1.5", Some(1.5), None, None),
            ("1.0", Some(1.0), None, None),
            ("1e3", Some(1e3), None, None),
            ("1e400", None, None, None),
            ("-1e400", None, None, None),
            ("NaN", None, None, None),
            ("Infinity", None, None, None),
            ("\"NaN\"", None, None, None),
            ("01", None, None, None),
            ("+1", None, None, None),
            (".5", None, None, None),
        ] {
            assert_eq!(float(text), as_float, "{text}");
            assert_eq!(unsigned(text), as_unsigned, "{text}");
            assert_eq!(signed(text), as_signed, "{text}");
        }
        assert_eq!(any("18446744073709551616"), Some(18_446_744_073_709_551_616.0.into()));
        assert_eq!((any("1e400"), any("NaN")), (None, None));
        assert!(float("-0").is_some_and(f64::is_sign_negative));
        let error = decode::<Vec<u64>>(b"[1, 18446744073709551616]").unwrap_err();
        assert_eq!(error.path, "[1]");
    }

    #[test]
    fn f21_a_key_twice_is_an_error_where_keys_are_known_and_else_the_last_counts() {
        #[derive(Debug, serde::Deserialize)]
        struct Known {
            #[allow(dead_code)]
            key: u8,
        }
        let twice = r#"{"key":1,"key":2}"#;
        assert_eq!(any(twice), Some(serde_json::json!({"key": 2})));
        assert!(decode::<Known>(twice.as_bytes()).is_err());
    }

    #[test]
    fn f22_texts_are_whole_and_begin_with_no_mark() {
        for wrong in [r#""\ud800""#, r#""\udc00\ud800""#, "\u{feff}1", "\"\0\""] {
            assert_eq!(any(wrong), None, "{wrong:?}");
        }
        assert_eq!(any(r#""a\u0000b""#), Some("a\0b".into()));
        assert_eq!(any(r#""\ud83d\ude00""#), Some("\u{1f600}".into()));
    }

    #[test]
    fn f23_absent_is_null() {
        assert_eq!(decode::<Option<u8>>(b"").unwrap(), None);
        assert_eq!(decode::<()>(b"").ok(), Some(()));
        assert!(decode::<u8>(b"").is_err());
    }
}
