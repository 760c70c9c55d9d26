//! Fields that a plugin describes by hand instead of those of the type.

use schemars::Schema;
use serde_json::{Map, Value};
use thiserror::Error;

use super::{Function, definitions};

/// A field that is described by hand; for [`Function::input_fields`].
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    name: String,
    is_mandatory: bool,
    /// Replaces the schema that the type has for it.
    schema: Option<Schema>,
    /// The fields in it; if empty, those of its type.
    fields: Vec<Field>,
}

/// Why a description can't have these fields.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FieldError {
    /// The function has no such input or output, or it isn't described.
    #[error("there is nothing described to give fields to")]
    Undescribed,
    /// The type at this path has no fields.
    #[error("`{path}` has no fields; `.` is the whole")]
    NotAnObject {
        /// The names on the way to it, with dots between.
        path: String,
    },
    /// The type has no such field, and the field has no schema of its own.
    #[error("there is no field `{path}`; give it a schema, or take one of: {}", known.join(", "))]
    Unknown {
        /// The names on the way to it, with dots between.
        path: String,
        /// The fields that there are.
        known: Vec<String>,
    },
    /// A field is listed twice.
    #[error("field `{path}` is given twice")]
    Twice {
        /// The names on the way to it, with dots between.
        path: String,
    },
    /// The schema given for a field refers to another one, which isn't in it.
    #[error("the schema of field `{path}` has a `$ref`, and must stand alone")]
    Reference {
        /// The names on the way to it, with dots between.
        path: String,
    },
}

impl Field {
    /// A field that a caller must give, or that an output always has.
    pub fn mandatory(name: impl Into<String>) -> Self {
        Self { name: name.into(), is_mandatory: true, schema: None, fields: Vec::new() }
    }

    /// A field that may be absent.
    pub fn optional(name: impl Into<String>) -> Self {
        Self { is_mandatory: false, ..Self::mandatory(name) }
    }

    /// Its schema, which has no `$ref`. Default: that of the type's field of this name.
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = Some(schema);
        self
    }

    /// The fields in it, or in its elements if it is a list. Default: those of its type.
    #[must_use]
    pub fn fields(mut self, fields: impl IntoIterator<Item = Field>) -> Self {
        self.fields = fields.into_iter().collect();
        self
    }
}

impl Function {
    /// Describes the input by these fields. Each field says whether it is mandatory.
    /// Fields of the type that aren't listed are dropped, and so are the forms of an enum.
    ///
    /// This doesn't change what the method accepts. So list every field that the type requires as
    /// mandatory: otherwise a caller that follows the description is refused.
    ///
    /// ```
    /// use brpc_core::{Field, Function, describe};
    ///
    /// #[derive(schemars::JsonSchema)]
    /// struct Greet { debug: Option<bool>, name: String, title: Option<String> }
    ///
    /// let mut function = Function::new("greet");
    /// function.input = Some(describe::<Greet>());
    /// function.input_fields([Field::optional("title"), Field::mandatory("name")])?;
    ///
    /// let input = function.input.unwrap();
    /// let names: Vec<_> = input.get("properties").unwrap().as_object().unwrap().keys().collect();
    /// assert_eq!(names, ["name", "title"]);
    /// assert_eq!(input.get("required").unwrap(), &serde_json::json!(["name"]));
    /// # Ok::<(), brpc_core::FieldError>(())
    /// ```
    ///
    /// # Errors
    /// If the type has no field of a name that is given without a schema, or no fields at all. The
    /// description stays unchanged.
    pub fn input_fields(
        &mut self,
        fields: impl IntoIterator<Item = Field>,
    ) -> Result<(), FieldError> {
        override_fields(self.input.as_mut(), fields)
    }

    /// Describes the output by these fields, as [`input_fields`](Self::input_fields) does the input.
    ///
    /// # Errors
    /// As there.
    pub fn output_fields(
        &mut self,
        fields: impl IntoIterator<Item = Field>,
    ) -> Result<(), FieldError> {
        override_fields(self.output.as_mut(), fields)
    }
}

fn override_fields(
    schema: Option<&mut Schema>,
    fields: impl IntoIterator<Item = Field>,
) -> Result<(), FieldError> {
    let schema = schema.ok_or(FieldError::Undescribed)?;
    let fields: Vec<Field> = fields.into_iter().collect();
    let mut given = with_fields(schema, schema.as_value(), &fields, "")?;
    if let Some(rules) = given.as_object_mut() {
        definitions::drop_unused(rules);
        *schema = std::mem::take(rules).into();
    }
    Ok(())
}

/// A schema whose object has just these fields: the schema itself, what it refers to, its elements,
/// or what it is if it isn't `null`.
fn with_fields(
    root: &Schema,
    schema: &Value,
    fields: &[Field],
    path: &str,
) -> Result<Value, FieldError> {
    let none = || FieldError::NotAnObject { path: if path.is_empty() { "." } else { path }.into() };
    let rules = schema.as_object().ok_or_else(none)?;
    if let Some(target) = rules.get("$ref").and_then(Value::as_str) {
        let mut target = root.pointer(target).ok_or_else(none)?.clone();
        if let Some(target) = target.as_object_mut() {
            // The rest of the document, if the schema refers to the document itself.
            target.retain(|rule, _| rule != "$schema" && rule != "$defs");
            // The field's own rules win over those of its type.
            target.extend(rules.clone().into_iter().filter(|(rule, _)| rule != "$ref"));
        }
        return with_fields(root, &target, fields, path);
    }
    let mut given = rules.clone();
    if rules.contains_key("properties") {
        given = object(root, rules, fields, path)?;
    } else if let Some(items) = given.get_mut("items") {
        *items = with_fields(root, items, fields, path)?;
    } else if let Some(Value::Array(choices)) = given.get_mut("anyOf")
        && let [choice, null] = &mut choices[..]
        && null.get("type").is_some_and(|kind| kind == "null")
    {
        *choice = with_fields(root, choice, fields, path)?;
    } else if rules.get("type").is_none_or(|kind| kind == "object") {
        // Anything, a map or an enum: it has the fields whose schemas are given.
        given = object(root, rules, fields, path)?;
        given.insert("type".to_owned(), "object".into());
    } else {
        return Err(none());
    }
    Ok(given.into())
}

/// The rules of an object with just these fields.
fn object(
    root: &Schema,
    rules: &Map<String, Value>,
    fields: &[Field],
    path: &str,
) -> Result<Map<String, Value>, FieldError> {
    let no_fields = Map::new();
    let known = rules.get("properties").and_then(Value::as_object).unwrap_or(&no_fields);
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for Field { name, is_mandatory, schema, fields } in fields {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if properties.contains_key(name) {
            return Err(FieldError::Twice { path });
        }
        let mut described = match (schema, known.get(name)) {
            (Some(schema), _) if definitions::refer(schema.as_value()) => {
                return Err(FieldError::Reference { path });
            }
            (Some(schema), _) => schema.as_value().clone(),
            (None, Some(own)) => own.clone(),
            (None, None) => {
                return Err(FieldError::Unknown { path, known: known.keys().cloned().collect() });
            }
        };
        if !fields.is_empty() {
            described = with_fields(root, &described, fields, &path)?;
        }
        if *is_mandatory {
            required.push(Value::from(name.as_str()));
        }
        properties.insert(name.clone(), described);
    }
    let is_whole = known.keys().all(|name| properties.contains_key(name));
    let mut object = rules.clone();
    object.retain(|rule, value| match rule.as_str() {
        // A field that is dropped isn't refused.
        "additionalProperties" => is_whole && *value == false,
        "$schema" | "$defs" | "title" | "description" | "type" | "properties" => true,
        _ => false,
    });
    object.insert("properties".to_owned(), properties.into());
    if !required.is_empty() {
        object.insert("required".to_owned(), required.into());
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;

    use super::*;
    use crate::describe;

    /// An order.
    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Order {
        zip: Option<u8>,
        /// Who pays.
        buyer: Option<Person>,
        items: Vec<Item>,
        secret: Secret,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Person {
        name: String,
        age: u8,
        parent: Option<Box<Person>>,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Item {
        count: u8,
        made_by: Person,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Secret {
        key: u8,
    }

    fn given(fields: impl IntoIterator<Item = Field>) -> Result<Value, FieldError> {
        let input = Some(describe::<Order>());
        let mut function = Function { input, ..Function::new("order") };
        function.input_fields(fields)?;
        Ok(function.input.unwrap().to_value())
    }

    fn names(object: &Value) -> Vec<&String> {
        object.as_object().unwrap().keys().collect()
    }

    #[test]
    fn fields_are_those_listed() {
        let input = given([Field::mandatory("zip"), Field::optional("buyer")]).unwrap();
        assert_eq!(input["description"], "An order.");
        assert_eq!(names(&input["properties"]), ["buyer", "zip"]);
        assert_eq!(input["required"], json!(["zip"]));
        assert_eq!(input.get("additionalProperties"), None, "what is dropped isn't refused");
        assert_eq!(names(&input["$defs"]), ["Person"], "what is dropped leaves no trace");
    }

    #[test]
    fn what_lists_all_fields_refuses_others_as_the_type_does() {
        let all = ["secret", "items", "buyer", "zip"].map(Field::optional);
        let input = given(all).unwrap();
        assert_eq!(input["additionalProperties"], false);
        assert_eq!(input.get("required"), None);
        assert_eq!(names(&input["properties"]), ["buyer", "items", "secret", "zip"]);
    }

    #[test]
    fn fields_are_given_at_any_depth() {
        let maker = Field::mandatory("made_by").fields([Field::optional("age")]);
        let input = given([
            Field::mandatory("buyer").fields([Field::mandatory("name")]),
            Field::mandatory("items").fields([maker]),
        ])
        .unwrap();
        let buyer = &input["properties"]["buyer"];
        assert_eq!(buyer["description"], "Who pays.");
        assert_eq!(names(&buyer["anyOf"][0]["properties"]), ["name"]);
        let item = &input["properties"]["items"]["items"];
        assert_eq!(names(&item["properties"]), ["made_by"]);
        assert_eq!(names(&item["properties"]["made_by"]["properties"]), ["age"]);
        assert_eq!(item["properties"]["made_by"].get("required"), None);
        assert_eq!(input.get("$defs"), None);
    }

    #[test]
    fn a_type_within_itself_is_given_fields_once() {
        let mut function = Function::new("f");
        function.input = Some(describe::<Person>());
        let parent = Field::optional("parent").fields([Field::mandatory("name")]);
        function.input_fields([parent]).unwrap();
        let input = function.input.unwrap().to_value();
        let parent = &input["properties"]["parent"]["anyOf"][0];
        assert_eq!(names(&parent["properties"]), ["name"]);
        assert_eq!(parent.get("$schema"), None);
    }

    #[test]
    fn a_schema_may_be_given() {
        let field = Field::mandatory("extra").schema(describe::<u8>());
        let input = given([field]).unwrap();
        assert_eq!(input["properties"]["extra"]["maximum"], 255);
    }

    #[test]
    fn what_may_be_anything_is_given_fields() {
        let mut function = Function::new("f");
        function.input = Some(describe::<Value>());
        let missing = function.input_fields([Field::optional("a")]);
        assert_eq!(missing, Err(FieldError::Unknown { path: "a".to_owned(), known: vec![] }));
        function.input_fields([Field::mandatory("a").schema(true.into())]).unwrap();
        let input = function.input.unwrap().to_value();
        assert_eq!((&input["type"], &input["required"]), (&json!("object"), &json!(["a"])));
    }

    #[test]
    fn mistakes_are_reported() {
        let unknown = given([Field::mandatory("items").fields([Field::optional("price")])]);
        let known = vec!["count".to_owned(), "made_by".to_owned()];
        assert_eq!(unknown, Err(FieldError::Unknown { path: "items.price".to_owned(), known }));
        let twice = given([Field::mandatory("zip"), Field::optional("zip")]);
        assert_eq!(twice, Err(FieldError::Twice { path: "zip".to_owned() }));
        let leaf = given([Field::mandatory("zip").fields([Field::optional("a")])]);
        assert_eq!(leaf, Err(FieldError::NotAnObject { path: "zip".to_owned() }));
        let open = given([Field::mandatory("zip").schema(describe::<Person>())]);
        assert_eq!(open, Err(FieldError::Reference { path: "zip".to_owned() }));
        assert_eq!(Function::new("f").output_fields([]), Err(FieldError::Undescribed));
    }
}
