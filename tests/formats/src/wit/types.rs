//! Types out of choices.

/// Choices: bytes from the input, zeros after its end.
pub(crate) struct Choices<'a>(pub(crate) &'a [u8]);

impl Choices<'_> {
    pub(crate) fn one(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// One of so many.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(self.one()) % end
    }

    pub(crate) fn bits(&mut self) -> u64 {
        (0..8).fold(0, |bits, _| bits << 8 | u64::from(self.one()))
    }
}

/// A type of the component model that has values in JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Type {
    Bool,
    /// By its name.
    Integer(&'static str),
    F32,
    F64,
    Char,
    String,
    List(Box<Type>),
    Tuple(Vec<Type>),
    Record(Vec<(String, Type)>),
    Variant(Vec<(String, Option<Type>)>),
    Enum(Vec<String>),
    Flags(Vec<String>),
    Option(Box<Type>),
    Result(Option<Box<Type>>, Option<Box<Type>>),
}

const INTEGERS: [&str; 8] = ["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"];
/// Names that mean something elsewhere, and others.
const NAMES: [&str; 8] = ["a", "some", "ok", "error", "result", "v", "null", "x-y1"];
/// Deeper than what is taken.
const DEEPEST: usize = 40;

impl Type {
    pub(crate) fn chosen(choices: &mut Choices<'_>, depth: usize) -> Self {
        let kind = if depth >= DEEPEST { choices.below(6) } else { choices.below(16) };
        let inner = |choices: &mut Choices<'_>| Self::chosen(choices, depth + 1);
        let maybe = |choices: &mut Choices<'_>| (choices.below(2) == 1).then(|| inner(choices));
        match kind {
            0 => Self::Bool,
            1 => Self::Integer(INTEGERS[choices.below(8)]),
            2 => Self::String,
            3 => Self::F64,
            4 => Self::F32,
            5 => Self::Char,
            6 => Self::List(Box::new(Self::Integer("u8"))),
            7 => Self::List(Box::new(inner(choices))),
            8 => Self::Option(Box::new(inner(choices))),
            9 => Self::Tuple((0..=choices.below(4)).map(|_| inner(choices)).collect()),
            10 => Self::Enum(names(choices, 255)),
            11 => Self::Flags(names(choices, 32)),
            12 => Self::Variant(names(choices, 6).into_iter().map(|name| (name, maybe(choices))).collect()),
            13 => Self::Result(maybe(choices).map(Box::new), maybe(choices).map(Box::new)),
            _ => Self::Record(names(choices, 6).into_iter().map(|name| (name, inner(choices))).collect()),
        }
    }

    /// Types and names in it.
    pub(crate) fn nodes(&self) -> usize {
        1 + match self {
            Self::List(inner) | Self::Option(inner) => inner.nodes(),
            Self::Tuple(items) => items.iter().map(Self::nodes).sum(),
            Self::Record(fields) => fields.iter().map(|(_, ty)| 1 + ty.nodes()).sum(),
            Self::Variant(cases) => cases.iter().map(|(_, ty)| 1 + ty.as_ref().map_or(0, Self::nodes)).sum(),
            Self::Enum(names) | Self::Flags(names) => names.len(),
            Self::Result(ok, error) => [ok, error].into_iter().flatten().map(|ty| ty.nodes()).sum(),
            _ => 0,
        }
    }

    pub(crate) fn depth(&self) -> usize {
        let deepest = |types: Vec<&Self>| types.into_iter().map(Self::depth).max().unwrap_or(0);
        1 + match self {
            Self::List(inner) | Self::Option(inner) => inner.depth(),
            Self::Tuple(items) => deepest(items.iter().collect()),
            Self::Record(fields) => deepest(fields.iter().map(|(_, ty)| ty).collect()),
            Self::Variant(cases) => deepest(cases.iter().filter_map(|(_, ty)| ty.as_ref()).collect()),
            Self::Result(ok, error) => deepest([ok, error].into_iter().flatten().map(|ty| &**ty).collect()),
            _ => 0,
        }
    }
}

/// Different names, one at least.
fn names(choices: &mut Choices<'_>, most: usize) -> Vec<String> {
    let (count, first) = (1 + choices.below(most), choices.below(NAMES.len()));
    let name = |index: usize| match index < NAMES.len() {
        true => NAMES[(first + index) % NAMES.len()].to_owned(),
        false => format!("n{index}"),
    };
    (0..count).map(name).collect()
}
