//! JSON read strictly: readers that disagree on a file disagree on what was signed.
//!
//! Against RFC 8259, which lets implementations choose: no key twice, bounded nesting, nothing after the value. Objects
//! are taken apart field by field; what nobody took is an error.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

/// Deepest nesting of a file: ours needs 5. A bound on recursion.
const MAX_DEPTH: usize = 16;

/// Why a text is not the JSON that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, a key twice, nested too deep, or something after the end.
    #[error("not strict JSON: {0}")]
    Syntax(String),
    /// A field is missing.
    #[error("`{0}` is missing")]
    Missing(String),
    /// A field nobody knows.
    #[error("`{0}` is not a field that is known here")]
    Unknown(String),
    /// A field of another type.
    #[error("`{path}` is not {expected}")]
    Type {
        /// Which.
        path: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A list of another length.
    #[error("`{path}` has {found} entries, {min} to {max} are taken")]
    Count {
        /// Which.
        path: String,
        /// How many there are.
        found: usize,
        /// Fewest.
        min: usize,
        /// Most.
        max: usize,
    },
}

/// A value of which only the parts that our formats use are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    String(String),
    /// `null`, a boolean or a number.
    Other,
}

/// An object that is being taken apart, and its path for messages.
pub(crate) struct Fields {
    path: String,
    fields: Vec<(String, Json)>,
}

/// Whether a text is JSON that all readers read alike: no key twice, at most 16 levels deep, nothing after the end.
///
/// # Errors
/// [`JsonError::Syntax`].
pub fn check_strict_json(bytes: &[u8]) -> Result<(), JsonError> {
    Json::parse(bytes).map(drop)
}

impl Json {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let value = Strict { depth: 0 }.deserialize(&mut deserializer);
        value
            .and_then(|value| deserializer.end().map(|()| value))
            .map_err(|error| JsonError::Syntax(error.to_string().escape_debug().to_string()))
    }

    pub(crate) fn into_fields(self, path: &str) -> Result<Fields, JsonError> {
        match self {
            Self::Object(fields) => Ok(Fields { path: path.to_owned(), fields }),
            _ => Err(wrong_type(path, "an object")),
        }
    }
}

impl Fields {
    /// Takes a field out, if it is there.
    pub(crate) fn take_optional(&mut self, name: &str) -> Option<Json> {
        let index = self.fields.iter().position(|(key, _)| key == name)?;
        Some(self.fields.swap_remove(index).1)
    }

    /// Gives a field back that somebody else takes.
    pub(crate) fn put_back(&mut self, name: &str, value: Json) {
        self.fields.push((name.to_owned(), value));
    }

    /// A list of at most `max` strings; a missing one is empty.
    pub(crate) fn take_texts(&mut self, name: &str, max: usize) -> Result<Vec<String>, JsonError> {
        let path = self.path_of(name);
        let entries = match self.take_optional(name) {
            None => return Ok(Vec::new()),
            Some(Json::Array(entries)) => entries,
            Some(_) => return Err(wrong_type(&path, "a list")),
        };
        if entries.len() > max {
            return Err(JsonError::Count { path, found: entries.len(), min: 0, max });
        }
        let text = |(i, entry)| match entry {
            Json::String(text) => Ok(text),
            _ => Err(wrong_type(&format!("{path}[{i}]"), "a string")),
        };
        entries.into_iter().enumerate().map(text).collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(key, _)| key == name)
    }

    pub(crate) fn take(&mut self, name: &str) -> Result<Json, JsonError> {
        self.take_optional(name).ok_or_else(|| JsonError::Missing(self.path_of(name)))
    }

    pub(crate) fn take_string(&mut self, name: &str) -> Result<String, JsonError> {
        match self.take(name)? {
            Json::String(text) => Ok(text),
            _ => Err(wrong_type(&self.path_of(name), "a string")),
        }
    }

    pub(crate) fn take_fields(&mut self, name: &str) -> Result<Fields, JsonError> {
        self.take(name)?.into_fields(&self.path_of(name))
    }

    /// A list of objects, `min` to `max` of them.
    pub(crate) fn take_list(&mut self, name: &str, min: usize, max: usize) -> Result<Vec<Fields>, JsonError> {
        let path = self.path_of(name);
        let Json::Array(entries) = self.take(name)? else {
            return Err(wrong_type(&path, "a list"));
        };
        let found = entries.len();
        if !(min..=max).contains(&found) {
            return Err(JsonError::Count { path, found, min, max });
        }
        entries.into_iter().enumerate().map(|(i, entry)| entry.into_fields(&format!("{path}[{i}]"))).collect()
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), JsonError> {
        match self.fields.first() {
            Some((name, _)) => Err(JsonError::Unknown(self.path_of(name))),
            None => Ok(()),
        }
    }

    pub(crate) fn path_of(&self, name: &str) -> String {
        let name: String = name.chars().take(80).flat_map(char::escape_debug).collect();
        if self.path.is_empty() { name } else { format!("{}.{name}", self.path) }
    }
}

fn wrong_type(path: &str, expected: &'static str) -> JsonError {
    JsonError::Type { path: path.to_owned(), expected }
}

/// Builds a [`Json`], refusing what RFC 8259 leaves open.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

// === impl Strict ===

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Json;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element_seed(inner)? {
            list.push(entry);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut fields = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("the key `{key}` stands twice in one object")));
            }
            fields.push((key, entries.next_value_seed(inner)?));
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests;
