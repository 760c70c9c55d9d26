//! The body of a `Describe` message: a count, then that many functions.

use brpc_core::Function;
use brpc_core::describe::{DescriptionError, Schema};
use brpc_core::limits::{MAX_DESCRIPTION, MAX_METHODS};
use bytes::Bytes;
use postcard::experimental::serialized_size;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::limits::{MAX_SCHEMA_DEPTH, MAX_SCHEMA_NODES};
use crate::names::NameRules;

/// A function as it is sent. Schemas are texts: postcard can't decode a JSON value.
#[derive(Deserialize, Serialize)]
pub(super) struct EncodedFunction<'a> {
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) input: Option<&'a str>,
    pub(super) output: Option<&'a str>,
}

/// The body that describes these functions.
pub(super) fn encode(functions: &[Function]) -> Result<Bytes, DescriptionError> {
    let count = u32::try_from(functions.len()).map_err(|_| DescriptionError::TooManyMethods)?;
    let mut body = Vec::new();
    append(&mut body, &count);
    for function in functions {
        let text = |schema: &Option<Schema>| schema.as_ref().map(|it| it.as_value().to_string());
        let (input, output) = (text(&function.input), text(&function.output));
        let encoded = EncodedFunction {
            name: &function.name,
            description: &function.description,
            input: input.as_deref(),
            output: output.as_deref(),
        };
        append(&mut body, &encoded);
    }
    Ok(body.into())
}

/// Decodes the functions of a body and checks each against every limit, before any is stored.
pub(super) fn decode<'a>(
    body: &'a [u8],
    names: &NameRules,
) -> Result<Vec<EncodedFunction<'a>>, DescriptionError> {
    if body.len() > MAX_DESCRIPTION {
        return Err(DescriptionError::TooLarge { size: body.len() });
    }
    let malformed = |_| DescriptionError::Malformed;
    let (count, mut rest) = postcard::take_from_bytes::<u32>(body).map_err(malformed)?;
    if body.len() - rest.len() != serialized_size(&count).map_err(malformed)? {
        return Err(DescriptionError::Malformed);
    }
    if count as usize > MAX_METHODS {
        return Err(DescriptionError::TooManyMethods);
    }
    let mut functions = Vec::new();
    let mut nodes = 0;
    for index in 0..count as usize {
        let (function, after) =
            postcard::take_from_bytes::<EncodedFunction<'_>>(rest).map_err(malformed)?;
        // Numbers in their shortest form only, as in the headers of frames.
        if rest.len() - after.len() != serialized_size(&function).map_err(malformed)? {
            return Err(DescriptionError::Malformed);
        }
        rest = after;
        if !names.method.allows(function.name) {
            return Err(DescriptionError::BadName { index });
        }
        for schema in [function.input, function.output].into_iter().flatten() {
            nodes += check_schema(schema).map_err(|problem| DescriptionError::BadSchema {
                name: function.name.to_owned(),
                problem,
            })?;
        }
        functions.push(function);
    }
    // Counted to the end, for the error: the body is short enough.
    if nodes > MAX_SCHEMA_NODES {
        return Err(DescriptionError::TooManyValues { values: nodes, limit: MAX_SCHEMA_NODES });
    }
    if rest.is_empty() { Ok(functions) } else { Err(DescriptionError::Malformed) }
}

/// How many values a schema has; an error if they are too deep, or if it isn't a schema. Builds
/// nothing.
fn check_schema(text: &str) -> Result<usize, String> {
    let nodes = json::measure(text.as_bytes(), MAX_SCHEMA_DEPTH, usize::MAX)
        .map_err(|error| error.message)?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| error.to_string())?;
    match text.trim_ascii_start().as_bytes() {
        [b'{' | b't' | b'f', ..] => Ok(nodes),
        _ => Err("a schema is an object, `true` or `false`".to_owned()),
    }
}

fn append<T: Serialize>(bytes: &mut Vec<u8>, value: &T) {
    let encoded = postcard::to_stdvec(value).expect("flat values serialize into memory");
    bytes.extend_from_slice(&encoded);
}

#[cfg(test)]
pub(super) fn encode_raw(name: &str, input: &str) -> Bytes {
    let mut body = Vec::new();
    append(&mut body, &1_u32);
    append(&mut body, &EncodedFunction { name, description: "", input: Some(input), output: None });
    body.into()
}
