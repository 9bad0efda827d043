//! Component values to JSON text, in the order of the WIT text.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};
use wasmtime::component::Val;

use crate::ResultError;
use crate::schema::SAFE;
use crate::shape::Shape;

/// A value with its shape: serializes to the JSON of the mapping table.
#[derive(Clone, Copy)]
pub(crate) struct Of<'a>(pub(crate) &'a Shape, pub(crate) &'a Val);

/// Bytes, which serialize to base64.
pub(crate) struct Base64<'a>(pub(crate) &'a [u8]);

/// An object of one member.
pub(crate) struct Single<'a, T>(pub(crate) &'a str, pub(crate) T);

/// The JSON text of a value, at most `limit` bytes.
pub(crate) fn text(value: &impl Serialize, limit: usize) -> Result<String, ResultError> {
    let mut capped = Capped { bytes: Vec::new(), limit };
    match serde_json::to_writer(&mut capped, value) {
        Ok(()) => String::from_utf8(capped.bytes).map_err(|_| ResultError::Mismatch),
        Err(error) if error.is_io() => Err(ResultError::TooLarge { limit }),
        Err(_) => Err(ResultError::Mismatch),
    }
}

struct Capped {
    bytes: Vec<u8>,
    limit: usize,
}

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit.saturating_sub(self.bytes.len()) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(self.0))
    }
}

impl<T: Serialize> Serialize for Single<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map([(self.0, &self.1)])
    }
}

impl Serialize for Of<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match (self.0, self.1) {
            (Shape::Bool, Val::Bool(value)) => to.serialize_bool(*value),
            (Shape::Integer(_), Val::S8(value)) => to.serialize_i8(*value),
            (Shape::Integer(_), Val::U8(value)) => to.serialize_u8(*value),
            (Shape::Integer(_), Val::S16(value)) => to.serialize_i16(*value),
            (Shape::Integer(_), Val::U16(value)) => to.serialize_u16(*value),
            (Shape::Integer(_), Val::S32(value)) => to.serialize_i32(*value),
            (Shape::Integer(_), Val::U32(value)) => to.serialize_u32(*value),
            (Shape::Integer(_), Val::S64(value)) => wide(i128::from(*value), to),
            (Shape::Integer(_), Val::U64(value)) => wide(i128::from(*value), to),
            (Shape::F32, Val::Float32(value)) if value.is_finite() => to.serialize_f32(*value),
            (Shape::F32, Val::Float32(value)) => to.serialize_str(not_a_number(f64::from(*value))),
            (Shape::F64, Val::Float64(value)) if value.is_finite() => to.serialize_f64(*value),
            (Shape::F64, Val::Float64(value)) => to.serialize_str(not_a_number(*value)),
            (Shape::Char, Val::Char(value)) => to.serialize_char(*value),
            (Shape::String, Val::String(value)) => to.serialize_str(value),
            (Shape::Bytes, Val::List(values)) => Base64(&octets(values).ok_or_else(mismatch)?).serialize(to),
            (Shape::List(item), Val::List(values)) => to.collect_seq(values.iter().map(|value| Self(item, value))),
            (Shape::Tuple(items), Val::Tuple(values)) if items.len() == values.len() => {
                to.collect_seq(items.iter().zip(values).map(|(item, value)| Self(item, value)))
            }
            (Shape::Record(fields), Val::Record(values)) if fields.len() == values.len() => {
                let mut map = to.serialize_map(Some(fields.len()))?;
                for (field, (_, value)) in fields.iter().zip(values) {
                    map.serialize_entry(&field.name, &Self(&field.shape, value))?;
                }
                map.end()
            }
            (Shape::Variant(cases), Val::Variant(name, payload)) => {
                let case = cases.iter().find(|case| case.name == *name).ok_or_else(mismatch)?;
                case_of(name, case.shape.as_ref(), payload.as_deref(), to)
            }
            (Shape::Enum(_), Val::Enum(name)) => to.serialize_str(name),
            (Shape::Flags(_), Val::Flags(names)) => {
                let mut seq = to.serialize_seq(Some(names.len()))?;
                names.iter().try_for_each(|name| seq.serialize_element(name))?;
                seq.end()
            }
            (Shape::Option(_), Val::Option(None)) => to.serialize_unit(),
            (Shape::Option(some), Val::Option(Some(value))) if some.nullable() => {
                Single("some", Self(some, value)).serialize(to)
            }
            (Shape::Option(some), Val::Option(Some(value))) => Self(some, value).serialize(to),
            (Shape::Result(ok, _), Val::Result(Ok(value))) => case_of("ok", ok.as_deref(), value.as_deref(), to),
            (Shape::Result(_, error), Val::Result(Err(value))) => {
                case_of("error", error.as_deref(), value.as_deref(), to)
            }
            _ => Err(mismatch()),
        }
    }
}

fn case_of<S: Serializer>(name: &str, shape: Option<&Shape>, payload: Option<&Val>, to: S) -> Result<S::Ok, S::Error> {
    match (shape, payload) {
        (None, None) => to.serialize_str(name),
        (Some(shape), Some(payload)) => Single(name, Of(shape, payload)).serialize(to),
        _ => Err(mismatch()),
    }
}

fn wide<S: Serializer>(value: i128, to: S) -> Result<S::Ok, S::Error> {
    if (-SAFE..=SAFE).contains(&value) { to.serialize_i128(value) } else { to.collect_str(&value) }
}

fn not_a_number(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value.is_sign_positive() {
        "Infinity"
    } else {
        "-Infinity"
    }
}

fn octets(values: &[Val]) -> Option<Vec<u8>> {
    values.iter().map(|value| if let Val::U8(octet) = value { Some(*octet) } else { None }).collect()
}

fn mismatch<E: Error>() -> E {
    E::custom("the value is not of the function's type")
}
