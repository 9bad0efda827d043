//! Types of components to JSON Schema, and values to JSON and back.
//!
//! An input is a type and a value for it, with a newline between them. The bytes of a type are choices, so that any bytes
//! are one. The value is the JSON text of the arguments if it begins with `{`; otherwise its bytes are choices too, and
//! make a value that fits, or almost.

mod component;
mod types;
mod values;

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidegate_reflect::{ArgumentError, Function, limits};
use tidegate_schema::{OutputSchema, check_input};

use types::{Choices, Type};

use crate::second;

/// Components that are kept: most inputs have a type that was there before.
const KEPT: usize = 256;

thread_local! {
    static COMPONENTS: RefCell<BTreeMap<Vec<u8>, Option<Function>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Whether the type is a tool's and the value fits.
pub fn wit(data: &[u8]) -> bool {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (choices, rest) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let ty = Type::chosen(&mut Choices(choices), 0);
    let Some(function) = COMPONENTS.with_borrow_mut(|kept| {
        if kept.len() > KEPT {
            kept.clear();
        }
        kept.entry(choices.to_vec()).or_insert_with(|| reflected(&ty)).clone()
    }) else {
        return false;
    };
    if rest.starts_with(b"{") {
        return std::str::from_utf8(rest).is_ok_and(|text| call(&function, text).is_some());
    }
    let mut choices = Choices(rest);
    let wrong = choices.one() % 2 == 1;
    let made = values::made(&ty, &mut choices, wrong);
    let members = if made.absent { json!({}) } else { json!({ "v": made.input }) };
    let answer = call(&function, &members.to_string());
    if made.fits {
        let answer = answer.as_ref().unwrap_or_else(|| panic!("{members} fits {ty:?} and is refused"));
        assert_eq!(*answer, structured(&ty, &made.output), "{members} of {ty:?} comes back");
    }
    answer.is_some()
}

/// The structured result of a value that was given. A `result` is a failure of the tool, or what it holds.
fn structured(ty: &Type, value: &Value) -> Option<Value> {
    match ty {
        Type::Result(ok, _) => Some(object(ok.as_ref()?, value.get("ok")?)),
        _ => Some(object(ty, value)),
    }
}

/// Records as they are, all else as a member of an object.
fn object(ty: &Type, value: &Value) -> Value {
    match ty {
        Type::Record(_) => value.clone(),
        _ => json!({ "result": value }),
    }
}

/// The function that takes and gives the type, if it can be a tool.
fn reflected(ty: &Type) -> Option<Function> {
    let reflected = component::reflected(ty);
    assert_eq!(reflected.functions.len() + reflected.refused.len(), 1, "an export is a tool or is refused");
    if let Some(refused) = reflected.refused.first() {
        let too_much = ty.nodes() > 256 || ty.depth() > limits::DEPTH;
        assert!(too_much, "{ty:?} is refused: {}", refused.reason);
        return None;
    }
    let function = reflected.functions.into_iter().next().unwrap();
    // Bytes are a list and no deeper than themselves.
    assert!(ty.nodes() <= limits::NODES + 1 && ty.depth() <= limits::DEPTH + 1);
    assert!((1..=limits::NAME_BYTES).contains(&function.name.len()));
    assert!(function.input_schema.len() <= limits::SCHEMA_BYTES);
    check_input(&function.input_schema).expect("a schema that we take ourselves");
    Some(function)
}

/// The structured result, if there is one, of a function that gives back what it takes, if the arguments are taken. Two
/// readers must agree on whether they are.
fn call(function: &Function, text: &str) -> Option<Option<Value>> {
    let fits = OutputSchema::read(&function.input_schema).unwrap().check(text);
    let taken = match function.arguments(text) {
        Ok(taken) => taken,
        Err(error) => {
            assert!(fits.is_err() || is_unsaid(&error), "the schema takes {text}, and we do not: {error}");
            return None;
        }
    };
    assert!(fits.is_ok(), "we take {text}, and the schema does not: {fits:?} {}", function.input_schema);
    let answer = function.answer(taken.into_vals(), 1 << 20).expect("the values are of the type");
    let Some(structured) = answer.structured else { return Some(None) };
    let schema = function.output_schema.as_deref().expect("what is structured has a schema");
    assert!(schema.len() <= limits::SCHEMA_BYTES);
    OutputSchema::read(schema).unwrap().check(&structured).expect("the result fits its schema");
    Some(Some(second::json(structured.as_bytes())))
}

/// What a schema cannot say, or says to people only.
fn is_unsaid(error: &ArgumentError) -> bool {
    match error {
        ArgumentError::Base64 { .. } | ArgumentError::Syntax { .. } => true,
        ArgumentError::Unexpected { expected, .. } => {
            expected.contains("as a string of digits") || expected.contains("the range of f32")
        }
        _ => false,
    }
}
