//! Reads keywords, or says what is wrong with them.

use regex_lite::{Regex, RegexBuilder};
use serde_json::{Map, Number, Value};

use crate::SchemaError;

/// Bytes of a pattern's compiled form; more is a pattern made to be large.
const PATTERN: usize = 256 << 10;

/// An object's keywords.
#[derive(Clone, Copy)]
pub(crate) struct Keywords<'a>(pub(crate) &'a Map<String, Value>);

/// A keyword that is not as its dialect has it.
pub(crate) fn wrong(keyword: &str, wanted: &str, value: &Value) -> SchemaError {
    let mut shown = value.to_string();
    if let Some((at, _)) = shown.char_indices().nth(80) {
        shown.truncate(at);
        shown.push('…');
    }
    SchemaError::Invalid(format!("`{keyword}` must be {wanted}, and is `{shown}`"))
}

impl<'a> Keywords<'a> {
    pub(crate) fn get(self, keyword: &str) -> Option<&'a Value> {
        self.0.get(keyword)
    }

    pub(crate) fn number(self, keyword: &str) -> Result<Option<Number>, SchemaError> {
        match self.get(keyword) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number.clone())),
            Some(other) => Err(wrong(keyword, "a number", other)),
        }
    }

    pub(crate) fn count(self, keyword: &str) -> Result<Option<u64>, SchemaError> {
        let Some(value) = self.get(keyword) else { return Ok(None) };
        let whole = |value: f64| value >= 0.0 && value.fract() == 0.0 && value <= 9e15;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, not negative, below 2^53")]
        let written_as_fraction =
            |value: &Value| value.as_f64().filter(|value| whole(*value)).map(|value| value as u64);
        let count = value.as_u64().or_else(|| written_as_fraction(value));
        count.map(Some).ok_or_else(|| wrong(keyword, "a whole number from 0 on", value))
    }

    pub(crate) fn text(self, keyword: &str) -> Result<Option<&'a str>, SchemaError> {
        match self.get(keyword) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(keyword, "a string", other)),
        }
    }

    pub(crate) fn list(self, keyword: &str) -> Result<Option<&'a [Value]>, SchemaError> {
        match self.get(keyword) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(other) => Err(wrong(keyword, "a list", other)),
        }
    }

    pub(crate) fn map(self, keyword: &str) -> Result<Option<&'a Map<String, Value>>, SchemaError> {
        match self.get(keyword) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(other) => Err(wrong(keyword, "an object", other)),
        }
    }

    pub(crate) fn flag(self, keyword: &str) -> Result<bool, SchemaError> {
        match self.get(keyword) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(wrong(keyword, "`true` or `false`", other)),
        }
    }
}

/// A list of names.
pub(crate) fn names(keyword: &str, value: &Value) -> Result<Vec<String>, SchemaError> {
    let names = value.as_array().and_then(|list| list.iter().map(|name| name.as_str().map(str::to_owned)).collect());
    names.ok_or_else(|| wrong(keyword, "a list of strings", value))
}

/// A pattern. `None` where it is not for use, and may be one that is not understood here.
pub(crate) fn pattern(keyword: &str, text: &str) -> Result<Regex, SchemaError> {
    RegexBuilder::new(text).size_limit(PATTERN).build().map_err(|error| {
        SchemaError::Invalid(format!(
            "`{keyword}` has the pattern `{text}`, which cannot be checked here in bounded time: {error}"
        ))
    })
}
