//! The schema of a method's inputs.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

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

#[cfg(test)]
mod tests {
    use brpc_core::describe::inputs;
    use brpc_rt::serving::context_of_no_call;
    use schemars::JsonSchema;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::__private::{Arguments, Takes};

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
