//! Tensors as nested arrays of JSON, and back.

use serde_json::{Map, Value, json};

use crate::bindings::tidegate::model::types::{Element, Port, Tensor};

/// Deepest nesting of a tensor: formats have no more than eight dimensions.
const DEEPEST: usize = 16;

/// Inputs of a model, with the elements that its description wants.
pub(crate) fn inputs(given: &Map<String, Value>, ports: &[Port]) -> Result<Vec<Tensor>, String> {
    given
        .iter()
        .map(|(name, value)| {
            // What the model does not know, it names better than we could.
            let element = ports.iter().find(|port| port.name == *name).map_or(Element::F32, |port| port.element);
            tensor(name, element, value).map_err(|problem| format!("`inputs.{name}`: {problem}"))
        })
        .collect()
}

/// One tensor.
fn tensor(name: &str, element: Element, value: &Value) -> Result<Tensor, String> {
    let (mut shape, mut data) = (Vec::new(), Vec::new());
    flatten(value, 0, element, &mut shape, &mut data)?;
    Ok(Tensor { name: name.to_owned(), element, shape, data })
}

fn flatten(
    value: &Value,
    depth: usize,
    element: Element,
    shape: &mut Vec<u64>,
    data: &mut Vec<u8>,
) -> Result<(), String> {
    let Value::Array(entries) = value else {
        if depth != shape.len() {
            return Err("the arrays are not nested equally deep".to_owned());
        }
        return push(value, element, data);
    };
    if depth >= DEEPEST {
        return Err(format!("more than {DEEPEST} dimensions"));
    }
    match shape.get(depth) {
        // The first array of each depth says how long they all are.
        None if data.is_empty() => shape.push(entries.len() as u64),
        Some(length) if *length == entries.len() as u64 => {}
        _ => return Err("the arrays are not of equal length".to_owned()),
    }
    entries.iter().try_for_each(|entry| flatten(entry, depth + 1, element, shape, data))
}

/// One element, little-endian.
fn push(value: &Value, element: Element, data: &mut Vec<u8>) -> Result<(), String> {
    let fits = match element {
        Element::F32 | Element::F16 | Element::Bf16 | Element::F64 => {
            let number = value.as_f64().ok_or_else(|| format!("{value} is not a number"))?;
            match element {
                Element::F64 => data.extend(number.to_le_bytes()),
                Element::F16 => data.extend(half(number as f32).to_le_bytes()),
                Element::Bf16 => data.extend(((round_bf16(number as f32)) as u16).to_le_bytes()),
                _ => data.extend((number as f32).to_le_bytes()),
            }
            return Ok(());
        }
        Element::Boolean => value.as_bool().map(|on| data.push(u8::from(on))),
        Element::S8 => {
            integer(value, |number| i8::try_from(number).ok().map(|number| data.extend(number.to_le_bytes())))
        }
        Element::U8 => integer(value, |number| u8::try_from(number).ok().map(|number| data.push(number))),
        Element::S16 => {
            integer(value, |number| i16::try_from(number).ok().map(|number| data.extend(number.to_le_bytes())))
        }
        Element::U16 => {
            integer(value, |number| u16::try_from(number).ok().map(|number| data.extend(number.to_le_bytes())))
        }
        Element::S32 => {
            integer(value, |number| i32::try_from(number).ok().map(|number| data.extend(number.to_le_bytes())))
        }
        Element::U32 => {
            integer(value, |number| u32::try_from(number).ok().map(|number| data.extend(number.to_le_bytes())))
        }
        Element::S64 => {
            integer(value, |number| i64::try_from(number).ok().map(|number| data.extend(number.to_le_bytes())))
        }
        Element::U64 => {
            integer(value, |number| u64::try_from(number).ok().map(|number| data.extend(number.to_le_bytes())))
        }
    };
    fits.ok_or_else(|| format!("{value} is no {element:?}"))
}

fn integer(value: &Value, put: impl FnOnce(i128) -> Option<()>) -> Option<()> {
    put(value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))?)
}

/// A tensor for JSON: element, shape, and nested arrays. What is not finite is `null`.
pub(crate) fn output(tensor: &Tensor) -> Value {
    let values = values(tensor.element, &tensor.data);
    let mut nested = values;
    for length in tensor.shape.iter().skip(1).rev() {
        let length = usize::try_from(*length).unwrap_or(usize::MAX).max(1);
        nested = nested.chunks(length).map(|chunk| Value::Array(chunk.to_vec())).collect();
    }
    let data = if tensor.shape.is_empty() { nested.pop().unwrap_or(Value::Null) } else { Value::Array(nested) };
    json!({ "element": format!("{:?}", tensor.element).to_lowercase().trim_start_matches("element::"), "shape": tensor.shape, "data": data })
}

/// The numbers of a tensor of floating point.
pub(crate) fn numbers(tensor: &Tensor) -> Vec<f64> {
    values(tensor.element, &tensor.data).iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}

fn values(element: Element, data: &[u8]) -> Vec<Value> {
    match element {
        Element::F32 => data.as_chunks().0.iter().map(|bytes| json!(f32::from_le_bytes(*bytes))).collect(),
        Element::F64 => data.as_chunks().0.iter().map(|bytes| json!(f64::from_le_bytes(*bytes))).collect(),
        Element::F16 => data.as_chunks().0.iter().map(|bytes| json!(from_half(u16::from_le_bytes(*bytes)))).collect(),
        Element::Bf16 => {
            let wide = |bytes: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16);
            data.as_chunks().0.iter().map(|bytes| json!(wide(bytes))).collect()
        }
        Element::S8 => data.iter().map(|byte| json!(byte.cast_signed())).collect(),
        Element::U8 => data.iter().map(|byte| json!(byte)).collect(),
        Element::Boolean => data.iter().map(|byte| json!(*byte != 0)).collect(),
        Element::S16 => data.as_chunks().0.iter().map(|bytes| json!(i16::from_le_bytes(*bytes))).collect(),
        Element::U16 => data.as_chunks().0.iter().map(|bytes| json!(u16::from_le_bytes(*bytes))).collect(),
        Element::S32 => data.as_chunks().0.iter().map(|bytes| json!(i32::from_le_bytes(*bytes))).collect(),
        Element::U32 => data.as_chunks().0.iter().map(|bytes| json!(u32::from_le_bytes(*bytes))).collect(),
        Element::S64 => data.as_chunks().0.iter().map(|bytes| json!(i64::from_le_bytes(*bytes))).collect(),
        Element::U64 => data.as_chunks().0.iter().map(|bytes| json!(u64::from_le_bytes(*bytes))).collect(),
    }
}

/// The upper half of a number, rounded to the nearest, to the even one between two.
fn round_bf16(number: f32) -> u32 {
    let bits = number.to_bits();
    if number.is_nan() { (bits >> 16) | 0x40 } else { (bits + 0x7fff + ((bits >> 16) & 1)) >> 16 }
}

/// IEEE 754 half precision, rounded to the nearest, to the even one between two.
fn half(number: f32) -> u16 {
    let bits = number.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00;
    }
    if magnitude >= 0x4780_0000 {
        return sign | 0x7c00;
    }
    if magnitude < 0x3880_0000 {
        // Below the smallest normal half: a multiple of 2^-24.
        let scaled = f32::from_bits(magnitude) * 16_777_216.0;
        return sign | scaled.round_ties_even() as u16;
    }
    let rounded = magnitude + 0x0fff + ((magnitude >> 13) & 1);
    sign | ((rounded - 0x3800_0000) >> 13) as u16
}

fn from_half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from((bits >> 10) & 0x1f), f32::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction / 16_777_216.0,
        31 => {
            if fraction == 0.0 {
                f32::INFINITY
            } else {
                f32::NAN
            }
        }
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn arrays_become_tensors_and_back() {
        let value = json!([[1, 2, 3], [4, 5, 6]]);
        for element in [Element::F32, Element::F16, Element::Bf16, Element::F64, Element::S8, Element::U64] {
            let tensor = tensor("x", element, &value).unwrap();
            assert_eq!(tensor.shape, [2, 3]);
            let back = output(&tensor);
            let numbers: Vec<f64> = back["data"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|row| row.as_array().unwrap())
                .map(|number| number.as_f64().unwrap())
                .collect();
            assert_eq!(numbers, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "{element:?}");
        }
        assert_eq!(tensor("x", Element::F32, &json!(7)).unwrap().shape, [0u64; 0]);
        assert_eq!(tensor("x", Element::Boolean, &json!([true, false])).unwrap().data, [1, 0]);
    }

    #[test]
    fn what_is_no_tensor_says_why() {
        for (element, value) in [
            (Element::F32, json!([[1], [2, 3]])),
            (Element::F32, json!([1, [2]])),
            (Element::F32, json!([[1], 2])),
            (Element::F32, json!("a")),
            (Element::U8, json!([256])),
            (Element::U8, json!([-1])),
            (Element::S32, json!([1.5])),
            (Element::Boolean, json!([1])),
        ] {
            assert!(tensor("x", element, &value).is_err(), "{element:?} {value}");
        }
    }

    #[test]
    fn halves_are_rounded_as_the_standard_says() {
        // By hand: 1 is 0x3c00, the largest is 65504, 2^-24 the smallest, and between two the even one.
        for (number, bits) in [
            (0.0, 0),
            (1.0, 0x3c00),
            (-2.0, 0xc000),
            (65504.0, 0x7bff),
            (65520.0, 0x7c00),
            (2f32.powi(-24), 1),
            (2f32.powi(-14), 0x0400),
            (1.0 + 1.0 / 2048.0, 0x3c00),
            (1.0 + 3.0 / 2048.0, 0x3c02),
        ] {
            assert_eq!(half(number), bits, "{number}");
        }
        for bits in 0..=u16::MAX {
            let number = from_half(bits);
            assert!(number.is_nan() || half(number) == bits, "{bits:#x}");
        }
        assert_eq!(round_bf16(1.0), 0x3f80);
    }
}
