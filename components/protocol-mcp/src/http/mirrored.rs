//! `Mcp-Param-*`: headers that mirror arguments of a tool, where its schema says so with `x-mcp-header`.
//!
//! Proxies route by such headers without reading the body, so a header that says something else than the body is an
//! attack on whatever trusted it.

use std::borrow::Cow;

use serde_json::Value;

use super::head::{Head, absent, decode, differs, mismatch};
use crate::errors::RpcError;
use crate::json::Params;

const ANNOTATION: &str = "x-mcp-header";
/// Annotations are reached through `properties` only; what lies deeper is no schema that a person wrote.
const DEEPEST: usize = 16;

/// Checks the headers of a call of a tool with that schema. Arguments that are no object fail later, for that. Headers
/// that no schema asks for pass: they are for others.
///
/// # Errors
/// -32020 with status 400 for a header that is missing, broken, or says something else than the body.
pub(super) fn check(schema: &str, head: &Head, params: &Params<'_>) -> Result<(), RpcError> {
    // Most schemas have no annotation, and a search is cheaper than a parse.
    if !schema.contains(ANNOTATION) {
        return Ok(());
    }
    let Ok(schema) = serde_json::from_str::<Value>(schema) else { return Ok(()) };
    let arguments = params.arguments.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    walk(&schema, arguments.as_ref(), head, DEEPEST)
}

fn walk(schema: &Value, arguments: Option<&Value>, head: &Head, deeper: usize) -> Result<(), RpcError> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Ok(()) };
    for (name, property) in properties {
        let value = arguments.and_then(|all| all.get(name)).filter(|value| !value.is_null());
        if let Some(header) = property.get(ANNOTATION).and_then(Value::as_str) {
            compare(header, value, head.mirrored(header))?;
        }
        if deeper > 0 {
            walk(property, value, head, deeper - 1)?;
        }
    }
    Ok(())
}

fn compare(name: &str, value: Option<&Value>, header: Option<&str>) -> Result<(), RpcError> {
    let full = || format!("Mcp-Param-{name}");
    let (value, header) = match (value.and_then(plain), header) {
        (None, None) => return Ok(()),
        (None, Some(header)) => return Err(differs(&full(), header, "nothing")),
        (Some(_), None) => return Err(absent(&full())),
        (Some(value), Some(header)) => (value, header),
    };
    let Some(said) = decode(header) else {
        return Err(mismatch(format!("`{}` is not base64 between `=?base64?` and `?=`", full())));
    };
    if said == value.text || (value.is_number && same_number(&said, &value.text)) {
        return Ok(());
    }
    Err(differs(&full(), &said, &value.text))
}

struct Plain<'a> {
    text: Cow<'a, str>,
    is_number: bool,
}

/// A value as a header writes it; objects and arrays cannot be written.
fn plain(value: &Value) -> Option<Plain<'_>> {
    let (text, is_number) = match value {
        Value::String(text) => (Cow::Borrowed(text.as_str()), false),
        Value::Bool(flag) => (Cow::Borrowed(if *flag { "true" } else { "false" }), false),
        Value::Number(number) => (Cow::Owned(number.to_string()), true),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(Plain { text, is_number })
}

/// `1.0` is `1` and `1e2` is `100`: clients in other languages write numbers their own way.
fn same_number(one: &str, other: &str) -> bool {
    matches!((one.parse::<f64>(), other.parse::<f64>()), (Ok(one), Ok(other)) if one == other)
}
