//! One hash for one meaning: the SHA-256 of a JSON text in the form of RFC 8785 (JCS).
//!
//! Objects are sorted by the UTF-16 code units of their keys, there is no white space, numbers are written as ECMAScript
//! writes a double. Strings stay as they are: no Unicode normalisation, so that a look-alike is a difference. What readers
//! could see differently has no hash: a key that stands twice in an object, and a whole number beyond 2^53 - 1 either way,
//! which a double does not hold.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use tidegate_reference::Digest;

/// Largest whole number that a double holds without loss: 2^53 - 1.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// Why a text has no hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("readers could understand this JSON differently: {0}")]
pub struct CanonicalError(String);

/// The hash of what a tool takes and gives: `input` and `output` are JSON Schemas as text, `rest` is everything else that
/// a client is told about it.
///
/// # Errors
/// A text that readers could understand differently.
pub fn definition_hash(input: &str, output: Option<&str>, rest: Value) -> Result<Digest, CanonicalError> {
    let mut definition = Map::new();
    definition.insert("input".to_owned(), parse(input)?);
    definition.insert("output".to_owned(), output.map(parse).transpose()?.unwrap_or(Value::Null));
    definition.insert("rest".to_owned(), rest);
    let bytes = serde_json_canonicalizer::to_vec(&Value::Object(definition));
    Ok(Digest::of(&bytes.map_err(|error| CanonicalError(error.to_string()))?))
}

fn parse(text: &str) -> Result<Value, CanonicalError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|error| CanonicalError(error.to_string()))
}

/// Builds a value, refusing what readers see differently. Nesting is bounded by the parser, at 128.
#[derive(Clone, Copy)]
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        if value > MAX_SAFE { Err(too_big(&value)) } else { Ok(value.into()) }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > MAX_SAFE { Err(too_big(&value)) } else { Ok(value.into()) }
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| too_big(&value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element_seed(self)? {
            list.push(entry);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let (mut object, mut seen) = (Map::new(), HashSet::new());
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self)?;
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("the key `{}` stands twice", key.escape_debug())));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

fn too_big<E: serde::de::Error>(number: &dyn fmt::Display) -> E {
    E::custom(format_args!("the number {number} is beyond what every reader holds exactly (2^53 - 1)"))
}

#[cfg(test)]
mod tests;
