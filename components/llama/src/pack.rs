//! Weights as files have them, made into weights as kernels take them, and single rows of those as numbers.
//!
//! The blocks are ggml's: <https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h>.

use tidegate_gguf::Kind;

use crate::half::to_f32;
use crate::kernel::{self, ROWS};

/// Four rows' blocks.
type Blocks<'a> = [&'a [u8]; ROWS];

/// Whether a block's scales are finite. Others would make every answer not-a-number.
pub(crate) fn finite(kind: Kind, block: &[u8]) -> bool {
    let finite =
        |bytes: &[u8]| bytes.as_chunks::<2>().0.iter().all(|&half| u16::from_le_bytes(half) & 0x7c00 != 0x7c00);
    match kind {
        Kind::F16 => finite(block),
        Kind::Q4_K => finite(block.get(..4).unwrap_or_default()),
        Kind::Q6_K => finite(block.get(208..).unwrap_or_default()),
        _ => finite(block.get(..2).unwrap_or_default()),
    }
}

/// `F32`: rows of numbers.
pub(crate) fn f32(rows: Blocks<'_>, into: &mut Vec<f32>) {
    let [a, b, c, d] = rows.map(|row| row.as_chunks::<4>().0);
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        into.extend([a, b, c, d].map(|bytes| f32::from_le_bytes(*bytes)));
    }
}

/// `F16`: a block is one number.
pub(crate) fn f16(blocks: &Blocks<'_>, into: &mut Vec<u8>) {
    each(blocks, into, |block| block.first_chunk::<2>().copied());
}

/// `Q8_0`: scale, 32 bytes.
pub(crate) fn q8_0(blocks: &Blocks<'_>, into: &mut Vec<u8>) {
    each(blocks, into, |block| block.first_chunk::<2>().copied());
    let bytes =
        blocks.map(|block| block.get(2..).and_then(|rest| rest.first_chunk::<32>()).copied().unwrap_or([0; 32]));
    columns(&bytes, into);
}

/// `Q4_0`: scale, 16 bytes; the lower nibble of byte `i` is element `i`, the upper one element `i + 16`.
pub(crate) fn q4_0(blocks: &Blocks<'_>, into: &mut Vec<u8>) {
    each(blocks, into, |block| block.first_chunk::<2>().copied());
    let rows = blocks.map(|block| {
        let bytes = block.get(2..).and_then(|rest| rest.first_chunk::<16>()).copied().unwrap_or([0; 16]);
        halves_of(&bytes, &bytes)
    });
    nibbles(&rows, into);
}

/// `Q4_K`: two scales, 12 bytes with 8 scales and 8 minima of 6 bits, 128 bytes. Of each 32 bytes, the lower nibbles are 32
/// elements and the upper ones the next 32.
pub(crate) fn q4_k(blocks: &Blocks<'_>, into: &mut Vec<u8>) {
    each(blocks, into, |block| block.first_chunk::<2>().copied());
    each(blocks, into, |block| block.get(2..)?.first_chunk::<2>().copied());
    let steps = blocks.map(|block| steps(block.get(4..).and_then(|rest| rest.first_chunk()).unwrap_or(&[0; 12])));
    let [a, b, c, d] = steps.map(|(scales, _)| scales);
    for (((a, b), c), d) in a.into_iter().zip(b).zip(c).zip(d) {
        into.extend([a, b, c, d]);
    }
    columns(&steps.map(|(_, minima)| minima), into);
    let bytes = blocks.map(|block| block.get(16..).unwrap_or_default().as_chunks::<32>().0);
    let [a, b, c, d] = bytes;
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        let rows = [a, b, c, d];
        nibbles(&rows.map(|bytes| bytes.map(|byte| byte & 15)), into);
        nibbles(&rows.map(|bytes| bytes.map(|byte| byte >> 4)), into);
    }
}

/// `Q6_K`: 128 bytes of lower nibbles, 64 of upper bits, 16 scales of 8 bits, scale. Unpacked to bytes, from -32 to 31.
pub(crate) fn q6_k(blocks: &Blocks<'_>, into: &mut Vec<u8>) {
    each(blocks, into, |block| block.get(208..)?.first_chunk::<2>().copied());
    let [a, b, c, d] = blocks.map(|block| block.get(192..208).unwrap_or_default());
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        into.extend([a, b, c, d]);
    }
    columns(&blocks.map(sixes), into);
}

/// Two bytes of each block, one after the other.
fn each(blocks: &Blocks<'_>, into: &mut Vec<u8>, part: impl Fn(&[u8]) -> Option<[u8; 2]>) {
    into.extend_from_slice(blocks.map(|block| part(block).unwrap_or_default()).as_flattened());
}

/// Bytes of four rows, two columns at a time.
fn columns<const N: usize>(rows: &[[u8; N]; ROWS], into: &mut Vec<u8>) {
    let [a, b, c, d] = rows.each_ref().map(|row| row.as_chunks::<2>().0);
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        into.extend_from_slice([*a, *b, *c, *d].as_flattened());
    }
}

/// Nibbles of four rows: eight columns at a time, in each 16 bits those of four pairs of columns.
fn nibbles(rows: &[[u8; 32]; ROWS], into: &mut Vec<u8>) {
    let [a, b, c, d] = rows.each_ref().map(|row| row.as_chunks::<8>().0);
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        let step = [*a, *b, *c, *d]
            .map(|[k0, k1, k2, k3, k4, k5, k6, k7]| [k0 | k2 << 4, k4 | k6 << 4, k1 | k3 << 4, k5 | k7 << 4]);
        into.extend_from_slice(step.as_flattened());
    }
}

fn halves_of(low: &[u8; 16], high: &[u8; 16]) -> [u8; 32] {
    let mut all = [0; 32];
    let (first, last) = all.split_at_mut(16);
    first.iter_mut().zip(low).for_each(|(to, byte)| *to = byte & 15);
    last.iter_mut().zip(high).for_each(|(to, byte)| *to = byte >> 4);
    all
}

/// Scales and minima of 6 bits: the first four of each in the lower bits of four bytes each, the last four in nibbles of
/// four further bytes and the upper bits of the first.
fn steps(bytes: &[u8; 12]) -> ([u8; 8], [u8; 8]) {
    let [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3] = *bytes;
    let high = |nibble: u8, from: u8| nibble | ((from >> 6) << 4);
    (
        [
            a0 & 63,
            a1 & 63,
            a2 & 63,
            a3 & 63,
            high(c0 & 15, a0),
            high(c1 & 15, a1),
            high(c2 & 15, a2),
            high(c3 & 15, a3),
        ],
        [
            b0 & 63,
            b1 & 63,
            b2 & 63,
            b3 & 63,
            high(c0 >> 4, b0),
            high(c1 >> 4, b1),
            high(c2 >> 4, b2),
            high(c3 >> 4, b3),
        ],
    )
}

/// The 256 numbers of a block of `Q6_K`.
fn sixes(block: &[u8]) -> [u8; 256] {
    let mut numbers = [0; 256];
    let low = block.get(..128).unwrap_or_default().as_chunks::<64>().0;
    let high = block.get(128..192).unwrap_or_default().as_chunks::<32>().0;
    for ((numbers, low), high) in numbers.as_chunks_mut::<128>().0.iter_mut().zip(low).zip(high) {
        let (first, second) = low.split_at(32);
        let parts: [(&[u8], u32, u32); 4] = [(first, 0, 0), (second, 0, 2), (first, 4, 4), (second, 4, 6)];
        for (numbers, (low, by, upper)) in numbers.as_chunks_mut::<32>().0.iter_mut().zip(parts) {
            for ((number, low), high) in numbers.iter_mut().zip(low).zip(high) {
                *number = (((low >> by) & 15) | (((high >> upper) & 3) << 4)).wrapping_sub(32);
            }
        }
    }
    numbers
}

// === rows ===

/// Two bytes of a lane as a number.
fn lane_half(halves: &[u8], lane: usize) -> f32 {
    halves.as_chunks::<2>().0.get(lane).map_or(0.0, |half| to_f32(u16::from_le_bytes(*half)))
}

fn lane_byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// A lane's bytes of columns two by two.
fn lane_columns(bytes: &[u8], lane: usize) -> impl Iterator<Item = u8> {
    bytes.as_chunks::<8>().0.iter().flat_map(move |eight| [lane_byte(eight, 2 * lane), lane_byte(eight, 2 * lane + 1)])
}

/// A lane's nibbles, in the order of their columns.
fn lane_nibbles(bytes: &[u8], lane: usize) -> impl Iterator<Item = u8> {
    bytes.as_chunks::<16>().0.iter().flat_map(move |step| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|at| lane_byte(step, 4 * lane + at));
        [a & 15, c & 15, a >> 4, c >> 4, b & 15, d & 15, b >> 4, d >> 4]
    })
}

/// A row of `F16`.
pub(crate) fn row_f16(group: &[u8], lane: usize, into: &mut [f32]) {
    for (four, into) in group.as_chunks::<8>().0.iter().zip(into) {
        *into = lane_half(four, lane);
    }
}

/// A row of `Q8_0`.
pub(crate) fn row_q8_0(group: &[u8], lane: usize, into: &mut [f32]) {
    for (block, into) in group.as_chunks::<{ kernel::Q8_0 }>().0.iter().zip(into.as_chunks_mut::<32>().0) {
        let (scales, bytes) = block.split_at(8);
        let scale = lane_half(scales, lane);
        for (byte, into) in lane_columns(bytes, lane).zip(into) {
            *into = scale * f32::from(byte.cast_signed());
        }
    }
}

/// A row of `Q4_0`.
pub(crate) fn row_q4_0(group: &[u8], lane: usize, into: &mut [f32]) {
    for (block, into) in group.as_chunks::<{ kernel::Q4_0 }>().0.iter().zip(into.as_chunks_mut::<32>().0) {
        let (scales, bytes) = block.split_at(8);
        let scale = lane_half(scales, lane);
        for (nibble, into) in lane_nibbles(bytes, lane).zip(into) {
            *into = scale * (f32::from(nibble) - 8.0);
        }
    }
}

/// A row of `Q4_K`.
pub(crate) fn row_q4_k(group: &[u8], lane: usize, into: &mut [f32]) {
    for (block, into) in group.as_chunks::<{ kernel::Q4_K }>().0.iter().zip(into.as_chunks_mut::<256>().0) {
        let (scales, rest) = block.split_at(16);
        let (own, least) = scales.split_at(8);
        let (own, least) = (lane_half(own, lane), lane_half(least, lane));
        let (steps, rest) = rest.split_at(32);
        let (minima, bytes) = rest.split_at(32);
        let steps = steps.chunks_exact(ROWS).map(|four| lane_byte(four, lane)).zip(lane_columns(minima, lane));
        let parts = bytes.chunks_exact(64).zip(into.as_chunks_mut::<32>().0);
        for ((bytes, into), (step, minimum)) in parts.zip(steps) {
            for (nibble, into) in lane_nibbles(bytes, lane).zip(into) {
                *into = own * f32::from(step) * f32::from(nibble) - least * f32::from(minimum);
            }
        }
    }
}

/// A row of `Q6_K`.
pub(crate) fn row_q6_k(group: &[u8], lane: usize, into: &mut [f32]) {
    for (block, into) in group.as_chunks::<{ kernel::Q6_K }>().0.iter().zip(into.as_chunks_mut::<256>().0) {
        let (scales, rest) = block.split_at(8);
        let own = lane_half(scales, lane);
        let (steps, bytes) = rest.split_at(64);
        let steps = steps.chunks_exact(ROWS).map(|four| lane_byte(four, lane).cast_signed());
        for ((bytes, into), step) in bytes.chunks_exact(64).zip(into.as_chunks_mut::<16>().0).zip(steps) {
            for (byte, into) in lane_columns(bytes, lane).zip(into) {
                *into = own * f32::from(step) * f32::from(byte.cast_signed());
            }
        }
    }
}
