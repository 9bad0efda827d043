//! One function as a tool: its definition, its arguments from JSON and its result to JSON.

use serde_json::Value;
use wasmtime::component::Val;
use wasmtime::component::types::ComponentFunc;

use crate::lift::{self, Base64, Single};
use crate::lower::{self, At};
use crate::shape::{Budget, Field, Shape};
use crate::{ArgumentError, Reason, ResultError, schema, strict};

/// An exported function that serves as a tool.
#[derive(Clone, Debug)]
pub struct Function {
    /// The tool's name: 1 to 64 characters out of `A-Z a-z 0-9 _ -`, unique in the component.
    pub name: String,
    /// The function's name for people.
    pub title: String,
    /// The signature and where the function is exported, after its docs if [`Reflected::describe`](crate::Reflected::describe)
    /// found some; models read this.
    pub description: String,
    /// Where the function is: names of exported instances from the outside in, the function's name last. Each is a step
    /// for `get_export_index`.
    pub path: Vec<String>,
    /// JSON Schema (2020-12) of the arguments: an object with one member per parameter.
    pub input_schema: String,
    /// JSON Schema (2020-12) of [`Answer::structured`]; none when a success carries no value.
    pub output_schema: Option<String>,
    pub(crate) params: Vec<Field>,
    pub(crate) result: Option<Shape>,
}

/// Checked arguments of one call. Strings and bytes stay what they are when that is all a function takes: a megabyte
/// as `Val`s costs a thousand times as much as in one piece.
#[derive(Clone, Debug)]
pub struct Arguments(pub(crate) Form);

#[derive(Clone, Debug)]
pub(crate) enum Form {
    None,
    Text(String),
    Bytes(Vec<u8>),
    TextBytes(String, Vec<u8>),
    Vals(Vec<Val>),
}

/// What a function answered, as a tool does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The JSON text of the result, an object that fits [`Function::output_schema`]. None when the function failed or a
    /// success carries no value.
    pub structured: Option<String>,
    /// The result for the model: a string as it is, another value as JSON, `done` when there is none.
    pub text: String,
    /// The function returned the error of its `result`; the text is that error.
    pub is_error: bool,
}

/// A value on its way out.
pub(crate) enum Piece {
    Nothing,
    Text(String),
    Bytes(Vec<u8>),
    Val(Val),
}

// === impl Function ===

impl Function {
    pub(crate) fn new(ty: &ComponentFunc, path: &[String]) -> Result<Self, Reason> {
        if ty.async_() {
            return Err(Reason::Unsupported { what: "asynchronous calls of the WASI 0.3 kind" });
        }
        let mut budget = Budget::new();
        let params = ty
            .params()
            .map(|(name, ty)| Ok(Field { name: name.to_owned(), shape: Shape::new(&ty, &mut budget)? }))
            .collect::<Result<Vec<_>, Reason>>()?;
        let result = ty.results().next().map(|ty| Shape::new(&ty, &mut budget)).transpose()?;
        let output_schema = success(result.as_ref()).map(schema::output).transpose()?;
        let (name, instances) = path.split_last().map_or(("", &[][..]), |(name, rest)| (name.as_str(), rest));
        Ok(Self {
            name: String::new(),
            title: title(name),
            description: signature(name, instances, &params, result.as_ref()),
            path: path.to_vec(),
            input_schema: schema::input(&params)?,
            output_schema,
            params,
            result,
        })
    }

    /// Checks the arguments of a call, a JSON object. Pure: needs no instance, so a call with wrong arguments costs none.
    ///
    /// # Errors
    /// The client is at fault in every case; the message says where, what was expected and what was found.
    pub fn arguments(&self, json: &str) -> Result<Arguments, ArgumentError> {
        let value = strict::parse(json).map_err(|error| ArgumentError::Syntax { reason: error.to_string() })?;
        let form = match self.whole(value) {
            Ok(form) => form?,
            Err(value) => match self.vals(value)? {
                vals if vals.is_empty() => Form::None,
                vals => Form::Vals(vals),
            },
        };
        Ok(Arguments(form))
    }

    /// Arguments that cross in one piece, or the value untouched: when the function takes others, or when members are
    /// missing or too many, which [`Self::vals`] tells better.
    fn whole(&self, value: Value) -> Result<Result<Form, ArgumentError>, Value> {
        let Value::Object(mut members) = value else { return Err(value) };
        if members.len() != self.params.len() || !self.params.iter().all(|field| members.contains_key(&field.name)) {
            return Err(Value::Object(members));
        }
        let mut take = |field: &Field| members.remove(&field.name).unwrap_or_default();
        let bytes = |field: &Field, value| lower::bytes(value, &At::Member(&At::Root, &field.name));
        let text = |field: &Field, value| lower::text(value, &At::Member(&At::Root, &field.name));
        match self.params.as_slice() {
            [one] if one.shape == Shape::Bytes => Ok(bytes(one, take(one)).map(Form::Bytes)),
            [one] if one.shape == Shape::String => Ok(text(one, take(one)).map(Form::Text)),
            [first, second] if first.shape == Shape::String && second.shape == Shape::Bytes => {
                let (start, rest) = (take(first), take(second));
                Ok(text(first, start).and_then(|text| Ok(Form::TextBytes(text, bytes(second, rest)?))))
            }
            _ => Err(Value::Object(members)),
        }
    }

    fn vals(&self, value: Value) -> Result<Vec<Val>, ArgumentError> {
        Ok(lower::members(&self.params, value, &At::Root)?.into_iter().map(|(_, val)| val).collect())
    }

    /// What the values a call returned say, in at most `limit` bytes of structured result and as many of text.
    ///
    /// # Errors
    /// The component answered with more than `limit`, or the values are not of this function's type (the caller mixed
    /// up functions).
    pub fn answer(&self, vals: Vec<Val>, limit: usize) -> Result<Answer, ResultError> {
        let mut vals = vals.into_iter();
        let piece = |val: Option<Box<Val>>| val.map_or(Piece::Nothing, |val| Piece::Val(*val));
        let outcome = match (vals.next(), &self.result) {
            (Some(Val::Result(Ok(val))), Some(Shape::Result(..))) => Ok(piece(val)),
            (Some(Val::Result(Err(val))), Some(Shape::Result(..))) => Err(piece(val)),
            (Some(val), Some(_)) => Ok(Piece::Val(val)),
            (None, None) => Ok(Piece::Nothing),
            _ => return Err(ResultError::Mismatch),
        };
        self.render(outcome, limit)
    }

    pub(crate) fn render(&self, outcome: Result<Piece, Piece>, limit: usize) -> Result<Answer, ResultError> {
        match outcome {
            Ok(piece) => {
                let shape = success(self.result.as_ref());
                let structured = match shape {
                    None => None,
                    Some(shape) => Some(structured(&piece, shape, limit)?),
                };
                let text = if let (Some(Shape::Record(_)), Some(json)) = (shape, &structured) {
                    json.clone()
                } else {
                    text(piece, shape, limit, "done")?
                };
                Ok(Answer { structured, text, is_error: false })
            }
            Err(piece) => {
                let shape = match &self.result {
                    Some(Shape::Result(_, error)) => error.as_deref(),
                    _ => None,
                };
                Ok(Answer { structured: None, text: text(piece, shape, limit, "failed")?, is_error: true })
            }
        }
    }
}

// === impl Arguments ===

impl Arguments {
    /// The arguments as component values, for callers that call the function themselves.
    #[must_use]
    pub fn into_vals(self) -> Vec<Val> {
        let list = |bytes: Vec<u8>| Val::List(bytes.into_iter().map(Val::U8).collect());
        match self.0 {
            Form::None => vec![],
            Form::Text(text) => vec![Val::String(text)],
            Form::Bytes(bytes) => vec![list(bytes)],
            Form::TextBytes(text, bytes) => vec![Val::String(text), list(bytes)],
            Form::Vals(vals) => vals,
        }
    }
}

// === results ===

/// The shape of the value that a success carries.
pub(crate) fn success(result: Option<&Shape>) -> Option<&Shape> {
    match result {
        Some(Shape::Result(ok, _)) => ok.as_deref(),
        other => other,
    }
}

fn structured(piece: &Piece, shape: &Shape, limit: usize) -> Result<String, ResultError> {
    match piece {
        Piece::Val(val) if !schema::wrapped(shape) => lift::text(&lift::Of(shape, val), limit),
        Piece::Val(val) => lift::text(&Single("result", lift::Of(shape, val)), limit),
        Piece::Text(text) => lift::text(&Single("result", text), limit),
        // A quarter is added by base64 at least: not even started when that cannot fit.
        Piece::Bytes(bytes) if bytes.len() > limit => Err(ResultError::TooLarge { limit }),
        Piece::Bytes(bytes) => lift::text(&Single("result", Base64(bytes)), limit),
        Piece::Nothing => Err(ResultError::Mismatch),
    }
}

fn text(piece: Piece, shape: Option<&Shape>, limit: usize, nothing: &str) -> Result<String, ResultError> {
    let text = match (piece, shape) {
        (Piece::Text(text) | Piece::Val(Val::String(text)), _) => text,
        (Piece::Bytes(bytes), _) if bytes.len() > limit => return Err(ResultError::TooLarge { limit }),
        (Piece::Bytes(bytes), _) => return bare(lift::text(&Base64(&bytes), limit)?),
        (Piece::Val(val), Some(shape @ (Shape::Bytes | Shape::Enum(_) | Shape::Char))) => {
            return bare(lift::text(&lift::Of(shape, &val), limit)?);
        }
        (Piece::Val(val), Some(shape)) => return lift::text(&lift::Of(shape, &val), limit),
        (Piece::Nothing, None) => nothing.to_owned(),
        _ => return Err(ResultError::Mismatch),
    };
    if text.len() > limit { Err(ResultError::TooLarge { limit }) } else { Ok(text) }
}

/// A JSON string without its quotes and escapes, as the text of a string result is.
fn bare(json: String) -> Result<String, ResultError> {
    serde_json::from_str(&json).map_err(|_| ResultError::Mismatch)
}

// === words ===

/// `find-nearest` to `Find nearest`.
fn title(name: &str) -> String {
    let words = name.trim_start_matches("[static]").replace(['-', '.'], " ");
    let mut characters = words.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// `area(shape: variant) -> f64 (demo:shapes/geometry)`.
fn signature(name: &str, instances: &[String], params: &[Field], result: Option<&Shape>) -> String {
    let params: Vec<String> = params.iter().map(|field| format!("{}: {}", field.name, field.shape.text())).collect();
    let mut text = format!("{name}({})", params.join(", "));
    if let Some(result) = result {
        text.push_str(" -> ");
        text.push_str(&result.text());
    }
    if !instances.is_empty() {
        text.push_str(&format!(" ({})", instances.join("/")));
    }
    text
}
