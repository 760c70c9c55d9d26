//! From a type to its schema. One of these generators makes every schema that a plugin sends.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::exact::Exact;

/// The JSON Schema (2020-12) of what decodes as a `T`.
///
/// Documentation comments of types, fields and variants are in it, and `serde`'s attributes count: what is renamed, has a default, is flattened or skipped.
/// A value decodes if the schema allows it, and doesn't if the schema forbids it, except for the
/// following.
///
/// Allowed, and doesn't decode:
/// - an integer that is written as `1.0`, `1e2` or `-0`, which JSON Schema can't tell from `1`;
/// - a member that is given twice, be it once under an `alias`;
/// - a number that no `f64` holds, such as `1e400`, and an integer of 128 bits so near its bound
///   that no `f64` tells them apart;
/// - a key of a map that is out of the bounds of its integer type; and one that isn't of its type if
///   that is a `char`, a `bool`, or an enum with documented variants, which count as any text;
/// - maps with integer keys and 128-bit integers inside of what is flattened, untagged or internally
///   tagged, where `serde` doesn't decode them;
/// - content of an adjacently tagged variant that has none;
/// - a text with a form of its own, such as an address: the schema has a `format` at the most;
/// - an unknown member of a `Duration`, `SystemTime`, `Range`, `Bound` or `Result` of `std`.
///
/// Forbidden, and decodes:
/// - what `serde` takes in a second form: a struct, or an enum with a tag, as an array of its
///   fields; the variant `A` as `{"A": null}`; inside of what is flattened, untagged or internally
///   tagged, a variant by its number and a unit struct as `{}` or `[]`;
/// - a field or a variant under its `alias`, and any tag for a variant that is marked as `other`; the
///   schema has their names;
/// - an unknown member beside the tag of an internally tagged unit variant, although the enum denies
///   unknown fields;
/// - an adjacently tagged variant without its content, if that is an `Option`; and one that has none
///   with a `null`;
/// - a flattened `Option`: whatever is wrong in it makes it `None`;
/// - a flattened enum of which several variants are given: the first is taken.
///
/// # Hidden fields
/// `#[schemars(skip)]` hides a field: the schema omits it, and it still decodes. Hide only what may
/// be absent, an `Option` or a field with a `#[serde(default)]`: with a hidden mandatory field, the
/// schema allows values that don't decode. With `deny_unknown_fields` the schema even forbids the
/// hidden field, so don't combine the two.
///
/// ```
/// use brpc_core::describe;
///
/// /// Whom to greet.
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Greet {
///     name: String,
///     title: Option<String>,
///     #[serde(default)]
///     #[schemars(skip)]
///     debug: bool,
/// }
///
/// let schema = describe::<Greet>();
/// assert_eq!(schema.get("description").unwrap(), "Whom to greet.");
/// assert_eq!(schema.get("required").unwrap(), &serde_json::json!(["name"]));
/// assert!(schema.pointer("/properties/debug").is_none());
/// ```
pub fn describe<T: JsonSchema + ?Sized>() -> Schema {
    inputs().into_root_schema_for::<T>()
}

/// The JSON Schema (2020-12) of what a `T` is encoded as.
///
/// It differs from [`describe()`] where `serde` does: in names, in fields that are skipped or may be
/// left out, and in that a `None` is encoded as `null`. A floating-point number that is infinite or
/// none isn't encoded at all, which the schema doesn't say.
///
/// ```
/// use brpc_core::{describe, describe_output};
///
/// #[derive(serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
/// struct Greeting {
///     #[serde(rename(serialize = "says"))]
///     text: String,
/// }
///
/// assert!(describe::<Greeting>().pointer("/properties/text").is_some());
/// assert!(describe_output::<Greeting>().pointer("/properties/says").is_some());
/// ```
pub fn describe_output<T: JsonSchema + ?Sized>() -> Schema {
    outputs().into_root_schema_for::<T>()
}

/// The generator of input schemas, for schemas that combine several types.
pub fn inputs() -> SchemaGenerator {
    settings().for_deserialize().with_transform(Exact::Input).into_generator()
}

/// The generator of output schemas.
pub fn outputs() -> SchemaGenerator {
    settings().for_serialize().with_transform(Exact::Output).into_generator()
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12()
}
