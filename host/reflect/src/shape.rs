//! The shape of a value: a WIT type with everything resolved, within limits, detached from the component it came from.

use wasmtime::component::types::Type;

use crate::{Reason, limits};

/// A WIT type whose values can be written as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Bool,
    Integer(Integer),
    F32,
    F64,
    Char,
    String,
    /// `list<u8>`, apart from other lists because it is written as base64.
    Bytes,
    List(Box<Shape>),
    Tuple(Vec<Shape>),
    Record(Vec<Field>),
    Variant(Vec<Case>),
    Enum(Vec<String>),
    Flags(Vec<String>),
    Option(Box<Shape>),
    Result(Option<Box<Shape>>, Option<Box<Shape>>),
}

/// The integer types of WIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Integer {
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
}

/// A named part: a field of a record or a parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) shape: Shape,
}

/// A case of a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) shape: Option<Shape>,
}

/// What one function's types may still use. Types are shared inside a component, and a record of two fields of the same
/// record doubles with every level once it is written out: 30 small types are 10^9 nodes.
pub(crate) struct Budget {
    nodes: usize,
}

// === impl Integer ===

impl Integer {
    /// Smallest and largest value.
    pub(crate) fn range(self) -> (i128, i128) {
        match self {
            Self::S8 => (i8::MIN.into(), i8::MAX.into()),
            Self::U8 => (0, u8::MAX.into()),
            Self::S16 => (i16::MIN.into(), i16::MAX.into()),
            Self::U16 => (0, u16::MAX.into()),
            Self::S32 => (i32::MIN.into(), i32::MAX.into()),
            Self::U32 => (0, u32::MAX.into()),
            Self::S64 => (i64::MIN.into(), i64::MAX.into()),
            Self::U64 => (0, u64::MAX.into()),
        }
    }

    /// Whether values exist that a JSON number cannot carry safely.
    pub(crate) fn wide(self) -> bool {
        matches!(self, Self::S64 | Self::U64)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::S8 => "s8",
            Self::U8 => "u8",
            Self::S16 => "s16",
            Self::U16 => "u16",
            Self::S32 => "s32",
            Self::U32 => "u32",
            Self::S64 => "s64",
            Self::U64 => "u64",
        }
    }
}

// === impl Budget ===

impl Budget {
    /// The budget of one function.
    pub(crate) fn new() -> Self {
        Self { nodes: limits::NODES }
    }

    /// Takes one node.
    fn take(&mut self) -> Result<(), Reason> {
        self.nodes = self.nodes.checked_sub(1).ok_or(Reason::TooManyTypes { limit: limits::NODES })?;
        Ok(())
    }
}

// === impl Shape ===

impl Shape {
    /// The shape of `ty`, or why its values cannot be written as JSON.
    pub(crate) fn new(ty: &Type, budget: &mut Budget) -> Result<Self, Reason> {
        Self::at(ty, budget, 1)
    }

    fn at(ty: &Type, budget: &mut Budget, depth: usize) -> Result<Self, Reason> {
        budget.take()?;
        if depth > limits::DEPTH {
            return Err(Reason::TooDeep { limit: limits::DEPTH });
        }
        let down = depth.saturating_add(1);
        let mut inner = |ty: &Type| Self::at(ty, budget, down);
        Ok(match ty {
            Type::Bool => Self::Bool,
            Type::S8 => Self::Integer(Integer::S8),
            Type::U8 => Self::Integer(Integer::U8),
            Type::S16 => Self::Integer(Integer::S16),
            Type::U16 => Self::Integer(Integer::U16),
            Type::S32 => Self::Integer(Integer::S32),
            Type::U32 => Self::Integer(Integer::U32),
            Type::S64 => Self::Integer(Integer::S64),
            Type::U64 => Self::Integer(Integer::U64),
            Type::Float32 => Self::F32,
            Type::Float64 => Self::F64,
            Type::Char => Self::Char,
            Type::String => Self::String,
            Type::List(list) if list.ty() == Type::U8 => Self::Bytes,
            Type::List(list) => Self::List(Box::new(inner(&list.ty())?)),
            Type::Tuple(tuple) => Self::Tuple(tuple.types().map(|ty| inner(&ty)).collect::<Result<_, _>>()?),
            Type::Record(record) => Self::Record(
                record
                    .fields()
                    .map(|field| Ok(Field { name: field.name.to_owned(), shape: inner(&field.ty)? }))
                    .collect::<Result<_, _>>()?,
            ),
            Type::Variant(variant) => Self::Variant(
                variant
                    .cases()
                    .map(|case| {
                        Ok(Case { name: case.name.to_owned(), shape: case.ty.map(|ty| inner(&ty)).transpose()? })
                    })
                    .collect::<Result<_, _>>()?,
            ),
            Type::Enum(names) => Self::Enum(owned(names.names(), budget)?),
            Type::Flags(names) => Self::Flags(owned(names.names(), budget)?),
            Type::Option(option) => Self::Option(Box::new(inner(&option.ty())?)),
            Type::Result(result) => {
                let ok = result.ok().map(|ty| inner(&ty).map(Box::new)).transpose()?;
                Self::Result(ok, result.err().map(|ty| inner(&ty).map(Box::new)).transpose()?)
            }
            other => return Err(refuse(other)),
        })
    }

    /// Whether `null` is a value of this shape.
    pub(crate) fn nullable(&self) -> bool {
        matches!(self, Self::Option(_))
    }

    /// The type as a short text in the manner of WIT, composite types by their kind.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Bool => "bool".into(),
            Self::Integer(integer) => integer.name().into(),
            Self::F32 => "f32".into(),
            Self::F64 => "f64".into(),
            Self::Char => "char".into(),
            Self::String => "string".into(),
            Self::Bytes => "list<u8>".into(),
            Self::List(item) => format!("list<{}>", item.text()),
            Self::Tuple(items) => {
                format!("tuple<{}>", items.iter().map(Self::text).collect::<Vec<_>>().join(", "))
            }
            Self::Record(_) => "record".into(),
            Self::Variant(_) => "variant".into(),
            Self::Enum(_) => "enum".into(),
            Self::Flags(_) => "flags".into(),
            Self::Option(some) => format!("option<{}>", some.text()),
            Self::Result(ok, error) => {
                let part = |shape: &Option<Box<Self>>| shape.as_ref().map_or("_".to_owned(), |shape| shape.text());
                format!("result<{}, {}>", part(ok), part(error))
            }
        }
    }
}

/// Names cost as much as types: an enum of a million cases is one type.
fn owned<'a>(names: impl Iterator<Item = &'a str>, budget: &mut Budget) -> Result<Vec<String>, Reason> {
    names
        .map(|name| {
            budget.take()?;
            Ok(name.to_owned())
        })
        .collect()
}

fn refuse(ty: &Type) -> Reason {
    match ty {
        Type::Own(_) | Type::Borrow(_) => Reason::Resource,
        Type::Stream(_) => Reason::Unsupported { what: "a stream" },
        Type::Future(_) => Reason::Unsupported { what: "a future" },
        Type::ErrorContext => Reason::Unsupported { what: "an error-context" },
        Type::Map(_) => Reason::Unsupported { what: "a map" },
        Type::FixedLengthList(_) => Reason::Unsupported { what: "a list of fixed length" },
        _ => Reason::Unsupported { what: "a type that this version does not know" },
    }
}
