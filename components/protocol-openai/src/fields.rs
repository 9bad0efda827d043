//! A request's JSON, read with the names of its parameters: what is wrong is said at its place.

use serde_json::{Map, Value};

use crate::error::ApiError;

type Read<T> = Result<T, ApiError>;

/// An object of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'v, 'p> {
    map: &'v Map<String, Value>,
    /// Where it stands: nowhere, or `messages[0]`.
    place: Place<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Place<'p> {
    Root,
    Below(&'p str),
}

impl<'v, 'p> Fields<'v, 'p> {
    /// The body of a request.
    pub(crate) fn of(body: &'v Value) -> Read<Self> {
        match body {
            Value::Object(map) => Ok(Self { map, place: Place::Root }),
            other => Err(ApiError::new(400, format!("the body is {}, not an object", kind(other)))),
        }
    }

    /// An object at `place`.
    pub(crate) fn at(value: &'v Value, place: &'p str) -> Read<Self> {
        match value {
            Value::Object(map) => Ok(Self { map, place: Place::Below(place) }),
            other => Err(wrong(place, other, "an object")),
        }
    }

    /// Where a parameter of it stands.
    pub(crate) fn place(&self, name: &str) -> String {
        match self.place {
            Place::Root => name.to_owned(),
            Place::Below(place) => format!("{place}.{name}"),
        }
    }

    /// A parameter that is there; `null` counts as not there, as clients mean it.
    pub(crate) fn get(&self, name: &str) -> Option<&'v Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Read<Option<&'v str>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(&self.place(name), other, "a string")),
        }
    }

    /// Yes or no; not given: no.
    pub(crate) fn flag(&self, name: &str) -> Read<bool> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(wrong(&self.place(name), other, "a boolean")),
        }
    }

    /// A number from `least` to `most`.
    pub(crate) fn number(&self, name: &str, least: f32, most: f32) -> Read<Option<f32>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        #[allow(clippy::cast_possible_truncation, reason = "within bounds that f32 has")]
        let number = value.as_f64().map(|number| number as f32);
        let number = number.ok_or_else(|| wrong(&self.place(name), value, "a number"))?;
        if (least..=most).contains(&number) {
            return Ok(Some(number));
        }
        Err(ApiError::invalid(self.place(name), format!("`{}` must be from {least} to {most}", self.place(name))))
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn count(&self, name: &str, least: u32, most: u32) -> Read<Option<u32>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let place = self.place(name);
        if !value.is_i64() && !value.is_u64() {
            return Err(wrong(&place, value, "an integer"));
        }
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (least..=most).contains(number));
        let refused = || ApiError::invalid(place.as_str(), format!("`{place}` must be from {least} to {most}"));
        number.ok_or_else(refused).map(Some)
    }

    /// Refuses a parameter that is there and says something else than `same`, because following it is not possible here.
    pub(crate) fn only(&self, name: &str, same: impl Fn(&Value) -> bool, why: &str) -> Read<()> {
        match self.get(name) {
            Some(value) if !same(value) => {
                let place = self.place(name);
                Err(ApiError::unsupported(place.as_str(), format!("`{place}`: {why}")))
            }
            _ => Ok(()),
        }
    }
}

/// A value of another type than it should have.
pub(crate) fn wrong(place: &str, value: &Value, wanted: &str) -> ApiError {
    let text = format!("`{place}` must be {wanted}, not {}", kind(value));
    ApiError { code: Some("invalid_type"), ..ApiError::invalid(place, text) }
}

/// Tokens, if the array holds whole numbers only.
pub(crate) fn tokens(list: &[Value]) -> Option<Vec<u32>> {
    list.iter().map(|value| value.as_u64().and_then(|token| u32::try_from(token).ok())).collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
