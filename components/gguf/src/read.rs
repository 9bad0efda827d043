//! The head of a file.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::cursor::{Cursor, at};
use crate::error::{Defect, Problem};
use crate::kind::Kind;
use crate::limits::{MAX_ALIGNMENT, MAX_DIMENSIONS, MAX_ENTRIES, MAX_KEY, MAX_NAME, MAX_STRING, MAX_TENSORS};
use crate::source::Source;
use crate::tensor::{self, Tensor};
use crate::value::{Array, Strings, Value};

/// Alignment of a file that says none, in bytes.
const ALIGNMENT: u64 = 32;
/// The least that an entry of metadata has: length of its key, type, a value of one byte.
const LEAST_ENTRY: u64 = 8 + 4 + 1;
/// The least that a line of the table has: length of its name, dimensions, type, offset.
const LEAST_TENSOR: u64 = 8 + 4 + 8 + 4 + 8;

/// The head of a file that holds what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Gguf {
    /// Version of the format, 2 or 3.
    pub version: u32,
    metadata: HashMap<String, Value>,
    tensors: Vec<Tensor>,
}

/// Reads and checks a file's head.
///
/// # Errors
///
/// What is wrong with the file, and where.
pub fn read(source: &mut impl Source) -> Result<Gguf, Defect> {
    let mut cursor = Cursor::new(source);
    let head = |offset| move |problem| at("head", offset, problem);
    let magic = cursor.take().map_err(head(0))?;
    if magic != *b"GGUF" {
        return Err(head(0)(Problem::Magic(magic)));
    }
    let version = cursor.u32().map_err(head(4))?;
    match version {
        2 | 3 => {}
        _ if matches!(version.swap_bytes(), 2 | 3) => return Err(head(4)(Problem::BigEndian)),
        _ => return Err(head(4)(Problem::Version(version))),
    }
    let tensors = cursor.count("tensors", MAX_TENSORS, LEAST_TENSOR).map_err(head(8))?;
    let entries = cursor.count("entries of metadata", MAX_ENTRIES, LEAST_ENTRY).map_err(head(16))?;
    let metadata = metadata(&mut cursor, entries)?;
    let alignment = alignment(&metadata)?;
    let mut tensors = (0..tensors).map(|number| line(&mut cursor, number)).collect::<Result<Vec<_>, _>>()?;
    let begin = cursor.offset().next_multiple_of(alignment);
    let size = source.size().saturating_sub(begin);
    place(&mut tensors, begin, size, alignment)?;
    Ok(Gguf { version, metadata, tensors })
}

// === impl Gguf ===

impl Gguf {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key)
    }

    /// Takes a value out, so that it is not held twice.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.metadata.remove(key)
    }

    /// All metadata, in no order.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.metadata.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// All tensors, in the order of the file's table.
    #[must_use]
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The tensor of that name.
    #[must_use]
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

fn metadata(cursor: &mut Cursor<'_, impl Source>, entries: u64) -> Result<HashMap<String, Value>, Defect> {
    let mut metadata = HashMap::new();
    for number in 0..entries {
        let offset = cursor.offset();
        let key = cursor.text("bytes of a key", MAX_KEY, str::to_owned);
        let key = key.map_err(|problem| at(format!("entry {number}"), offset, problem))?;
        let place = || format!("entry {number} ({})", shown(&key));
        let offset = cursor.offset();
        let value = cursor.u32().and_then(|kind| value(cursor, kind));
        let value = value.map_err(|problem| at(place(), offset, problem))?;
        match metadata.entry(key.clone()) {
            Entry::Occupied(_) => return Err(at(place(), offset, Problem::Twice)),
            Entry::Vacant(vacant) => vacant.insert(value),
        };
    }
    Ok(metadata)
}

fn value(cursor: &mut Cursor<'_, impl Source>, kind: u32) -> Result<Value, Problem> {
    Ok(match kind {
        0 => Value::Unsigned(u64::from(u8::from_le_bytes(cursor.take()?))),
        1 => Value::Signed(i64::from(i8::from_le_bytes(cursor.take()?))),
        2 => Value::Unsigned(u64::from(u16::from_le_bytes(cursor.take()?))),
        3 => Value::Signed(i64::from(i16::from_le_bytes(cursor.take()?))),
        4 => Value::Unsigned(u64::from(cursor.u32()?)),
        5 => Value::Signed(i64::from(i32::from_le_bytes(cursor.take()?))),
        6 => Value::Float(f64::from(f32::from_le_bytes(cursor.take()?))),
        7 => Value::Boolean(boolean(cursor)?),
        8 => Value::Text(cursor.text("bytes of a text", MAX_STRING, str::to_owned)?),
        9 => {
            let kind = cursor.u32()?;
            Value::Array(array(cursor, kind)?)
        }
        10 => Value::Unsigned(cursor.u64()?),
        11 => Value::Signed(i64::from_le_bytes(cursor.take()?)),
        12 => Value::Float(f64::from_le_bytes(cursor.take()?)),
        _ => return Err(Problem::ValueType(kind)),
    })
}

fn array(cursor: &mut Cursor<'_, impl Source>, kind: u32) -> Result<Array, Problem> {
    let each = match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        8 | 10..=12 => 8,
        9 => return Err(Problem::Nested),
        _ => return Err(Problem::ValueType(kind)),
    };
    let count = cursor.elements(each)?;
    let many = 0..count;
    Ok(match kind {
        6 => Array::Floats(many.map(|_| cursor.take().map(f32::from_le_bytes)).collect::<Result<_, _>>()?),
        #[allow(clippy::cast_possible_truncation, reason = "what is kept of an array are 32 bits")]
        12 => Array::Floats(many.map(|_| Ok(f64::from_le_bytes(cursor.take()?) as f32)).collect::<Result<_, _>>()?),
        7 => Array::Booleans(many.map(|_| boolean(cursor)).collect::<Result<_, _>>()?),
        8 => {
            let mut texts = Strings::default();
            for _ in many {
                cursor.text("bytes of a text", MAX_STRING, |text| texts.push(text))?;
            }
            Array::Texts(texts)
        }
        _ => Array::Integers(many.map(|_| integer(cursor, kind)).collect::<Result<_, _>>()?),
    })
}

fn integer(cursor: &mut Cursor<'_, impl Source>, kind: u32) -> Result<i64, Problem> {
    Ok(match value(cursor, kind)? {
        Value::Signed(number) => number,
        // Above 2^63 nothing that models have in arrays has a meaning.
        Value::Unsigned(number) => i64::try_from(number).map_err(|_| Problem::TooMany {
            what: "an element of an array",
            claimed: number,
            limit: i64::MAX.cast_unsigned(),
        })?,
        _ => return Err(Problem::ValueType(kind)),
    })
}

fn boolean(cursor: &mut Cursor<'_, impl Source>) -> Result<bool, Problem> {
    match cursor.take()? {
        [0] => Ok(false),
        [1] => Ok(true),
        [other] => Err(Problem::Boolean(other)),
    }
}

fn alignment(metadata: &HashMap<String, Value>) -> Result<u64, Defect> {
    let Some(value) = metadata.get("general.alignment") else { return Ok(ALIGNMENT) };
    let alignment = value.as_count().unwrap_or(0);
    if !alignment.is_power_of_two() || alignment < 8 || alignment > u64::from(MAX_ALIGNMENT) {
        let problem = Problem::Alignment(alignment);
        return Err(Defect { place: "entry (general.alignment)".to_owned(), offset: None, problem });
    }
    Ok(alignment)
}

/// A line of the table; its offset counts from the first tensor still.
fn line(cursor: &mut Cursor<'_, impl Source>, number: u64) -> Result<Tensor, Defect> {
    let offset = cursor.offset();
    let name = cursor.text("bytes of a name", MAX_NAME, str::to_owned);
    let name = name.map_err(|problem| at(format!("tensor {number}"), offset, problem))?;
    let offset = cursor.offset();
    let rest = |cursor: &mut Cursor<'_, _>| {
        let dimensions = cursor.u32()?;
        if dimensions == 0 || dimensions > MAX_DIMENSIONS {
            return Err(Problem::Dimensions(dimensions));
        }
        let shape = (0..dimensions).map(|_| cursor.u64()).collect::<Result<Vec<_>, _>>()?;
        let kind = cursor.u32()?;
        let kind = Kind::of(kind).ok_or(Problem::TensorType(kind))?;
        let size = tensor::size(kind, &shape)?;
        Ok((kind, shape, cursor.u64()?, size))
    };
    match rest(cursor) {
        Ok((kind, shape, offset, size)) => Ok(Tensor { name, kind, shape, offset, size }),
        Err(problem) => Err(at(format!("tensor {number} ({})", shown(&name)), offset, problem)),
    }
}

/// Checks that every tensor lies inside of the file and on no other, and makes offsets count from the file's start.
fn place(tensors: &mut [Tensor], begin: u64, size: u64, alignment: u64) -> Result<(), Defect> {
    let wrong = |number: usize, name: &str, problem| Defect {
        place: format!("tensor {number} ({})", shown(name)),
        offset: None,
        problem,
    };
    let mut names = std::collections::HashSet::new();
    let mut spans = Vec::new();
    for (number, tensor) in tensors.iter().enumerate() {
        if !names.insert(tensor.name.as_str()) {
            return Err(wrong(number, &tensor.name, Problem::Twice));
        }
        if tensor.offset % alignment != 0 {
            let problem = Problem::Unaligned { offset: tensor.offset, alignment };
            return Err(wrong(number, &tensor.name, problem));
        }
        let end = tensor.offset.checked_add(tensor.size);
        let end = end.ok_or_else(|| wrong(number, &tensor.name, Problem::Overflow))?;
        if end > size {
            return Err(wrong(number, &tensor.name, Problem::Outside { end, size }));
        }
        spans.push((tensor.offset, end, number, &tensor.name));
    }
    spans.sort_unstable();
    for ((_, end, _, before), (start, _, number, name)) in spans.iter().zip(spans.iter().skip(1)) {
        if start < end {
            return Err(wrong(*number, name, Problem::Overlap(shown(before))));
        }
    }
    for tensor in tensors {
        tensor.offset += begin;
    }
    Ok(())
}

/// A name as a message has it: without control characters, at most 80 characters.
fn shown(name: &str) -> String {
    name.chars().take(80).map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}
