//! JSON Schema 2020-12 of a shape, written in the order of the WIT text: models read fields in that order.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::shape::{Field, Integer, Shape};
use crate::{Reason, limits};

/// Largest integer that every JSON reader keeps exactly (RFC 8259 section 6; ECMAScript `Number.MAX_SAFE_INTEGER`).
pub(crate) const SAFE: i128 = 9_007_199_254_740_991;

/// The texts that stand for the floats which JSON has no number for.
pub(crate) const NOT_NUMBERS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Who writes the values. Bytes may be written in two ways by a client, but we write them in one.
#[derive(Clone, Copy)]
enum Side {
    Input,
    Output,
}

/// The schema of a function's arguments.
pub(crate) fn input(params: &[Field]) -> Result<String, Reason> {
    write(&Members(params, Side::Input))
}

/// The schema of a function's structured result. What is not an object already is the member `result` of one.
pub(crate) fn output(shape: &Shape) -> Result<String, Reason> {
    if wrapped(shape) { write(&Single("result", shape, Side::Output)) } else { write(&Of(shape, Side::Output)) }
}

/// Whether a result of this shape is put into an object `{"result": ...}`: all but records, because some
/// clients take only objects.
pub(crate) fn wrapped(shape: &Shape) -> bool {
    !matches!(shape, Shape::Record(_))
}

fn write(schema: &impl Serialize) -> Result<String, Reason> {
    match serde_json::to_string(schema) {
        Ok(text) if text.len() <= limits::SCHEMA_BYTES => Ok(text),
        _ => Err(Reason::SchemaTooLarge { limit: limits::SCHEMA_BYTES }),
    }
}

/// The schema of a shape.
struct Of<'a>(&'a Shape, Side);

/// An object with these members and no others.
struct Members<'a>(&'a [Field], Side);

/// An object with exactly one member.
struct Single<'a>(&'a str, &'a Shape, Side);

/// The `properties` of an object.
struct Properties<'a>(&'a [Field], Side);

/// Several schemas in an array.
struct Each<'a>(&'a [Shape], Side);

/// `oneOf` of a variant: texts for the cases without payload, objects for the others.
struct Cases<'a>(Vec<(&'a str, Option<&'a Shape>)>, Side);

// === impl Of ===

impl Serialize for Of<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let side = self.1;
        let mut map = to.serialize_map(None)?;
        match self.0 {
            Shape::Bool => map.serialize_entry("type", "boolean")?,
            Shape::Integer(integer) if integer.wide() => wide(&mut map, *integer)?,
            Shape::Integer(integer) => integer_range(&mut map, integer.range())?,
            Shape::F32 | Shape::F64 => map.serialize_entry("anyOf", &(Type("number"), Enum(&NOT_NUMBERS)))?,
            Shape::Char => {
                map.serialize_entry("type", "string")?;
                map.serialize_entry("minLength", &1)?;
                map.serialize_entry("maxLength", &1)?;
            }
            Shape::String => map.serialize_entry("type", "string")?,
            Shape::Bytes => match side {
                Side::Input => map.serialize_entry("anyOf", &(Base64, Octets))?,
                Side::Output => base64(&mut map)?,
            },
            Shape::List(item) => {
                map.serialize_entry("type", "array")?;
                map.serialize_entry("items", &Self(item, side))?;
            }
            Shape::Tuple(items) => {
                map.serialize_entry("type", "array")?;
                map.serialize_entry("prefixItems", &Each(items, side))?;
                // Not `"items": false`: validators of the older draft 7, which some clients use, know no `prefixItems`
                // and would refuse every item.
                map.serialize_entry("minItems", &items.len())?;
                map.serialize_entry("maxItems", &items.len())?;
            }
            Shape::Record(fields) => members(&mut map, fields, side)?,
            Shape::Variant(cases) => {
                let cases = cases.iter().map(|case| (case.name.as_str(), case.shape.as_ref())).collect();
                map.serialize_entry("oneOf", &Cases(cases, side))?;
            }
            Shape::Enum(names) => {
                map.serialize_entry("type", "string")?;
                map.serialize_entry("enum", names)?;
            }
            Shape::Flags(names) => {
                map.serialize_entry("type", "array")?;
                map.serialize_entry("items", &Enum(names))?;
                map.serialize_entry("uniqueItems", &true)?;
            }
            Shape::Option(some) if some.nullable() => {
                map.serialize_entry("anyOf", &(Single("some", some, side), Type("null")))?;
            }
            Shape::Option(some) => map.serialize_entry("anyOf", &(Self(some, side), Type("null")))?,
            Shape::Result(ok, error) => {
                let cases = vec![("ok", ok.as_deref()), ("error", error.as_deref())];
                map.serialize_entry("oneOf", &Cases(cases, side))?;
            }
        }
        map.end()
    }
}

// === impl Members, Single, Properties, Each, Cases ===

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        members(&mut map, self.0, self.1)?;
        map.end()
    }
}

impl Serialize for Single<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("type", "object")?;
        map.serialize_entry("properties", &One(self.0, &Of(self.1, self.2)))?;
        map.serialize_entry("required", &[self.0])?;
        map.serialize_entry("additionalProperties", &false)?;
        map.end()
    }
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|field| (&field.name, Of(&field.shape, self.1))))
    }
}

impl Serialize for Each<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(|shape| Of(shape, self.1)))
    }
}

impl Serialize for Cases<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut seq = to.serialize_seq(None)?;
        let plain: Vec<&str> = self.0.iter().filter(|(_, shape)| shape.is_none()).map(|(name, _)| *name).collect();
        if !plain.is_empty() {
            seq.serialize_element(&Enum(&plain))?;
        }
        for (name, shape) in &self.0 {
            if let Some(shape) = shape {
                seq.serialize_element(&Single(name, shape, self.1))?;
            }
        }
        seq.end()
    }
}

fn members<M: SerializeMap>(map: &mut M, fields: &[Field], side: Side) -> Result<(), M::Error> {
    map.serialize_entry("type", "object")?;
    map.serialize_entry("properties", &Properties(fields, side))?;
    let required: Vec<&str> =
        fields.iter().filter(|field| !field.shape.nullable()).map(|field| field.name.as_str()).collect();
    if !required.is_empty() {
        map.serialize_entry("required", &required)?;
    }
    map.serialize_entry("additionalProperties", &false)
}

// === small schemas ===

struct Type(&'static str);
struct Enum<'a, T>(&'a [T]);
struct One<'a, T>(&'a str, &'a T);
struct Base64;
struct Octets;
struct Range((i128, i128));
struct Digits(Integer);

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map([("type", self.0)])
    }
}

impl<T: Serialize> Serialize for Enum<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("type", "string")?;
        map.serialize_entry("enum", self.0)?;
        map.end()
    }
}

impl<T: Serialize> Serialize for One<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map([(self.0, self.1)])
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        base64(&mut map)?;
        map.end()
    }
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("type", "array")?;
        map.serialize_entry("items", &Range(Integer::U8.range()))?;
        map.end()
    }
}

impl Serialize for Range {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        integer_range(&mut map, self.0)?;
        map.end()
    }
}

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("type", "string")?;
        map.serialize_entry("pattern", if self.0 == Integer::U64 { "^[0-9]{1,20}$" } else { "^-?[0-9]{1,19}$" })?;
        map.end()
    }
}

fn integer_range<M: SerializeMap>(map: &mut M, (least, most): (i128, i128)) -> Result<(), M::Error> {
    map.serialize_entry("type", "integer")?;
    map.serialize_entry("minimum", &least)?;
    map.serialize_entry("maximum", &most)
}

fn wide<M: SerializeMap>(map: &mut M, integer: Integer) -> Result<(), M::Error> {
    let (least, most) = integer.range();
    map.serialize_entry("description", "beyond 9007199254740991 as a string of digits")?;
    map.serialize_entry("anyOf", &(Range((least.max(-SAFE), most.min(SAFE))), Digits(integer)))
}

fn base64<M: SerializeMap>(map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("type", "string")?;
    map.serialize_entry("contentEncoding", "base64")
}
