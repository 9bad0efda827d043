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
            let found = bytes_dot(bytes, pairs);
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
            let parts = nibbles.as_chunks::<64>().0.iter().zip(pairs.as_chunks::<16>().0);
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
            let parts = bytes.as_chunks::<64>().0.iter().zip(pairs.as_chunks::<8>().0);
            for ((bytes, pairs), scales) in parts.zip(scales.as_chunks::<4>().0) {
                add_scaled(&mut found, bytes_dot(bytes, pairs), widen_4_i8(*scales));
            }
            finish(&mut sums, found, halves(*own), activation);
        }
        sums
    }

    /// `F16`, and the cache of keys and values.
    pub(crate) fn f16<const T: usize>(weights: &[u8], tile: &[[f32; T]]) -> [F32x4; T] {
        // Two sums, even and odd columns: one would wait for itself.
        let (mut even, mut odd) = ([splat(0.0); T], [splat(0.0); T]);
        let (twos, last) = weights.as_chunks::<16>();
        for (weights, columns) in twos.iter().zip(tile.as_chunks::<2>().0) {
            let ([first, second], [one, two]) = (split(*weights), columns);
            multiply_all(&mut even, halves(first), one);
            multiply_all(&mut odd, halves(second), two);
        }
        if let (Some(weights), Some(column)) = (last.first_chunk::<8>(), tile.as_chunks::<2>().1.first()) {
            multiply_all(&mut even, halves(*weights), column);
        }
        for (even, odd) in even.iter_mut().zip(odd) {
            *even = add(*even, odd);
        }
        even
    }

    /// `F32`.
    pub(crate) fn f32<const T: usize>(weights: &[f32], tile: &[[f32; T]]) -> [F32x4; T] {
        let (mut even, mut odd) = ([splat(0.0); T], [splat(0.0); T]);
        let (twos, last) = weights.as_chunks::<8>();
        for (weights, columns) in twos.iter().zip(tile.as_chunks::<2>().0) {
            let [a, b, c, d, e, f, g, h] = *weights;
            let [one, two] = columns;
            multiply_all(&mut even, load([a, b, c, d]), one);
            multiply_all(&mut odd, load([e, f, g, h]), two);
        }
        if let (Some(weights), Some(column)) = (last.first_chunk::<4>(), tile.as_chunks::<2>().1.first()) {
            multiply_all(&mut even, load(*weights), column);
        }
        for (even, odd) in even.iter_mut().zip(odd) {
            *even = add(*even, odd);
        }
        even
    }

    /// Bytes times pairs of activations: eight bytes hold two columns of four rows.
    fn bytes_dot<const T: usize>(bytes: &[u8], pairs: &[[i32; T]]) -> [I32x4; T] {
        let mut found = [splat_i32(0); T];
        for (bytes, pairs) in bytes.as_chunks::<8>().0.iter().zip(pairs) {
            dot_all(&mut found, widen_i8(*bytes), pairs);
        }
        found
    }

    /// Nibbles times pairs of activations: sixteen bytes hold eight columns of four rows.
    fn nibbles_dot<const T: usize>(nibbles: &[u8], pairs: &[[i32; T]; 16]) -> [I32x4; T] {
        let mut found = [splat_i32(0); T];
        for (nibbles, [a, b, c, d]) in nibbles.as_chunks::<16>().0.iter().zip(pairs.as_chunks::<4>().0) {
            let nibbles = load_i16(*nibbles);
            dot_all(&mut found, nibble::<0>(nibbles), a);
            dot_all(&mut found, nibble::<4>(nibbles), b);
            dot_all(&mut found, nibble::<8>(nibbles), c);
            dot_all(&mut found, nibble::<12>(nibbles), d);
        }
        found
    }

    fn dot_all<const T: usize>(found: &mut [I32x4; T], weights: I16x8, pairs: &[i32; T]) {
        for (found, pair) in found.iter_mut().zip(pairs) {
            *found = add_i32(*found, dot(weights, splat_pair(*pair)));
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

fn split(bytes: [u8; 16]) -> [[u8; 8]; 2] {
    bytemuck::cast(bytes)
}
