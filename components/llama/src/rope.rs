//! Positions: pairs of neighbouring elements are turned by angles that grow with the position.

use crate::shape::Shape;

/// Sines and cosines of the positions of a batch.
#[derive(Debug)]
pub(crate) struct Turns {
    /// For each position, for each pair of elements: cosine and sine.
    turns: Vec<[f32; 2]>,
    pairs: usize,
    head: usize,
}

// === impl Turns ===

impl Turns {
    /// Of `count` positions from `first` on. `factors`: what each pair's angle is divided by; empty: nothing.
    #[allow(clippy::cast_precision_loss, reason = "positions are below 2^24")]
    pub(crate) fn new(shape: &Shape, factors: &[f32], first: usize, count: usize) -> Self {
        let pairs = shape.rotary / 2;
        let step = shape.base.powf(-2.0 / shape.rotary as f32);
        let mut turns = Vec::with_capacity(pairs * count);
        for position in first..first + count {
            let mut angle = position as f32;
            let mut factors = factors.iter();
            for _ in 0..pairs {
                let turned = angle / factors.next().copied().unwrap_or(1.0) / shape.stretch;
                turns.push([turned.cos(), turned.sin()]);
                angle *= step;
            }
        }
        Self { turns, pairs, head: shape.head }
    }

    /// Turns every head of every row; each row is at its own position.
    pub(crate) fn apply(&self, rows: &mut [f32], width: usize) {
        for (row, turns) in rows.chunks_exact_mut(width).zip(self.turns.chunks_exact(self.pairs)) {
            for head in row.chunks_exact_mut(self.head) {
                for (pair, [cosine, sine]) in head.as_chunks_mut::<2>().0.iter_mut().zip(turns) {
                    let [even, odd] = *pair;
                    *pair = [even * cosine - odd * sine, even * sine + odd * cosine];
                }
            }
        }
    }
}
