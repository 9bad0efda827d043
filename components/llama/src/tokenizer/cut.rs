//! How text is cut into words before their bytes are paired. The patterns are those that the names stand for in llama.cpp.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// A way to cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// `llama-bpe`, `llama3`, `llama-v3`.
    Llama3,
    /// `gpt-2`.
    Gpt2,
    /// `smollm`: each digit, then as `gpt-2`.
    SmolLm,
    /// `default`, or none: punctuation, then as `gpt-2`, then numbers, by threes.
    Default,
}

/// Letters at the start of a text: gives where the first piece ends, or none if no pattern is there.
type Pattern = fn(&str) -> Option<usize>;

// === impl Cut ===

impl Cut {
    /// The way of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "llama-bpe" | "llama3" | "llama-v3" => Self::Llama3,
            "gpt-2" => Self::Gpt2,
            "smollm" => Self::SmolLm,
            "default" => Self::Default,
            _ => return None,
        })
    }

    /// The words of a text; together they are the text.
    pub(super) fn words(self, text: &str) -> Vec<&str> {
        let patterns: &[Pattern] = match self {
            Self::Llama3 => &[llama3],
            Self::Gpt2 => &[gpt2],
            Self::SmolLm => &[|text| run(text, 1, number), gpt2],
            Self::Default => &[
                |text| run(text, usize::MAX, |letter| punctuation(letter) || "$+<=>^~|".contains(letter)),
                gpt2,
                |text| run(text, usize::MAX, number),
                |text| Some(3).filter(|_| run(text, 3, |letter| letter.is_ascii_digit()) == Some(3)),
            ],
        };
        patterns
            .iter()
            .fold(vec![text], |words, pattern| words.into_iter().flat_map(|word| apart(word, *pattern)).collect())
    }
}

/// Cuts out what a pattern finds; what lies between is a word too.
fn apart(text: &str, pattern: Pattern) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        match pattern(rest).filter(|&length| length > 0) {
            Some(length) => {
                words.extend([text.get(from..at), rest.get(..length)].into_iter().flatten());
                at += length;
                from = at;
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    words.extend(text.get(from..));
    words.retain(|word| !word.is_empty());
    words
}

/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)`
fn gpt2(text: &str) -> Option<usize> {
    let space = usize::from(text.starts_with(' '));
    let rest = text.get(space..).unwrap_or_default();
    let after = |found: Option<usize>| found.map(|length| space + length);
    ending(text, false)
        .or_else(|| after(run(rest, usize::MAX, letter)))
        .or_else(|| after(run(rest, usize::MAX, number)))
        .or_else(|| after(run(rest, usize::MAX, other)))
        .or_else(|| blanks(text))
}

/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
fn llama3(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    let line = |letter: char| matches!(letter, '\r' | '\n');
    let skipped = if letter(first) || number(first) || line(first) { 0 } else { first.len_utf8() };
    let space = usize::from(first == ' ');
    ending(text, true)
        .or_else(|| Some(skipped + run(text.get(skipped..)?, usize::MAX, letter)?))
        .or_else(|| run(text, 3, number))
        .or_else(|| {
            let length = space + run(text.get(space..)?, usize::MAX, other)?;
            Some(length + run(text.get(length..)?, usize::MAX, line).unwrap_or(0))
        })
        .or_else(|| {
            let all = run(text, usize::MAX, char::is_whitespace)?;
            text.get(..all)?.rfind(line).map(|last| last + 1)
        })
        .or_else(|| blanks(text))
        .or_else(|| run(text, usize::MAX, char::is_whitespace))
}

/// An English ending after an apostrophe.
fn ending(text: &str, any_case: bool) -> Option<usize> {
    let rest = text.strip_prefix('\'')?;
    ["s", "t", "re", "ve", "m", "ll", "d"].into_iter().find_map(|ending| {
        let found = rest.get(..ending.len())?;
        (found == ending || any_case && found.eq_ignore_ascii_case(ending)).then_some(1 + ending.len())
    })
}

/// `\s+(?!\S)`: blanks, but not the last one if something follows.
fn blanks(text: &str) -> Option<usize> {
    let all = run(text, usize::MAX, char::is_whitespace)?;
    if all == text.len() {
        return Some(all);
    }
    let last = text.get(..all)?.chars().next_back()?.len_utf8();
    Some(all - last).filter(|&length| length > 0)
}

/// Bytes of the letters at the start that are such, at most `most` letters; none if there is none.
fn run(text: &str, most: usize, such: impl Fn(char) -> bool) -> Option<usize> {
    let length = text.chars().take(most).take_while(|&letter| such(letter)).map(char::len_utf8).sum();
    Some(length).filter(|&length: &usize| length > 0)
}

fn letter(letter: char) -> bool {
    if letter.is_ascii() {
        letter.is_ascii_alphabetic()
    } else {
        letter.general_category_group() == GeneralCategoryGroup::Letter
    }
}

fn number(letter: char) -> bool {
    letter.is_numeric()
}

fn punctuation(letter: char) -> bool {
    letter.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// Neither blank nor letter nor number.
fn other(this: char) -> bool {
    !(this.is_whitespace() || letter(this) || number(this))
}
