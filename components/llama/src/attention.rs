//! Keys and values of the tokens so far, and what heads make of them.
//!
//! Both are kept with 16 bits, and queries and probabilities are rounded to 16 bits before they meet them, as llama.cpp does.
//! They lie like weights of `F16`: keys of four tokens together, elements of values four together.

use crate::activation::WIDE;
use crate::error::LoadError;
use crate::half;
use crate::kernel::{self, ROWS};
use crate::shape::Shape;
use crate::simd::{F32x4, store};
use crate::vector::exponentials;

/// Bytes of four numbers of 16 bits.
const FOUR: usize = 8;
/// The largest number of 16 bits: what is larger would become infinite, and then not a number.
const LARGEST: f32 = 65_504.0;

/// Keys and values of one layer.
#[derive(Debug)]
pub(crate) struct Cache {
    keys: Vec<u8>,
    values: Vec<u8>,
    kv_heads: usize,
    head: usize,
    /// Heads that ask one that is asked.
    group: usize,
    /// Tokens it has room for, a multiple of four.
    room: usize,
}

// === impl Cache ===

impl Cache {
    /// Bytes for so many tokens, all layers together.
    pub(crate) fn memory(shape: &Shape, context: usize) -> u64 {
        (context.next_multiple_of(ROWS) as u64)
            .saturating_mul(shape.kv_width() as u64)
            .saturating_mul(shape.layers as u64)
            .saturating_mul(4)
    }

    /// Room for so many tokens.
    pub(crate) fn new(shape: &Shape, context: usize) -> Result<Self, LoadError> {
        let room = context.next_multiple_of(ROWS);
        let bytes = room * shape.kv_width() * 2;
        let zeros = || -> Result<Vec<u8>, LoadError> {
            let mut zeros = Vec::new();
            zeros.try_reserve_exact(bytes).map_err(|_| LoadError::memory(bytes as u64))?;
            zeros.resize(bytes, 0);
            Ok(zeros)
        };
        let group = shape.heads / shape.kv_heads;
        Ok(Self { keys: zeros()?, values: zeros()?, kv_heads: shape.kv_heads, head: shape.head, group, room })
    }

    /// Keeps keys and values of tokens from position `first` on.
    pub(crate) fn keep(&mut self, first: usize, keys: &[f32], values: &[f32]) {
        let (head, room, width) = (self.head, self.room, self.kv_heads * self.head);
        for (position, (keys, values)) in (first..).zip(keys.chunks_exact(width).zip(values.chunks_exact(width))) {
            let (four, lane) = (position / ROWS, position % ROWS);
            let all = self.keys.chunks_exact_mut(room * head * 2).zip(self.values.chunks_exact_mut(room * head * 2));
            let given = keys.chunks_exact(head).zip(values.chunks_exact(head));
            for ((kept_keys, kept_values), (keys, values)) in all.zip(given) {
                let places = kept_keys.chunks_exact_mut(head * FOUR).nth(four).unwrap_or_default();
                for (place, key) in places.chunks_exact_mut(FOUR).zip(keys) {
                    put(place, lane, *key);
                }
                for (places, values) in kept_values.chunks_exact_mut(room * FOUR).zip(values.chunks_exact(ROWS)) {
                    let place = places.chunks_exact_mut(FOUR).nth(position).unwrap_or_default();
                    values.iter().enumerate().for_each(|(lane, value)| put(place, lane, *value));
                }
            }
        }
    }

    /// What each query takes from the values: rows of `heads * head` elements, the first at position `first`. All their keys
    /// and values are kept already.
    pub(crate) fn attend(&self, first: usize, queries: &[f32], output: &mut [f32]) {
        let width = self.kv_heads * self.group * self.head;
        let (mut scores, mut columns) = (Vec::new(), Vec::new());
        for asked in 0..self.kv_heads {
            // Every head of every token that asks this one: its position, where its elements begin.
            let askers: Vec<(usize, usize)> = (0..queries.len() / width)
                .flat_map(|token| {
                    let head = move |at| token * width + (asked * self.group + at) * self.head;
                    (0..self.group).map(move |at| (first + token, head(at)))
                })
                .collect();
            let (wide, rest) = askers.as_chunks::<WIDE>();
            for askers in wide {
                self.tile(asked, askers, queries, output, &mut scores, &mut columns);
            }
            let mut single = Vec::new();
            for asker in rest {
                self.tile(asked, &[*asker], queries, output, &mut scores, &mut single);
            }
        }
    }

    /// `T` heads at once.
    fn tile<const T: usize>(
        &self,
        asked: usize,
        askers: &[(usize, usize); T],
        queries: &[f32],
        output: &mut [f32],
        scores: &mut Vec<f32>,
        columns: &mut Vec<[f32; T]>,
    ) {
        let tokens = askers.iter().map(|(position, _)| position + 1).max().unwrap_or(0);
        let padded = tokens.next_multiple_of(ROWS);
        columns.clear();
        columns.resize(self.head, [0.0; T]);
        for (t, (_, from)) in askers.iter().enumerate() {
            let query = queries.get(*from..).unwrap_or_default();
            for (column, number) in columns.iter_mut().zip(query) {
                column.get_mut(t).into_iter().for_each(|at| *at = half::round(*number));
            }
        }
        scores.resize(padded * T, 0.0);
        let keys = self.keys.chunks_exact(self.room * self.head * 2).nth(asked).unwrap_or_default();
        for (four, keys) in keys.chunks_exact(self.head * FOUR).take(padded / ROWS).enumerate() {
            lanes(kernel::f16(keys, columns), four, padded, scores);
        }
        columns.clear();
        columns.resize(tokens, [0.0; T]);
        for (t, (scores, (position, _))) in scores.chunks_exact_mut(padded).zip(askers).enumerate() {
            self.probabilities(scores, position + 1);
            for (column, score) in columns.iter_mut().zip(scores) {
                column.get_mut(t).into_iter().for_each(|at| *at = half::round(*score));
            }
        }
        let values = self.values.chunks_exact(self.room * self.head * 2).nth(asked).unwrap_or_default();
        for (four, values) in values.chunks_exact(self.room * FOUR).enumerate() {
            let values = values.get(..tokens * FOUR).unwrap_or_default();
            for (sums, (_, from)) in kernel::f16(values, columns).into_iter().zip(askers) {
                let place = output.get_mut(from + four * ROWS..).and_then(|rest| rest.first_chunk_mut());
                place.into_iter().for_each(|place| *place = store(sums));
            }
        }
    }

    /// Scores of the first `tokens` become probabilities, others 0.
    #[allow(clippy::cast_precision_loss, reason = "heads have some hundred elements")]
    fn probabilities(&self, scores: &mut [f32], tokens: usize) {
        let (seen, unseen) = scores.split_at_mut(tokens.min(scores.len()));
        let most = seen.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        unseen.fill(f32::NEG_INFINITY);
        let sum = exponentials(scores, most, 1.0 / (self.head as f32).sqrt());
        let scale = 1.0 / sum;
        for (at, score) in scores.iter_mut().enumerate() {
            *score = if at < tokens { *score * scale } else { 0.0 };
        }
    }
}

/// Puts four tokens' scores of each head where they belong.
fn lanes<const T: usize>(sums: [F32x4; T], four: usize, padded: usize, scores: &mut [f32]) {
    for (sums, scores) in sums.into_iter().zip(scores.chunks_exact_mut(padded)) {
        let place = scores.as_chunks_mut::<ROWS>().0.get_mut(four);
        place.into_iter().for_each(|place| *place = store(sums));
    }
}

fn put(place: &mut [u8], lane: usize, number: f32) {
    if let Some(place) = place.as_chunks_mut::<2>().0.get_mut(lane) {
        *place = half::from_f32(number.clamp(-LARGEST, LARGEST)).to_le_bytes();
    }
}
