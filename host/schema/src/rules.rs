//! A schema, ready to be applied.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::{Number, Value};

/// A schema's place in [`Rules`].
pub(crate) type Id = usize;

/// Every schema of a document; the first is the document's own.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) all: Vec<Rule>,
    /// Whether anything asks what others have looked at.
    pub(crate) unevaluated: bool,
}

/// One schema.
#[derive(Debug, Default)]
pub(crate) struct Rule {
    /// `false`: nothing fits.
    pub(crate) never: bool,
    pub(crate) types: Option<Types>,
    pub(crate) values: Option<Vec<Value>>,
    pub(crate) number: Numbers,
    pub(crate) text: Texts,
    pub(crate) array: Arrays,
    pub(crate) object: Objects,
    pub(crate) all_of: Vec<Id>,
    pub(crate) any_of: Option<Vec<Id>>,
    pub(crate) one_of: Option<Vec<Id>>,
    pub(crate) not: Option<Id>,
    pub(crate) condition: Option<Id>,
    pub(crate) then: Option<Id>,
    pub(crate) otherwise: Option<Id>,
    pub(crate) unevaluated_items: Option<Id>,
    pub(crate) unevaluated_properties: Option<Id>,
}

/// Names of types, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Types(pub(crate) u8);

#[derive(Debug, Default)]
pub(crate) struct Numbers {
    pub(crate) minimum: Option<Number>,
    pub(crate) maximum: Option<Number>,
    pub(crate) above: Option<Number>,
    pub(crate) below: Option<Number>,
    pub(crate) multiple_of: Option<Number>,
}

#[derive(Debug, Default)]
pub(crate) struct Texts {
    pub(crate) least: Option<u64>,
    pub(crate) most: Option<u64>,
    pub(crate) pattern: Option<Regex>,
}

#[derive(Debug, Default)]
pub(crate) struct Arrays {
    pub(crate) least: Option<u64>,
    pub(crate) most: Option<u64>,
    pub(crate) unique: bool,
    pub(crate) first: Vec<Id>,
    pub(crate) rest: Option<Id>,
    pub(crate) contains: Option<Id>,
    pub(crate) contains_least: Option<u64>,
    pub(crate) contains_most: Option<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) least: Option<u64>,
    pub(crate) most: Option<u64>,
    pub(crate) required: Vec<String>,
    pub(crate) properties: BTreeMap<String, Id>,
    pub(crate) patterns: Vec<(Regex, Id)>,
    pub(crate) rest: Option<Id>,
    pub(crate) names: Option<Id>,
    /// With a member of that name these must be there too.
    pub(crate) together: Vec<(String, Vec<String>)>,
    /// With a member of that name this applies too.
    pub(crate) dependent: Vec<(String, Id)>,
}

impl Types {
    const NAMES: [(&'static str, u8); 7] =
        [("null", 1), ("boolean", 2), ("integer", 4), ("number", 8 | 4), ("string", 16), ("array", 32), ("object", 64)];

    pub(crate) fn named(name: &str) -> Option<u8> {
        Self::NAMES.iter().find(|(one, _)| *one == name).map(|(_, bits)| *bits)
    }

    pub(crate) fn fits(self, value: &Value) -> bool {
        let bits = match value {
            Value::Null => 1,
            Value::Bool(_) => 2,
            Value::Number(number) if is_whole(number) => 4,
            Value::Number(_) => 8,
            Value::String(_) => 16,
            Value::Array(_) => 32,
            Value::Object(_) => 64,
        };
        self.0 & bits != 0
    }

    /// The names, for people.
    pub(crate) fn names(self) -> String {
        let names: Vec<&str> =
            Self::NAMES.iter().filter(|(_, bits)| self.0 & bits == *bits).map(|(name, _)| *name).collect();
        let whole = names.contains(&"number");
        names.into_iter().filter(|name| !whole || *name != "integer").collect::<Vec<_>>().join(" or ")
    }
}

fn is_whole(number: &Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|value| value.fract() == 0.0)
}
