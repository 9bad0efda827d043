//! Arguments: from JSON to a typed value, with errors a model can act on.
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{ToolError, schema};

/// Parses arguments. Arguments that the type does not have are refused: a misspelt name that is silently ignored gives
/// a wrong answer, and the schema says that there are no others (see [`schema::input`]).
///
/// # Errors
/// [`ToolError::Invalid`] names the argument, what is wrong and what its schema says.
pub(crate) fn parse<T: DeserializeOwned + JsonSchema>(json: &str) -> Result<T, ToolError> {
    // Protocols send `null` or nothing where there are no arguments.
    let json = match json.trim() {
        "" | "null" => "{}",
        json => json,
    };
    let mut unknown = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let parsed = {
        let mut note = |path: serde_ignored::Path<'_>| unknown.push(path.to_string());
        let ignoring = serde_ignored::Deserializer::new(&mut deserializer, &mut note);
        serde_path_to_error::deserialize(ignoring)
    };
    let value = parsed.map_err(|error| {
        let path = error.path().to_string();
        describe::<T>(&path, &without_position(&error.inner().to_string()))
    })?;
    deserializer.end().map_err(|error| ToolError::Invalid(format!("the arguments are no JSON object: {error}")))?;
    match unknown.first() {
        Some(path) => Err(refuse_unknown::<T>(path)),
        None => Ok(value),
    }
}

fn describe<T: JsonSchema>(path: &str, problem: &str) -> ToolError {
    let schema = schema::input::<T>();
    // serde reports a missing field at its parent.
    let missing = problem.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let path = match (path, missing) {
        (".", Some(field)) => field.to_owned(),
        (_, Some(field)) => format!("{path}.{field}"),
        _ => path.to_owned(),
    };
    if path == "." {
        return ToolError::Invalid(format!("arguments: {problem}"));
    }
    let problem = if missing.is_some() { "is missing" } else { problem };
    match expectation(&schema, &path) {
        Some(expected) => ToolError::invalid(&path, format!("{problem}; expected {expected}")),
        None => ToolError::invalid(&path, problem),
    }
}

fn refuse_unknown<T: JsonSchema>(path: &str) -> ToolError {
    let schema = schema::input::<T>();
    let parent = path.rsplit_once('.').map(|(parent, _)| parent);
    let names = parent
        .map_or(Some(&schema), |parent| find(&schema, parent))
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_object)
        .map(|properties| properties.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
        .unwrap_or_default();
    match names.is_empty() {
        true => ToolError::invalid(path, "is unknown; there are no arguments here"),
        false => ToolError::invalid(path, format!("is unknown; the arguments are {names}")),
    }
}

/// What the schema says about the argument at `path` (`items[2].name`), in one line.
fn expectation(schema: &Value, path: &str) -> Option<String> {
    let schema = find(schema, path)?;
    let mut text = match schema.get("type") {
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => String::from("a value"),
    };
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        text = format!("one of {}", values.iter().map(Value::to_string).collect::<Vec<_>>().join(", "));
    }
    if let Some(description) = schema.get("description").and_then(Value::as_str) {
        text = format!("{text} ({})", description.trim_end_matches('.'));
    }
    Some(text)
}

fn find<'s>(schema: &'s Value, path: &str) -> Option<&'s Value> {
    path.split(['.', '[']).filter(|segment| !segment.is_empty()).try_fold(schema, |schema, segment| {
        if segment == "?" {
            return Some(schema);
        }
        schema.get("properties").and_then(|properties| properties.get(segment)).or_else(|| schema.get("items"))
    })
}

/// Arguments come on one line, and a model does not count columns.
fn without_position(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(text, _)| text).to_owned()
}

#[cfg(test)]
mod tests;
