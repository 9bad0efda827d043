//! JSON values to component values, each checked against its shape.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Number, Value};
use wasmtime::component::Val;

use crate::ArgumentError;
use crate::schema::{NOT_NUMBERS, SAFE};
use crate::shape::{Case, Field, Integer, Shape};

/// Base64 of RFC 4648 section 4; models forget the padding, so it may be absent.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where in the arguments we are: a list from the inside out, so that going down allocates nothing.
#[derive(Clone, Copy)]
pub(crate) enum At<'a> {
    Root,
    Member(&'a At<'a>, &'a str),
    Item(&'a At<'a>, usize),
}

/// One value per field, in the order of the fields.
pub(crate) fn members(fields: &[Field], value: Value, at: &At<'_>) -> Result<Vec<(String, Val)>, ArgumentError> {
    let mut members = object(value, at, || "an object".to_owned())?;
    let vals = fields
        .iter()
        .map(|field| {
            let at = At::Member(at, &field.name);
            let val = match members.remove(&field.name) {
                Some(value) => val(&field.shape, value, &at)?,
                None if field.shape.nullable() => Val::Option(None),
                None => return Err(ArgumentError::Missing { at: at.pointer(), expected: expected(&field.shape) }),
            };
            Ok((field.name.clone(), val))
        })
        .collect::<Result<_, _>>()?;
    match members.keys().next() {
        None => Ok(vals),
        Some(unknown) => Err(ArgumentError::Unknown {
            at: At::Member(at, unknown).pointer(),
            known: list(fields.iter().map(|field| field.name.as_str())),
        }),
    }
}

/// The component value of a JSON value.
pub(crate) fn val(shape: &Shape, value: Value, at: &At<'_>) -> Result<Val, ArgumentError> {
    let wrong = |value: &Value| at.wrong(expected(shape), value);
    Ok(match (shape, value) {
        (Shape::Bool, Value::Bool(value)) => Val::Bool(value),
        (Shape::Integer(integer), value) => {
            whole(*integer, &value).and_then(|whole| integer_val(*integer, whole)).ok_or_else(|| wrong(&value))?
        }
        (Shape::F32, value) => float(&value)
            .map(narrow)
            .filter(|narrow| narrow.is_finite() || value.is_string())
            .map(Val::Float32)
            .ok_or_else(|| wrong(&value))?,
        (Shape::F64, value) => Val::Float64(float(&value).ok_or_else(|| wrong(&value))?),
        (Shape::Char, Value::String(text)) => Val::Char(only_char(&text).ok_or_else(|| wrong(&Value::String(text)))?),
        (Shape::String, Value::String(text)) => Val::String(text),
        (Shape::Bytes, value) => Val::List(bytes(value, at)?.into_iter().map(Val::U8).collect()),
        (Shape::List(item), Value::Array(values)) => Val::List(
            values
                .into_iter()
                .enumerate()
                .map(|(index, value)| val(item, value, &At::Item(at, index)))
                .collect::<Result<_, _>>()?,
        ),
        (Shape::Tuple(items), Value::Array(values)) if items.len() == values.len() => Val::Tuple(
            items
                .iter()
                .zip(values)
                .enumerate()
                .map(|(index, (item, value))| val(item, value, &At::Item(at, index)))
                .collect::<Result<_, _>>()?,
        ),
        (Shape::Record(fields), value @ Value::Object(_)) => Val::Record(members(fields, value, at)?),
        (Shape::Variant(cases), value) => variant(cases, value, at, shape)?,
        (Shape::Enum(names), Value::String(name)) if names.contains(&name) => Val::Enum(name),
        (Shape::Flags(names), Value::Array(values)) => flags(names, values, at)?,
        (Shape::Option(_), Value::Null) => Val::Option(None),
        (Shape::Option(some), value) if some.nullable() => {
            let value = single("some", value, at, shape)?;
            Val::Option(Some(Box::new(val(some, value, &At::Member(at, "some"))?)))
        }
        (Shape::Option(some), value) => Val::Option(Some(Box::new(val(some, value, at)?))),
        (Shape::Result(ok, error), value) => result(ok.as_deref(), error.as_deref(), value, at, shape)?,
        (_, value) => return Err(wrong(&value)),
    })
}

/// The bytes of base64 text or of an array of numbers.
pub(crate) fn bytes(value: Value, at: &At<'_>) -> Result<Vec<u8>, ArgumentError> {
    match value {
        Value::String(text) => BASE64.decode(&text).map_err(|error| ArgumentError::Base64 {
            at: at.pointer(),
            reason: error.to_string().trim_end_matches('.').to_lowercase(),
        }),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .map(|(index, value)| {
                let octet = whole(Integer::U8, value).and_then(|whole| u8::try_from(whole).ok());
                octet.ok_or_else(|| At::Item(at, index).wrong(expected(&Shape::Integer(Integer::U8)), value))
            })
            .collect(),
        value => Err(at.wrong(expected(&Shape::Bytes), &value)),
    }
}

/// The text of a string.
pub(crate) fn text(value: Value, at: &At<'_>) -> Result<String, ArgumentError> {
    match value {
        Value::String(text) => Ok(text),
        value => Err(at.wrong(expected(&Shape::String), &value)),
    }
}

fn variant(cases: &[Case], value: Value, at: &At<'_>, shape: &Shape) -> Result<Val, ArgumentError> {
    if let Value::String(name) = &value {
        let plain = cases.iter().any(|case| case.name == *name && case.shape.is_none());
        return if plain { Ok(Val::Variant(name.clone(), None)) } else { Err(at.wrong(expected(shape), &value)) };
    }
    let (name, value) = case(value, at, shape)?;
    let payload = cases.iter().find(|case| case.name == name).and_then(|case| case.shape.as_ref());
    let Some(payload) = payload else { return Err(at.wrong_text(expected(shape), format!("case `{}`", short(&name)))) };
    let payload = val(payload, value, &At::Member(at, &name))?;
    Ok(Val::Variant(name, Some(Box::new(payload))))
}

fn result(
    ok: Option<&Shape>,
    error: Option<&Shape>,
    value: Value,
    at: &At<'_>,
    shape: &Shape,
) -> Result<Val, ArgumentError> {
    let (name, value) = match value {
        Value::String(name) => (name, None),
        value => case(value, at, shape).map(|(name, value)| (name, Some(value)))?,
    };
    let payload = |payload: Option<&Shape>, value: Option<Value>| match (payload, value) {
        (None, None) => Ok(None),
        (Some(payload), Some(value)) => Ok(Some(Box::new(val(payload, value, &At::Member(at, &name))?))),
        _ => Err(at.wrong_text(expected(shape), format!("case `{}`", short(&name)))),
    };
    match name.as_str() {
        "ok" => payload(ok, value).map(|val| Val::Result(Ok(val))),
        "error" => payload(error, value).map(|val| Val::Result(Err(val))),
        _ => Err(at.wrong_text(expected(shape), format!("case `{}`", short(&name)))),
    }
}

fn flags(names: &[String], values: Vec<Value>, at: &At<'_>) -> Result<Val, ArgumentError> {
    let mut set: Vec<String> = Vec::new();
    for (index, value) in values.into_iter().enumerate() {
        let at = At::Item(at, index);
        match value {
            Value::String(name) if set.contains(&name) => {
                return Err(at.wrong_text("each flag at most once".to_owned(), format!("`{}` again", short(&name))));
            }
            Value::String(name) if names.contains(&name) => set.push(name),
            value => return Err(at.wrong(one_of(names), &value)),
        }
    }
    Ok(Val::Flags(set))
}

/// The only member of an object: the name of a case and its payload.
fn case(value: Value, at: &At<'_>, shape: &Shape) -> Result<(String, Value), ArgumentError> {
    let members = object(value, at, || expected(shape))?;
    let count = members.len();
    let mut members = members.into_iter();
    match members.next() {
        Some(member) if count == 1 => Ok(member),
        _ => Err(at.wrong_text(expected(shape), format!("an object of {count} members"))),
    }
}

fn single(name: &str, value: Value, at: &At<'_>, shape: &Shape) -> Result<Value, ArgumentError> {
    match case(value, at, shape)? {
        (found, value) if found == name => Ok(value),
        (found, _) => Err(at.wrong_text(expected(shape), format!("member `{}`", short(&found)))),
    }
}

fn object(value: Value, at: &At<'_>, expected: impl Fn() -> String) -> Result<Map<String, Value>, ArgumentError> {
    match value {
        Value::Object(members) => Ok(members),
        value => Err(at.wrong(expected(), &value)),
    }
}

fn only_char(text: &str) -> Option<char> {
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}

/// A whole number: a JSON number as far as every reader keeps it exactly, digits in a string for the wide types.
fn whole(integer: Integer, value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => safe(number),
        Value::String(digits) if integer.wide() && canonical(integer, digits) => digits.parse().ok(),
        _ => None,
    }
}

/// `3.0` and `3e0` are the integer 3 to JSON Schema, and so to us.
fn safe(number: &Number) -> Option<i128> {
    let whole = if let Some(value) = number.as_u64() {
        i128::from(value)
    } else if let Some(value) = number.as_i64() {
        i128::from(value)
    } else {
        let value = number.as_f64().filter(|value| value.fract() == 0.0)?;
        #[allow(clippy::cast_possible_truncation, reason = "the cast saturates and the range is checked below")]
        let whole = value as i128;
        whole
    };
    (-SAFE..=SAFE).contains(&whole).then_some(whole)
}

/// Digits as the schema's pattern has them: no space, no sign but `-` where there is one, as many as the largest has.
fn canonical(integer: Integer, digits: &str) -> bool {
    let (bare, most) = match integer {
        Integer::U64 => (digits, 20),
        _ => (digits.strip_prefix('-').unwrap_or(digits), 19),
    };
    (1..=most).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_digit())
}

fn integer_val(integer: Integer, whole: i128) -> Option<Val> {
    Some(match integer {
        Integer::S8 => Val::S8(whole.try_into().ok()?),
        Integer::U8 => Val::U8(whole.try_into().ok()?),
        Integer::S16 => Val::S16(whole.try_into().ok()?),
        Integer::U16 => Val::U16(whole.try_into().ok()?),
        Integer::S32 => Val::S32(whole.try_into().ok()?),
        Integer::U32 => Val::U32(whole.try_into().ok()?),
        Integer::S64 => Val::S64(whole.try_into().ok()?),
        Integer::U64 => Val::U64(whole.try_into().ok()?),
    })
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(name) => match name.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation, reason = "rounding is what f32 means; the caller refuses an overflow")]
fn narrow(value: f64) -> f32 {
    value as f32
}

// === what is wrong, in words ===

impl At<'_> {
    /// The JSON pointer (RFC 6901).
    pub(crate) fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(parent, name) => {
                format!("{}/{}", parent.pointer(), name.replace('~', "~0").replace('/', "~1"))
            }
            Self::Item(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }

    fn wrong(&self, expected: String, value: &Value) -> ArgumentError {
        self.wrong_text(expected, found(value))
    }

    fn wrong_text(&self, expected: String, found: String) -> ArgumentError {
        ArgumentError::Unexpected { at: self.pointer(), expected, found }
    }
}

/// What a shape wants, for people and models.
fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Bool => "true or false".into(),
        Shape::Integer(integer) => {
            let (least, most) = integer.range();
            let digits = if integer.wide() { ", beyond 9007199254740991 as a string of digits" } else { "" };
            format!("an integer from {least} to {most}{digits}")
        }
        Shape::F32 | Shape::F64 => {
            format!("a number in the range of {} or {}", shape.text(), one_of(&NOT_NUMBERS.map(str::to_owned)))
        }
        Shape::Char => "a string of one character".into(),
        Shape::String => "a string".into(),
        Shape::Bytes => "a base64 string or an array of numbers from 0 to 255".into(),
        Shape::List(_) => "an array".into(),
        Shape::Tuple(items) => format!("an array of {} items", items.len()),
        Shape::Record(fields) => format!("an object with {}", list(fields.iter().map(|field| field.name.as_str()))),
        Shape::Variant(cases) => cases_of(cases.iter().map(|case| (case.name.as_str(), case.shape.is_some()))),
        Shape::Enum(names) => one_of(names),
        Shape::Flags(names) => format!("an array out of {}", list(names.iter().map(String::as_str))),
        Shape::Option(some) if some.nullable() => "null or an object with `some`".into(),
        Shape::Option(some) => format!("{}, or null", expected(some)),
        Shape::Result(ok, error) => cases_of([("ok", ok.is_some()), ("error", error.is_some())].into_iter()),
    }
}

fn cases_of<'a>(cases: impl Iterator<Item = (&'a str, bool)>) -> String {
    let forms =
        cases.map(|(name, payload)| if payload { format!("{{\"{name}\": ...}}") } else { format!("\"{name}\"") });
    abridged(forms, " or ")
}

fn one_of(names: &[String]) -> String {
    abridged(names.iter().map(|name| format!("\"{name}\"")), " or ")
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names = abridged(names.map(|name| format!("`{name}`")), ", ");
    if names.is_empty() { "no members".into() } else { names }
}

/// At most 24 of them: an error is read by a model, not stored in one.
fn abridged(names: impl Iterator<Item = String>, between: &str) -> String {
    let mut names: Vec<String> = names.take(25).collect();
    if let Some(last) = names.get_mut(24) {
        "...".clone_into(last);
    }
    names.join(between)
}

fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("the string `{}`", short(text)),
        Value::Array(values) => format!("an array of {} items", values.len()),
        Value::Object(members) => format!("an object of {} members", members.len()),
    }
}

/// The beginning of a text from the client, printable.
fn short(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    let more = if start.len() < text.len() { "..." } else { "" };
    format!("{}{more}", start.escape_debug())
}
