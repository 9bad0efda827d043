//! Pairs of bytes: of neighbours that the model's makers joined, those joined first are joined first.

use std::collections::HashMap;

use super::Tokenizer;
use super::cut::Cut;

/// How text is cut, and which pairs are joined.
#[derive(Debug)]
pub(super) struct Pairs {
    pub(super) cut: Cut,
    /// Whether a whole word that is a token is taken as it is.
    pub(super) words: bool,
    /// Two tokens, their rank, and what they become.
    pub(super) merges: HashMap<(u32, u32), (u32, u32)>,
}

/// Longest word, in bytes, that is joined: the time grows with its square.
const MAX_WORD: usize = 4096;

// === impl Pairs ===

impl Pairs {
    pub(super) fn encode(&self, tokens: &Tokenizer, text: &str, into: &mut Vec<u32>) {
        for word in self.cut.words(text) {
            let letters: String = word.bytes().map(letter).collect();
            if let Some(token) = tokens.token(&letters).filter(|_| self.words) {
                into.push(token);
                continue;
            }
            let mut buffer = [0; 4];
            let single: Vec<u32> =
                letters.chars().filter_map(|letter| tokens.token(letter.encode_utf8(&mut buffer))).collect();
            for part in single.chunks(MAX_WORD) {
                into.extend(self.join(part.to_vec()));
            }
        }
    }

    fn join(&self, mut word: Vec<u32>) -> Vec<u32> {
        loop {
            let pairs = word.iter().zip(word.iter().skip(1)).enumerate();
            let found = pairs.filter_map(|(at, (left, right))| Some((self.merges.get(&(*left, *right))?, at)));
            let Some((&(_, joined), at)) = found.min_by_key(|((rank, _), at)| (*rank, *at)) else { return word };
            word.splice(at..at + 2, [joined]);
        }
    }
}

/// The letter that stands for a byte, as GPT-2 chose them: printable ones for themselves, others from 256 on.
pub(super) fn letter(byte: u8) -> char {
    match byte {
        33..=126 | 161..=172 | 174..=255 => char::from(byte),
        0..=32 => letter_of(u32::from(byte)),
        127..=160 => letter_of(u32::from(byte) - 127 + 33),
        173 => letter_of(67),
    }
}

fn letter_of(number: u32) -> char {
    char::from_u32(256 + number).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The bytes that a token's letters stand for; letters that stand for none are themselves.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match u32::from(letter) {
            number @ (33..=126 | 161..=172 | 174..=255) => bytes.extend(u8::try_from(number)),
            number @ 256..=288 => bytes.extend(u8::try_from(number - 256)),
            number @ 289..=322 => bytes.extend(u8::try_from(number - 289 + 127)),
            323 => bytes.push(173),
            _ => bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes
}
