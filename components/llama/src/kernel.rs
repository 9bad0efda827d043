//! Four rows of weights times up to four rows of activations.
//!
//! Weights lie as they are computed: of each four rows the same two columns together, so that every lane of a sum belongs to
//! one row and nothing is added across lanes. The sums of integers are exact; each row's sum of floating-point numbers is
//! made in the order of its blocks, whatever is computed beside it: a prompt gives the same numbers in one batch or token by
//! token.

use crate::activation::Bytes;
use crate::simd::{
    F32x4, I16x8, I32x4, add, add_i32, convert, dot, halves, load, load_i16, multiply, multiply_add, multiply_i32,
    nibble, splat, splat_i32, splat_pair, subtract, subtract_i32, vectorised, widen_4_i8, widen_i8, widen_u8,
};

/// Rows of weights that lie together.
pub(crate) const ROWS: usize = 4;
/// Bytes of four rows' blocks of `Q8_0`: scales, then for each two columns those of all rows.
pub(crate) const Q8_0: usize = ROWS * 34;
/// Bytes of four rows' blocks of `Q4_0`: scales, then for each eight columns 16 bytes: in each 16 bits four pairs' nibbles.
pub(crate) const Q4_0: usize = ROWS * 18;
/// Bytes of four rows' blocks of `Q4_K`: scales and minima of 256, scales of 32, minima of 32, nibbles as above.
pub(crate) const Q4_K: usize = ROWS * 148;
/// Bytes of four rows' blocks of `Q6_K`: scales of 256, scales of 16, then bytes as in `Q8_0`.
pub(crate) const Q6_K: usize = ROWS * 274;

vectorised! {
    /// `Q8_0`.
    pub(crate) fn q8_0<const T: usize>(weights: &[u8], tile: &Bytes<T>) -> [F32x4; T] {
        let mut sums = [splat(0.0); T];
        let blocks = weights.as_chunks::<Q8_0>().0.iter().zip(tile.pairs.as_chunks::<16>().0).zip(&tile.scales);
        for ((block, pairs), scales) in blocks {
            let Some((own, bytes)) = block.split_first_chunk::<8>() else { continue };
            let mut found = [splat_i32(0); T];
            if let ([first, second], [one, two]) = (bytes.as_chunks::<8>().0.as_chunks::<8>().0, pairs.as_chunks::<8>().0) {
                bytes_dot(first, one, &mut found);
                bytes_dot(second, two, &mut found);
            }
            finish(&mut sums, found, halves(*own), scales);
        }
        sums
    }

    /// `Q4_0`: nibbles from 0 to 15 stand for -8 to 7; eight times the sum of the activations corrects that.
    pub(crate) fn q4_0<const T: usize>(weights: &[u8], tile: &Bytes<T>) -> [F32x4; T] {
        let mut sums = [splat(0.0); T];
        let blocks = weights.as_chunks::<Q4_0>().0.iter().zip(tile.pairs.as_chunks::<16>().0);
        for (((block, pairs), scales), totals) in blocks.zip(&tile.scales).zip(&tile.sums) {
            let Some((own, nibbles)) = block.split_first_chunk::<8>() else { continue };
            let [nibbles] = nibbles.as_chunks::<16>().0.as_chunks::<4>().0 else { continue };
            let mut found = nibbles_dot(nibbles, pairs);
            for (found, total) in found.iter_mut().zip(totals) {
                *found = subtract_i32(*found, splat_i32(8 * total));
            }
            finish(&mut sums, found, halves(*own), scales);
        }
        sums
    }

    /// `Q4_K`.
    pub(crate) fn q4_k<const T: usize>(weights: &[u8], tile: &Bytes<T>) -> [F32x4; T] {
        let mut sums = [splat(0.0); T];
        let blocks = weights.as_chunks::<Q4_K>().0.iter().zip(tile.pairs.as_chunks::<128>().0);
        for (((block, pairs), activation), totals) in blocks.zip(&tile.scales).zip(tile.sums.as_chunks::<8>().0) {
            let Some((own, block)) = block.split_first_chunk::<8>() else { continue };
            let Some((least, block)) = block.split_first_chunk::<8>() else { continue };
            let Some((scales, block)) = block.split_first_chunk::<32>() else { continue };
            let Some((minima, nibbles)) = block.split_first_chunk::<32>() else { continue };
            let mut found = [splat_i32(0); T];
            let parts = nibbles.as_chunks::<16>().0.as_chunks::<4>().0.iter().zip(pairs.as_chunks::<16>().0);
            for ((nibbles, pairs), scales) in parts.zip(scales.as_chunks::<4>().0) {
                add_scaled(&mut found, nibbles_dot(nibbles, pairs), widen_4_i8(*scales));
            }
            let mut below = [splat_i32(0); T];
            for (minima, totals) in minima.as_chunks::<8>().0.iter().zip(totals.as_chunks::<2>().0) {
                let minima = widen_u8(*minima);
                let [first, second] = totals;
                for ((below, first), second) in below.iter_mut().zip(first).zip(second) {
                    *below = add_i32(*below, dot(minima, splat_pair((first & 0xffff) | (second << 16))));
                }
            }
            finish(&mut sums, found, halves(*own), activation);
            let least = halves(*least);
            for ((sum, below), scale) in sums.iter_mut().zip(below).zip(activation) {
                *sum = subtract(*sum, multiply(convert(below), multiply(least, splat(*scale))));
            }
        }
        sums
    }

    /// `Q6_K`.
    pub(crate) fn q6_k<const T: usize>(weights: &[u8], tile: &Bytes<T>) -> [F32x4; T] {
        let mut sums = [splat(0.0); T];
        let blocks = weights.as_chunks::<Q6_K>().0.iter().zip(tile.pairs.as_chunks::<128>().0).zip(&tile.scales);
        for ((block, pairs), activation) in blocks {
            let Some((own, block)) = block.split_first_chunk::<8>() else { continue };
            let Some((scales, bytes)) = block.split_first_chunk::<64>() else { continue };
            let mut found = [splat_i32(0); T];
            let parts = bytes.as_chunks::<8>().0.as_chunks::<8>().0.iter().zip(pairs.as_chunks::<8>().0);
            for ((bytes, pairs), scales) in parts.zip(scales.as_chunks::<4>().0) {
                let mut part = [splat_i32(0); T];
                bytes_dot(bytes, pairs, &mut part);
                add_scaled(&mut found, part, widen_4_i8(*scales));
            }
            finish(&mut sums, found, halves(*own), activation);
        }
        sums
    }

    /// `F16`, and the cache of keys and values.
    pub(crate) fn f16<const T: usize>(weights: &[u8], tile: &[[f32; T]]) -> [F32x4; T] {
        // Two sums, even and odd columns: one would wait for itself.
        let (mut even, mut odd) = ([splat(0.0); T], [splat(0.0); T]);
        let (weights, rest) = weights.as_chunks::<8>().0.as_chunks::<8>();
        let (tile, last) = tile.as_chunks::<8>();
        for ([a, b, c, d, e, f, g, h], [p, q, r, s, t, u, v, w]) in weights.iter().zip(tile) {
            multiply_all(&mut even, halves(*a), p);
            multiply_all(&mut odd, halves(*b), q);
            multiply_all(&mut even, halves(*c), r);
            multiply_all(&mut odd, halves(*d), s);
            multiply_all(&mut even, halves(*e), t);
            multiply_all(&mut odd, halves(*f), u);
            multiply_all(&mut even, halves(*g), v);
            multiply_all(&mut odd, halves(*h), w);
        }
        for (weights, column) in rest.iter().zip(last) {
            multiply_all(&mut even, halves(*weights), column);
            std::mem::swap(&mut even, &mut odd);
        }
        join(even, odd)
    }

    /// `F32`.
    pub(crate) fn f32<const T: usize>(weights: &[f32], tile: &[[f32; T]]) -> [F32x4; T] {
        let (mut even, mut odd) = ([splat(0.0); T], [splat(0.0); T]);
        let (weights, rest) = weights.as_chunks::<4>().0.as_chunks::<4>();
        let (tile, last) = tile.as_chunks::<4>();
        for ([a, b, c, d], [p, q, r, s]) in weights.iter().zip(tile) {
            multiply_all(&mut even, load(*a), p);
            multiply_all(&mut odd, load(*b), q);
            multiply_all(&mut even, load(*c), r);
            multiply_all(&mut odd, load(*d), s);
        }
        for (weights, column) in rest.iter().zip(last) {
            multiply_all(&mut even, load(*weights), column);
            std::mem::swap(&mut even, &mut odd);
        }
        join(even, odd)
    }

    fn join<const T: usize>(mut even: [F32x4; T], odd: [F32x4; T]) -> [F32x4; T] {
        for (even, odd) in even.iter_mut().zip(odd) {
            *even = add(*even, odd);
        }
        even
    }

    /// Bytes times pairs of activations: eight bytes hold two columns of four rows.
    ///
    /// Written out, here and below: in a loop the engine looks at its clock in every turn, and keeps the sums in memory.
    fn bytes_dot<const T: usize>(bytes: &[[u8; 8]; 8], pairs: &[[I16x8; T]; 8], found: &mut [I32x4; T]) {
        let [a, b, c, d, e, f, g, h] = bytes;
        let [p, q, r, s, t, u, v, w] = pairs;
        dot_all(found, widen_i8(*a), p);
        dot_all(found, widen_i8(*b), q);
        dot_all(found, widen_i8(*c), r);
        dot_all(found, widen_i8(*d), s);
        dot_all(found, widen_i8(*e), t);
        dot_all(found, widen_i8(*f), u);
        dot_all(found, widen_i8(*g), v);
        dot_all(found, widen_i8(*h), w);
    }

    /// Nibbles times pairs of activations: sixteen bytes hold eight columns of four rows.
    fn nibbles_dot<const T: usize>(nibbles: &[[u8; 16]; 4], pairs: &[[I16x8; T]; 16]) -> [I32x4; T] {
        let mut found = [splat_i32(0); T];
        let [a, b, c, d] = nibbles;
        let [p, q, r, s, pairs @ ..] = pairs;
        nibble_dot(&mut found, *a, [p, q, r, s]);
        let [p, q, r, s, pairs @ ..] = pairs;
        nibble_dot(&mut found, *b, [p, q, r, s]);
        let [p, q, r, s, pairs @ ..] = pairs;
        nibble_dot(&mut found, *c, [p, q, r, s]);
        let [p, q, r, s] = pairs;
        nibble_dot(&mut found, *d, [p, q, r, s]);
        found
    }

    fn nibble_dot<const T: usize>(found: &mut [I32x4; T], nibbles: [u8; 16], [a, b, c, d]: [&[I16x8; T]; 4]) {
        let nibbles = load_i16(nibbles);
        dot_all(found, nibble::<0>(nibbles), a);
        dot_all(found, nibble::<4>(nibbles), b);
        dot_all(found, nibble::<8>(nibbles), c);
        dot_all(found, nibble::<12>(nibbles), d);
    }

    fn dot_all<const T: usize>(found: &mut [I32x4; T], weights: I16x8, pairs: &[I16x8; T]) {
        for (found, pair) in found.iter_mut().zip(pairs) {
            *found = add_i32(*found, dot(weights, *pair));
        }
    }

    fn add_scaled<const T: usize>(found: &mut [I32x4; T], part: [I32x4; T], scale: I32x4) {
        for (found, part) in found.iter_mut().zip(part) {
            *found = add_i32(*found, multiply_i32(part, scale));
        }
    }

    fn multiply_all<const T: usize>(sums: &mut [F32x4; T], weights: F32x4, column: &[f32; T]) {
        for (sum, number) in sums.iter_mut().zip(column) {
            *sum = multiply_add(weights, splat(*number), *sum);
        }
    }

    /// Adds a block's whole numbers, scaled.
    fn finish<const T: usize>(sums: &mut [F32x4; T], found: [I32x4; T], own: F32x4, scales: &[f32; T]) {
        for ((sum, found), scale) in sums.iter_mut().zip(found).zip(scales) {
            *sum = multiply_add(convert(found), multiply(own, splat(*scale)), *sum);
        }
    }
}
