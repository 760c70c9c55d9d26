//! Several inputs in one payload.

use std::fmt;

use brpc_core::{Dialect, Failure, JsonError};
use brpc_proto::json;
use brpc_rt::serving::Context;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::{InputRole, invalid};

/// Several inputs, sent as one JSON object keyed by name.
#[derive(Debug)]
pub struct Arguments<'a> {
    /// The members of the object, by name; taken out one by one.
    given: Vec<(String, &'a RawValue)>,
    dialect: Dialect,
}

impl<'a> Arguments<'a> {
    /// Splits an object that may have only the named members.
    ///
    /// # Errors
    /// [`Status::InvalidInput`] if it isn't an object, or has a member of another name, or one
    /// twice.
    pub fn parse(context: &Context, payload: &'a [u8], names: &[&str]) -> Result<Self, Failure> {
        let dialect = context.dialect();
        let expected = || format!("expected an object with {}", listed(names));
        let is_nil = dialect == Dialect::Go && payload == b"null";
        let payload = if payload.is_empty() || is_nil { b"{}" } else { payload };
        // One more than there are names is one too many.
        let mut json = serde_json::Deserializer::from_slice(payload);
        let members = Members { most: names.len() + 1 }.deserialize(&mut json);
        let given = members.and_then(|given| json.end().map(|()| given)).map_err(|error| {
            let expected = expected();
            let message = match error.classify() {
                Category::Data => format!("{expected}, found {}", kind(payload)),
                _ => format!("{expected}: {}", json::message(&error)),
            };
            invalid(JsonError::whole(message), "")
        })?;
        for (index, (name, _)) in given.iter().enumerate() {
            let problem = if !names.contains(&name.as_str()) {
                "unknown input"
            } else if given[..index].iter().any(|(earlier, _)| earlier == name) {
                "input given twice"
            } else {
                continue;
            };
            return Err(invalid(JsonError::whole(format!("{problem}; {}", expected())), name));
        }
        Ok(Self { given, dialect })
    }

    /// Decodes one member. An absent one counts as `null`.
    ///
    /// # Errors
    /// [`Status::InvalidInput`] with the path of what doesn't decode.
    pub fn take<T>(&mut self, name: &str, input: &InputRole<T>) -> Result<T, Failure> {
        let found = self.given.iter().position(|(given, _)| given == name);
        match found.map(|index| self.given.swap_remove(index).1) {
            Some(value) => {
                (input.decode)(self.dialect, value.get().as_bytes()).map_err(|e| invalid(e, name))
            }
            // Left out is not what a Go program writes for an empty list.
            None => (input.decode)(Dialect::Serde, b"")
                .map_err(|_| invalid(JsonError::whole("this input is missing"), name)),
        }
    }
}

/// Reads the members of a JSON object in their order, undecoded, and keeps so many of them.
struct Members {
    most: usize,
}

impl<'de> DeserializeSeed<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while members.len() < self.most {
            match map.next_entry()? {
                Some(member) => members.push(member),
                None => return Ok(members),
            }
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(members)
    }
}

/// The kind of a JSON value, by its first byte, in the words of `serde`.
fn kind(value: &[u8]) -> &'static str {
    match value.trim_ascii_start().first() {
        Some(b'{') => "a map",
        Some(b'[') => "a sequence",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "nothing (`null`)",
        _ => "a number",
    }
}

/// Names, listed for a sentence.
fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use brpc_core::Status;
    use brpc_rt::serving::context_of_no_call;

    use super::*;
    use crate::__private::Takes;

    fn parsed(payload: &str) -> Result<(u8, Option<u8>), Failure> {
        let mut given = Arguments::parse(&context_of_no_call(), payload.as_bytes(), &["a", "b"])?;
        let a = given.take("a", &Takes::<u8>::input())?;
        Ok((a, given.take("b", &Takes::<Option<u8>>::input())?))
    }

    #[test]
    fn an_absent_member_is_null() {
        assert_eq!(parsed(r#"{"b":2,"a":1}"#), Ok((1, Some(2))));
        assert_eq!(parsed(r#"{"a":1}"#), Ok((1, None)));
        assert_eq!(parsed("").unwrap_err().code, "a");
    }

    #[test]
    fn what_is_not_asked_for_is_refused() {
        for (payload, path) in [
            (r#"{"a":1,"c":1}"#, "c"),
            (r#"{"a":1,"a":1}"#, "a"),
            (r#"{"a":256}"#, "a"),
            (r#"{"a":1,"b":1,"c":1,"d":1,"a":2}"#, "c"),
            (r#"{"a":1,"b":1,"c":1,"d":}"#, "."),
            ("[1]", "."),
            ("1 2", "."),
        ] {
            let failure = parsed(payload).unwrap_err();
            assert_eq!((failure.status, &*failure.code), (Status::InvalidInput, path), "{payload}");
        }
    }

    #[test]
    fn a_path_leads_into_a_member() {
        let mut given = Arguments::parse(
            &context_of_no_call(),
            br#"{"a":[1,"two"],"b":{"c":[]}}"#,
            &["a", "b"],
        )
        .unwrap();
        let failure = given.take("a", &Takes::<Vec<u8>>::input()).unwrap_err();
        assert_eq!(failure.code, "a[1]");
        let maps = Takes::<std::collections::BTreeMap<String, u8>>::input();
        assert_eq!(given.take("b", &maps).unwrap_err().code, "b.c");
    }

    #[test]
    fn each_of_several_inputs_may_be_as_large_as_the_frame() {
        let payload = format!(r#"{{"a":[{}]}}"#, vec!["0"; 200_000].join(","));
        let mut given =
            Arguments::parse(&context_of_no_call(), payload.as_bytes(), &["a", "b"]).unwrap();
        assert_eq!(given.take("a", &Takes::<Vec<u8>>::input()).unwrap().len(), 200_000);
    }
}
