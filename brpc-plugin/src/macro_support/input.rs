//! From a call's payload to a method's inputs.

use std::fmt;
use std::marker::PhantomData;

use brpc_core::{Dialect, Failure, JsonError, Status};
use brpc_proto::json;
use brpc_rt::serving::Context;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The type of a method's input, which tells whether it can be one.
///
/// An associated function of an inherent impl precedes one of a trait. So [`input`](Self::input) is
/// this type's own if `T` decodes and describes itself, and otherwise [`NotAnInput`]'s, whose bound
/// no type meets. With plain bounds, each missing one would be an error.
#[derive(Debug)]
pub struct Takes<T>(PhantomData<fn() -> T>);

/// What an input can do. It needs no bound, so that an unsuitable type is reported once.
#[derive(Debug)]
pub struct InputRole<T> {
    decode: fn(Dialect, &[u8]) -> Result<T, JsonError>,
    document: fn(&mut SchemaGenerator) -> Schema,
    /// The schema of one of several inputs, for [`object_schema`].
    pub member: fn(&mut SchemaGenerator) -> Schema,
}

impl<T: DeserializeOwned + JsonSchema> Takes<T> {
    /// The role of an input.
    pub fn input() -> InputRole<T> {
        InputRole {
            decode: json::decode_in,
            document: SchemaGenerator::root_schema_for::<T>,
            member: SchemaGenerator::subschema_for::<T>,
        }
    }
}

/// [`Takes`] for a type that can't be an input.
pub trait NotAnInput<T> {
    /// The role of an input.
    fn input() -> InputRole<T>
    where
        T: Input;
}

impl<T> NotAnInput<T> for Takes<T> {
    fn input() -> InputRole<T>
    where
        T: Input,
    {
        T::role()
    }
}

/// Has no implementation; it exists for its message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an input of a plugin's method",
    label = "not an input",
    note = "an input is owned and implements `serde::Deserialize` and `schemars::JsonSchema` (of schemars 1), and so does what a `Vec`, `Option` or map holds: derive both",
    note = "the context of a call is taken as `&Context`",
    note = "or keep the method from callers with `#[brpc(skip)]`"
)]
pub trait Input: Sized {
    /// The role of an input.
    fn role() -> InputRole<Self>;
}

impl<T> InputRole<T> {
    /// Decodes the only input of a method: the payload as a whole.
    ///
    /// # Errors
    /// [`Status::InvalidInput`] with the path of what doesn't decode.
    pub fn decode(&self, context: &Context, payload: &[u8]) -> Result<T, Failure> {
        (self.decode)(context.dialect(), payload).map_err(|error| invalid(error, ""))
    }

    /// The schema of a method's only input, as a separate document.
    pub fn schema(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        Some((self.document)(generator))
    }
}

/// Checks that a method without input gets none: an absent payload or `null`.
///
/// # Errors
/// [`Status::InvalidInput`] if it gets one.
pub fn no_input(context: &Context, payload: &[u8]) -> Result<(), Failure> {
    if payload.is_empty() {
        return Ok(());
    }
    json::decode_in(context.dialect(), payload).map_err(|_| {
        invalid(JsonError::whole("this method takes no input; expected nothing or `null`"), "")
    })
}

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

/// The schema of a method without input.
pub fn no_schema(_: &mut SchemaGenerator) -> Option<Schema> {
    None
}

/// The schema of a hidden method: anything.
pub fn any_schema(_: &mut SchemaGenerator) -> Option<Schema> {
    Some(true.into())
}

/// The name of one of several inputs, and the function that makes its schema.
pub type Member<'a> = (&'a str, fn(&mut SchemaGenerator) -> Schema);

/// The schema of several inputs, as a separate document.
pub fn object_schema(generator: &mut SchemaGenerator, members: &[Member<'_>]) -> Option<Schema> {
    let properties: Map<String, Value> =
        members.iter().map(|&(name, schema)| (name.to_owned(), schema(generator).into())).collect();
    let mut object = Schema::default();
    if let Some(dialect) = generator.settings().meta_schema.clone() {
        object.insert("$schema".to_owned(), dialect.into_owned().into());
    }
    object.insert("type".to_owned(), "object".into());
    object.insert("properties".to_owned(), properties.clone().into());
    object.insert("additionalProperties".to_owned(), false.into());
    let definitions = generator.take_definitions(false);
    if !definitions.is_empty() {
        object.insert("$defs".to_owned(), definitions.into());
    }
    // `Arguments::take` decodes an absent member as `null`.
    let is_required = |schema: &Value| !accepts_null(&object, schema, MAX_REFERENCES);
    let names = members.iter().map(|&(name, _)| name);
    let required: Vec<Value> = names
        .filter(|name| properties.get(*name).is_some_and(is_required))
        .map(Value::from)
        .collect();
    object.insert("required".to_owned(), required.into());
    for transform in generator.transforms_mut() {
        transform.transform(&mut object);
    }
    Some(object)
}

/// The most references that are followed to tell whether a schema allows `null`: one that refers to
/// itself has no end.
const MAX_REFERENCES: usize = 16;

/// Whether a schema allows `null`, in the forms that `schemars` generates.
fn accepts_null(document: &Schema, schema: &Value, references: usize) -> bool {
    let Value::Object(rules) = schema else { return *schema == true };
    let allows = |schema| accepts_null(document, schema, references);
    rules.iter().all(|(rule, value)| match (rule.as_str(), value) {
        ("type", Value::Array(kinds)) => kinds.iter().any(|kind| kind == "null"),
        ("type", kind) => kind == "null",
        ("enum", Value::Array(values)) => values.contains(&Value::Null),
        ("const", value) => value.is_null(),
        ("anyOf" | "oneOf", Value::Array(choices)) => choices.iter().any(allows),
        ("$ref", Value::String(target)) => {
            let target = document.pointer(target);
            references > 0
                && target.is_some_and(|target| accepts_null(document, target, references - 1))
        }
        _ => true,
    })
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

/// The failure of an input below `parent`.
fn invalid(error: JsonError, parent: &str) -> Failure {
    let path = match (parent, error.path.as_str()) {
        ("", path) => path.to_owned(),
        (parent, ".") => parent.to_owned(),
        (parent, path) if path.starts_with('[') => format!("{parent}{path}"),
        (parent, path) => format!("{parent}.{path}"),
    };
    Failure::new(Status::InvalidInput, error.message).with_code(path)
}

#[cfg(test)]
mod tests {
    use brpc_core::describe::inputs;
    use brpc_rt::serving::context_of_no_call;

    use super::*;

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

    #[test]
    fn no_input_is_nothing_or_null() {
        let no_input = |payload| no_input(&context_of_no_call(), payload);
        assert_eq!((no_input(b""), no_input(b" null ")), (Ok(()), Ok(())));
        assert!(no_input(b"{}").is_err());
    }

    /// Whether an input of this type, one of several, is required: by its schema, and by the
    /// decoder.
    fn is_required<T: DeserializeOwned + JsonSchema>() -> (bool, bool) {
        let input = Takes::<T>::input();
        let schema = object_schema(&mut inputs(), &[("a", input.member)]).unwrap();
        let schema = schema.as_value();
        assert_eq!(schema["additionalProperties"], false);
        let indeed = Arguments::parse(&context_of_no_call(), b"", &["a"])
            .unwrap()
            .take("a", &input)
            .is_err();
        (schema["required"] == serde_json::json!(["a"]), indeed)
    }

    #[derive(serde::Deserialize, JsonSchema)]
    struct Wrapped(#[allow(dead_code)] Option<u8>);

    #[derive(serde::Deserialize, JsonSchema)]
    #[serde(untagged)]
    #[allow(dead_code)]
    enum Either {
        Nothing,
        Something(u8),
    }

    #[derive(serde::Deserialize, JsonSchema)]
    enum Named {
        #[serde(rename = "null")]
        Null,
    }

    #[test]
    fn what_may_be_null_is_not_required() {
        assert_eq!(is_required::<u8>(), (true, true));
        assert_eq!(is_required::<Named>(), (true, true));
        assert_eq!(is_required::<Option<u8>>(), (false, false));
        assert_eq!(is_required::<Option<Wrapped>>(), (false, false));
        assert_eq!(is_required::<Wrapped>(), (false, false));
        assert_eq!(is_required::<Either>(), (false, false));
        assert_eq!(is_required::<Value>(), (false, false));
        assert_eq!(is_required::<()>(), (false, false));
    }

    #[test]
    fn several_inputs_are_described_as_one_is() {
        let members: [Member<'_>; 2] =
            [("b", Takes::<u64>::input().member), ("a", Takes::<Vec<Wrapped>>::input().member)];
        let schema = object_schema(&mut inputs(), &members).unwrap().to_value();
        assert_eq!(schema["properties"]["b"]["maximum"], u64::MAX);
        assert_eq!(schema["$defs"]["Wrapped"]["maximum"], 255);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["properties"].as_object().unwrap().len(), 2);
        assert_eq!(schema["required"], serde_json::json!(["b", "a"]));
    }
}
