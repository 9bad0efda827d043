//! Values out of choices, as the mapping of `host/reflect` has them in JSON, and as they should come back.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Map, Value, json};

use super::types::{Choices, Type};

/// Largest whole number that every JSON reader keeps.
const SAFE: i128 = (1 << 53) - 1;

/// A value for a type.
pub(crate) struct Made {
    /// As a client may write it.
    pub(crate) input: Value,
    /// As it comes back.
    pub(crate) output: Value,
    /// It is a value of the type.
    pub(crate) fits: bool,
    /// It may be left out, and is.
    pub(crate) absent: bool,
}

impl Made {
    fn same(value: Value) -> Self {
        Self { input: value.clone(), output: value, fits: true, absent: false }
    }

    fn as_is(input: Value, output: Value) -> Self {
        Self { input, output, fits: true, absent: false }
    }

    fn within(self, outside: impl Fn(Value) -> Value) -> Self {
        Self { input: outside(self.input), output: outside(self.output), fits: self.fits, absent: false }
    }

    fn list(items: Vec<Self>) -> Self {
        let fits = items.iter().all(|item| item.fits);
        let (input, output) = items.into_iter().map(|item| (item.input, item.output)).unzip();
        Self { input: Value::Array(input), output: Value::Array(output), fits, absent: false }
    }
}

/// A value of the type; with `wrong`, here and there something else.
pub(crate) fn made(ty: &Type, choices: &mut Choices<'_>, wrong: bool) -> Made {
    if wrong && choices.below(8) == 0 {
        let input = anything(choices);
        return Made { input: input.clone(), output: input, fits: false, absent: false };
    }
    match ty {
        Type::Bool => Made::same((choices.below(2) == 1).into()),
        Type::Integer(name) => integer(name, choices),
        Type::F32 => float(f32::from_bits(choices.bits() as u32)),
        Type::F64 => float(f64::from_bits(choices.bits())),
        Type::Char => Made::same(character(choices).to_string().into()),
        Type::String => {
            let text: String = (0..choices.below(6)).map(|_| character(choices)).collect();
            Made::same(text.into())
        }
        Type::List(item) if **item == Type::Integer("u8") => bytes(choices),
        Type::List(item) => Made::list((0..choices.below(4)).map(|_| made(item, choices, wrong)).collect()),
        Type::Tuple(items) => Made::list(items.iter().map(|item| made(item, choices, wrong)).collect()),
        Type::Record(fields) => record(fields, choices, wrong),
        Type::Variant(cases) => {
            let (name, ty) = &cases[choices.below(cases.len())];
            case(name, ty.as_ref(), choices, wrong)
        }
        Type::Enum(names) => Made::same(names[choices.below(names.len())].clone().into()),
        Type::Flags(names) => {
            let set: Vec<&String> = names.iter().filter(|_| choices.below(2) == 1).collect();
            Made::same(json!(set))
        }
        Type::Option(some) => match choices.below(3) {
            0 => Made { absent: true, ..Made::same(Value::Null) },
            1 => Made::same(Value::Null),
            _ => {
                let made = made(some, choices, wrong);
                let nested = matches!(**some, Type::Option(_));
                made.within(|value| if nested { json!({ "some": value }) } else { value })
            }
        },
        Type::Result(ok, error) => match choices.below(2) {
            0 => case("ok", ok.as_deref(), choices, wrong),
            _ => case("error", error.as_deref(), choices, wrong),
        },
    }
}

fn record(fields: &[(String, Type)], choices: &mut Choices<'_>, wrong: bool) -> Made {
    let (mut input, mut output, mut fits) = (Map::new(), Map::new(), true);
    for (name, ty) in fields {
        let made = made(ty, choices, wrong);
        fits &= made.fits;
        if !made.absent {
            input.insert(name.clone(), made.input);
        }
        output.insert(name.clone(), made.output);
    }
    if wrong && choices.below(8) == 0 {
        input.insert("more".to_owned(), Value::Null);
        fits = false;
    }
    Made { input: Value::Object(input), output: Value::Object(output), fits, absent: false }
}

fn case(name: &str, ty: Option<&Type>, choices: &mut Choices<'_>, wrong: bool) -> Made {
    match ty {
        None => Made::same(name.into()),
        Some(ty) => made(ty, choices, wrong).within(|value| json!({ name: value })),
    }
}

fn integer(name: &str, choices: &mut Choices<'_>) -> Made {
    let bits = choices.bits();
    let value: i128 = match name {
        "u8" => (bits as u8).into(),
        "s8" => (bits as i8).into(),
        "u16" => (bits as u16).into(),
        "s16" => (bits as i16).into(),
        "u32" => (bits as u32).into(),
        "s32" => (bits as i32).into(),
        "u64" => bits.into(),
        _ => (bits as i64).into(),
    };
    let number = |value: i128| i64::try_from(value).map_or(Value::Null, Value::from);
    let wide = name.ends_with("64");
    if !(-SAFE..=SAFE).contains(&value) {
        return Made::same(value.to_string().into());
    }
    match choices.below(3) {
        0 if wide => Made::as_is(value.to_string().into(), number(value)),
        1 => Made::as_is((value as f64).into(), number(value)),
        _ => Made::same(number(value)),
    }
}

/// As shortest text that gives the same number again.
fn float<F: Into<f64> + serde::Serialize + Copy>(value: F) -> Made {
    let wide: f64 = value.into();
    if wide.is_finite() {
        return Made::same(serde_json::from_str(&serde_json::to_string(&value).unwrap()).unwrap());
    }
    let name = match (wide.is_nan(), wide > 0.0) {
        (true, _) => "NaN",
        (false, true) => "Infinity",
        (false, false) => "-Infinity",
    };
    Made::same(name.into())
}

fn character(choices: &mut Choices<'_>) -> char {
    match choices.one() {
        byte @ 0..=127 => char::from(byte),
        _ => char::from_u32((choices.bits() >> 40) as u32 & 0x1f_ffff).unwrap_or('\u{fffd}'),
    }
}

fn bytes(choices: &mut Choices<'_>) -> Made {
    let bytes: Vec<u8> = (0..choices.below(6)).map(|_| choices.one()).collect();
    let output: Value = STANDARD.encode(&bytes).into();
    match choices.below(3) {
        0 => Made::as_is(json!(bytes), output),
        1 => Made::as_is(STANDARD_NO_PAD.encode(&bytes).into(), output),
        _ => Made::same(output),
    }
}

/// What belongs nowhere in particular.
fn anything(choices: &mut Choices<'_>) -> Value {
    match choices.below(16) {
        0 => Value::Null,
        1 => true.into(),
        2 => json!(-0.0),
        3 => 256.into(),
        4 => json!(1.5),
        5 => json!(1e300),
        6 => (SAFE as i64 + 1).into(),
        7 => "-0".into(),
        8 => "00000000000000000001".into(),
        9 => "99999999999999999999".into(),
        10 => "ok".into(),
        11 => json!({ "some": null }),
        12 => json!({ "ok": null, "error": null }),
        13 => json!(["a", "a"]),
        14 => json!([[]]),
        _ => "".into(),
    }
}
