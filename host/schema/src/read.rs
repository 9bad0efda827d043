//! Text to schema.

use serde_json::Value;

use crate::check::{self, Problem};
use crate::compile::{Purpose, compile};
use crate::rules::Rules;

/// Bytes of a complaint: it goes to clients.
const COMPLAINT: usize = 500;

/// Why a schema cannot be served. Its author is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// No JSON.
    #[error("no JSON: {0}")]
    Json(String),
    /// JSON, but no object.
    #[error("no JSON object")]
    NoObject,
    /// Arguments are always an object.
    #[error("without `\"type\": \"object\"`: arguments are always an object")]
    NoArguments,
    /// A dialect that is not spoken.
    #[error(
        "in a dialect that is not spoken here, `{0}`: leave `$schema` out for 2020-12, or name 2020-12, 2019-09, \
         draft-07, draft-06 or draft-04"
    )]
    Dialect(String),
    /// It would have to be fetched.
    #[error(
        "not complete: `{0}` would have to be fetched, and nothing is ever fetched; put it into `$defs` and refer to \
         `#/$defs/NAME`"
    )]
    Fetch(String),
    /// Beyond a bound.
    #[error("too large: {0}")]
    Large(String),
    /// It is no schema of its dialect.
    #[error("no schema of its dialect: {0}")]
    Invalid(String),
}

/// A dialect of JSON Schema, in order of age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dialect {
    Draft04,
    Draft06,
    Draft07,
    Draft2019,
    Draft2020,
}

/// The schema of structured results.
#[derive(Debug)]
pub struct OutputSchema {
    rules: Rules,
}

/// Checks that a text is the schema of arguments. What fits it is the component's business.
///
/// # Errors
/// As [`SchemaError`] has it.
pub fn check_input(text: &str) -> Result<(), SchemaError> {
    let (value, dialect) = read(text)?;
    if value.get("type").and_then(Value::as_str) != Some("object") {
        return Err(SchemaError::NoArguments);
    }
    compile(&value, dialect, Purpose::Show).map(|_| ())
}

// === impl OutputSchema ===

impl OutputSchema {
    /// Reads a schema.
    ///
    /// # Errors
    /// As [`SchemaError`] has it; also for a pattern that cannot be checked in bounded time.
    pub fn read(text: &str) -> Result<Self, SchemaError> {
        let (value, dialect) = read(text)?;
        Ok(Self { rules: compile(&value, dialect, Purpose::Check)? })
    }

    /// Checks a structured result, JSON. Takes time in proportion to its length, whatever the schema says.
    ///
    /// # Errors
    /// Where it does not fit and how, or that it cannot be said within the bound.
    pub fn check(&self, json: &str) -> Result<(), String> {
        let value: Value = serde_json::from_str(json).map_err(|error| format!("no JSON: {error}"))?;
        match check::check(&self.rules, &value, json.len()) {
            Ok(()) => Ok(()),
            Err(Problem::Wrong(place, text)) if place.is_empty() => Err(shortened(text)),
            Err(Problem::Wrong(place, text)) => Err(shortened(format!("`{place}`: {text}"))),
            Err(Problem::Endless) => {
                Err("the schema takes too long to check: it looks at the same value too often".to_owned())
            }
        }
    }
}

fn read(text: &str) -> Result<(Value, Dialect), SchemaError> {
    let value: Value = serde_json::from_str(text).map_err(|error| SchemaError::Json(error.to_string()))?;
    let Some(members) = value.as_object() else { return Err(SchemaError::NoObject) };
    let dialect = match members.get("$schema") {
        None => Dialect::Draft2020,
        Some(name) => {
            let known = name.as_str().and_then(Dialect::named);
            known.ok_or_else(|| SchemaError::Dialect(shortened(name.to_string())))?
        }
    };
    Ok((value, dialect))
}

fn shortened(mut text: String) -> String {
    if text.len() > COMPLAINT {
        let end = (0..=COMPLAINT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}

// === impl Dialect ===

impl Dialect {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name.trim_end_matches('#') {
            "https://json-schema.org/draft/2020-12/schema" => Self::Draft2020,
            "https://json-schema.org/draft/2019-09/schema" => Self::Draft2019,
            "http://json-schema.org/draft-07/schema" | "https://json-schema.org/draft-07/schema" => Self::Draft07,
            "http://json-schema.org/draft-06/schema" => Self::Draft06,
            "http://json-schema.org/draft-04/schema" => Self::Draft04,
            _ => return None,
        })
    }

    /// The keyword that names a document.
    pub(crate) fn id(self) -> &'static str {
        if self == Self::Draft04 { "id" } else { "$id" }
    }

    /// Up to draft-07 what stands beside `$ref` means nothing.
    pub(crate) fn refs_stand_alone(self) -> bool {
        self <= Self::Draft07
    }

    pub(crate) fn items_may_be_a_list(self) -> bool {
        self <= Self::Draft2019
    }

    pub(crate) fn exclusive_is_a_flag(self) -> bool {
        self == Self::Draft04
    }
}
