//! The types of a Rust program, in terms of Go.

use schemars::JsonSchema;

use super::Entity;

/// How a Go program would describe a type that decodes from the same JSON as this one; `None` for
/// one without fields.
///
/// ```
/// #[derive(schemars::JsonSchema)]
/// struct Greet { name: String, times: Option<u8> }
///
/// let entity = brpc_gob::type_description::<Greet>().unwrap();
/// assert_eq!(entity.kind, "struct");
/// assert_eq!(entity.fields[1].kind, "uint8");
/// assert!(!entity.fields[1].mandatory);
/// ```
pub fn type_description<T: JsonSchema + ?Sized>() -> Option<Entity> {
    Entity::from_schema(&brpc_core::describe::<T>())
}

/// The same for what the type is encoded as; it differs where [`brpc_core::describe_output`] does.
pub fn output_description<T: JsonSchema + ?Sized>() -> Option<Entity> {
    Entity::from_schema(&brpc_core::describe_output::<T>())
}
