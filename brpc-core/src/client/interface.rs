//! What a client expects, compared with the descriptions of plugins.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{All, One};
use crate::caller::{Caller, Target};
use crate::describe::{self, inputs, outputs};
use crate::{Function, InterfaceError, PluginInfo};

/// A binding whose client describes the type `T`.
///
/// Only `check_interface` requires this of the binding, as methods require [`Calls`](super::Calls):
/// a client whose types have no schema can still call.
pub trait Describes<T> {
    /// The schema of `T`, as a part of the generator's document.
    fn schema(generator: &mut SchemaGenerator) -> Schema;
}

impl<C: Caller, T: JsonSchema> Describes<T> for One<C> {
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

impl<C: Caller, T: JsonSchema> Describes<T> for All<C> {
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

/// A binding that compares what a client expects with the plugins that it calls.
pub trait Checks {
    /// Whether the plugins that are connected now have these functions. The input of a wanted
    /// function is what the client sends, and the output what it accepts.
    ///
    /// # Errors
    /// [`InterfaceError`] with every difference, or if the one plugin isn't connected, or if it can't
    /// be told.
    fn check(&self, wanted: &[Function]) -> Result<(), InterfaceError>;
}

impl<C: Caller> Checks for One<C> {
    fn check(&self, wanted: &[Function]) -> Result<(), InterfaceError> {
        match (self.caller.plugin_info(&self.plugin), &self.plugin) {
            (Some(info), _) => compare(&[info], wanted),
            (None, Target::Name(name)) => Err(InterfaceError::NoPlugin { name: (**name).into() }),
            (None, Target::Instance(_)) => Err(InterfaceError::Gone),
        }
    }
}

impl<C: Caller> Checks for All<C> {
    fn check(&self, wanted: &[Function]) -> Result<(), InterfaceError> {
        compare(&self.caller.plugin_infos(&self.plugins), wanted)
    }
}

fn compare(plugins: &[PluginInfo], wanted: &[Function]) -> Result<(), InterfaceError> {
    let (mut certain, mut untold) = (Vec::new(), Vec::new());
    for plugin in plugins {
        let differences = describe::compare(plugin, wanted);
        certain.extend(differences.certain);
        untold.extend(differences.untold);
    }
    if !certain.is_empty() {
        return Err(InterfaceError::Mismatch(certain));
    }
    if untold.is_empty() { Ok(()) } else { Err(InterfaceError::Untold(untold)) }
}

/// A function that makes a schema; [`Describes::schema`] of a type.
pub type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

/// A function that a client expects, with the inputs that it sends and the output that it accepts.
/// Several inputs are the members of an object.
pub fn wanted(method: &str, sent: &[(&str, MakeSchema)], taken: MakeSchema) -> Function {
    let mut function = Function::new(method);
    function.input = match sent {
        [] => None,
        [(_, only)] => Some(document(outputs(), only)),
        several => Some(document(outputs(), |generator| object(generator, several))),
    };
    function.output = Some(document(inputs(), taken));
    function
}

/// The schema of an object with all of these members.
fn object(generator: &mut SchemaGenerator, members: &[(&str, MakeSchema)]) -> Schema {
    let schema = |&(name, schema): &(&str, MakeSchema)| (name.to_owned(), schema(generator).into());
    let properties: Map<String, Value> = members.iter().map(schema).collect();
    let names: Vec<_> = properties.keys().collect();
    let rules = json!({ "type": "object", "required": names, "properties": properties });
    rules.try_into().expect("an object is a schema")
}

/// The schema, with the definitions to which it refers.
fn document(
    mut generator: SchemaGenerator,
    make: impl FnOnce(&mut SchemaGenerator) -> Schema,
) -> Schema {
    let mut schema = make(&mut generator);
    let definitions = generator.take_definitions(false);
    if !definitions.is_empty() {
        schema.insert("$defs".to_owned(), definitions.into());
    }
    for transform in generator.transforms_mut() {
        transform.transform(&mut schema);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    struct Tree(#[allow(dead_code)] u64, #[allow(dead_code)] Vec<Tree>);

    fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }

    #[test]
    fn what_is_wanted_is_described_as_it_travels() {
        let function = wanted("f", &[("a", of::<Option<u64>>), ("b", of::<Tree>)], of::<()>);
        let input = function.input.unwrap().to_value();
        assert_eq!(input["required"], json!(["a", "b"]));
        assert_eq!(input["properties"]["a"]["maximum"], u64::MAX);
        assert_eq!(input["properties"]["b"]["$ref"], "#/$defs/Tree");
        assert_eq!(input["$defs"]["Tree"]["prefixItems"][0]["maximum"], u64::MAX);
        assert_eq!(function.output.unwrap().to_value(), json!({ "type": "null" }));

        let function = wanted("f", &[("a", of::<Tree>)], of::<Value>);
        assert_eq!(function.input.unwrap().to_value()["$ref"], "#/$defs/Tree");
        assert_eq!(function.output.unwrap().to_value(), json!(true));
        assert_eq!(wanted("f", &[], of::<()>).input, None);
    }
}
