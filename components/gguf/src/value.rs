//! Values of metadata.

/// A value of metadata.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number that is not negative, of any width.
    Unsigned(u64),
    /// A whole number with a sign, of any width.
    Signed(i64),
    /// A floating-point number of either width.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A text.
    Text(String),
    /// Many of one type.
    Array(Array),
}

/// Many values of one type; all numbers in the widest of their family.
#[derive(Debug, Clone, PartialEq)]
pub enum Array {
    /// Whole numbers of at most 32 bits; tokens' kinds are such.
    Integers(Vec<i64>),
    /// Floating-point numbers, as 32 bits; tokens' scores are such.
    Floats(Vec<f32>),
    /// Booleans.
    Booleans(Vec<bool>),
    /// Texts.
    Texts(Strings),
}

/// Many texts, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strings {
    text: String,
    ends: Vec<u32>,
}

impl Value {
    /// As a count, if it is a whole number that is not negative.
    #[must_use]
    pub fn as_count(&self) -> Option<u64> {
        match self {
            Self::Unsigned(number) => Some(*number),
            Self::Signed(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// As a floating-point number, if it is one.
    #[must_use]
    pub fn as_float(&self) -> Option<f64> {
        if let Self::Float(number) = self { Some(*number) } else { None }
    }

    /// As a text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// As true or false, if it is either.
    #[must_use]
    pub fn as_boolean(&self) -> Option<bool> {
        if let Self::Boolean(value) = self { Some(*value) } else { None }
    }

    /// As texts, if it is an array of them.
    #[must_use]
    pub fn as_texts(&self) -> Option<&Strings> {
        if let Self::Array(Array::Texts(texts)) = self { Some(texts) } else { None }
    }

    /// As whole numbers, if it is an array of them.
    #[must_use]
    pub fn as_integers(&self) -> Option<&[i64]> {
        if let Self::Array(Array::Integers(numbers)) = self { Some(numbers) } else { None }
    }

    /// As floating-point numbers, if it is an array of them.
    #[must_use]
    pub fn as_floats(&self) -> Option<&[f32]> {
        if let Self::Array(Array::Floats(numbers)) = self { Some(numbers) } else { None }
    }

    /// What it is, for messages.
    #[must_use]
    pub fn family(&self) -> &'static str {
        match self {
            Self::Unsigned(_) | Self::Signed(_) => "a whole number",
            Self::Float(_) => "a floating-point number",
            Self::Boolean(_) => "a boolean",
            Self::Text(_) => "a text",
            Self::Array(_) => "an array",
        }
    }
}

impl Strings {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text of that number.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&str> {
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.get(start as usize..end as usize)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map_while(|at| self.get(at))
    }

    /// Adds one. The head's bound keeps the sum far below 2^32.
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }
}
