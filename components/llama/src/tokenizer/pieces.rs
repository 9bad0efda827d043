//! Pieces with scores: of neighbours that are a piece together, the pair with the best score is joined, again and again.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::Tokenizer;

/// What stands for a space in pieces.
pub(super) const SPACE: &str = "\u{2581}";

/// A part of the text; `next` and `before` chain what was not joined yet.
#[derive(Clone, Copy)]
struct Symbol {
    start: usize,
    end: usize,
    before: Option<usize>,
    next: Option<usize>,
}

/// Two neighbours that are a piece.
#[derive(PartialEq)]
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    /// Bytes of both; if they changed since, the pair is no more.
    length: usize,
}

// === impl Pair ===

impl Eq for Pair {}

impl Ord for Pair {
    /// The best score first; of equal ones, the first in the text.
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The byte that a token as `<0x0A>` stands for.
pub(super) fn byte(text: &str) -> Option<u8> {
    u8::from_str_radix(text.strip_prefix("<0x")?.strip_suffix('>')?, 16).ok()
}

/// Cuts a text in which spaces are replaced.
pub(super) fn encode(tokens: &Tokenizer, scores: &[f32], bytes: &[Option<u32>], text: &str, into: &mut Vec<u32>) {
    let mut symbols: Vec<Symbol> = text
        .char_indices()
        .enumerate()
        .map(|(at, (start, letter))| Symbol {
            start,
            end: start + letter.len_utf8(),
            before: at.checked_sub(1),
            next: Some(at + 1),
        })
        .collect();
    if let Some(last) = symbols.last_mut() {
        last.next = None;
    }
    let mut queue = BinaryHeap::new();
    for left in 0..symbols.len() {
        queue.extend(pair(tokens, scores, text, &symbols, left));
    }
    while let Some(Pair { left, right, length, .. }) = queue.pop() {
        let (Some(first), Some(second)) = (symbols.get(left).copied(), symbols.get(right).copied()) else { continue };
        if first.next != Some(right) || second.end - first.start != length || first.end != second.start {
            continue;
        }
        set(&mut symbols, left, Symbol { end: second.end, next: second.next, ..first });
        // Joined away: it has no bytes, so that no pair with it holds.
        set(&mut symbols, right, Symbol { start: second.end, before: None, next: None, ..second });
        if let Some(after) = second.next.and_then(|next| symbols.get_mut(next)) {
            after.before = Some(left);
        }
        queue.extend(pair(tokens, scores, text, &symbols, left));
        queue.extend(first.before.and_then(|before| pair(tokens, scores, text, &symbols, before)));
    }
    let mut at = (!symbols.is_empty()).then_some(0);
    while let Some(symbol) = at.and_then(|at| symbols.get(at)) {
        let part = text.get(symbol.start..symbol.end).unwrap_or_default();
        match tokens.token(part) {
            Some(token) => into.push(token),
            None => into.extend(
                part.bytes().filter_map(|byte| bytes.get(usize::from(byte)).copied().flatten().or(tokens.unknown)),
            ),
        }
        at = symbol.next;
    }
}

fn pair(tokens: &Tokenizer, scores: &[f32], text: &str, symbols: &[Symbol], left: usize) -> Option<Pair> {
    let first = symbols.get(left)?;
    let right = first.next?;
    let second = symbols.get(right)?;
    let token = tokens.token(text.get(first.start..second.end)?)?;
    let score = scores.get(token as usize).copied().unwrap_or(0.0);
    Some(Pair { score, left, right, length: second.end - first.start })
}

fn set(symbols: &mut [Symbol], at: usize, symbol: Symbol) {
    if let Some(place) = symbols.get_mut(at) {
        *place = symbol;
    }
}
