//! JSON Schemas (2020-12) from Rust types.
//!
//! Subschemas are inlined, since many clients do not follow `$ref`; only a type that contains itself keeps one. There is
//! no `$schema` (2020-12 is the protocol's default) and no `title` (the name of a Rust type says nothing to a model).
//!
//! Objects of an *input* are closed: `additionalProperties` is `false` unless the type says otherwise (a map, or a
//! flattened one), because unknown arguments are refused. Objects of an *output* stay open, so that a later version may
//! add members.
use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value, json};

/// The schema of a tool's arguments: an object, closed. The type's own doc comment is its `description`.
#[must_use]
pub fn input<T: JsonSchema>() -> Value {
    let mut schema = generate::<T>(Contract::Deserialize);
    if let Value::Object(root) = &mut schema {
        root.entry("type").or_insert_with(|| json!("object"));
        root.entry("properties").or_insert_with(|| json!({}));
    }
    close(&mut schema);
    schema
}

/// The schema of a structured result.
#[must_use]
pub fn output<T: JsonSchema>() -> Value {
    generate::<T>(Contract::Serialize)
}

fn generate<T: JsonSchema>(contract: Contract) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
        settings.contract = contract;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    tidy(&mut schema);
    schema
}

/// Visits the schema and every schema in it.
fn visit(schema: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    let Value::Object(object) = schema else { return };
    change(object);
    for (key, value) in object.iter_mut() {
        match (key.as_str(), value) {
            ("properties" | "patternProperties" | "$defs", Value::Object(schemas)) => {
                schemas.values_mut().for_each(|schema| visit(schema, change));
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(|schema| visit(schema, change));
            }
            ("items" | "additionalProperties" | "not", schema) => visit(schema, change),
            _ => {}
        }
    }
}

/// Removes what only Rust knows: names of types, and formats such as `uint32` or `double`, which are no formats of JSON
/// Schema and which strict validators warn about.
fn tidy(schema: &mut Value) {
    visit(schema, &mut |object| {
        object.remove("title");
        let rust_only = ["int", "uint", "float", "double"];
        let format = object.get("format").and_then(Value::as_str).unwrap_or_default();
        if rust_only.iter().any(|prefix| format.starts_with(prefix)) {
            object.remove("format");
        }
        // Doc comments break lines where the source does.
        if let Some(Value::String(text)) = object.get_mut("description") {
            *text = text.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
        }
    });
}

/// Closes every object whose members are all listed beside each other.
fn close(schema: &mut Value) {
    visit(schema, &mut |object| {
        let composed = ["oneOf", "anyOf", "allOf", "$ref", "unevaluatedProperties"];
        if object.contains_key("properties")
            && !object.contains_key("additionalProperties")
            && !composed.iter().any(|key| object.contains_key(*key))
        {
            object.insert(String::from("additionalProperties"), Value::Bool(false));
        }
    });
}

#[cfg(test)]
mod tests;
