//! What is multiplied with weights, in the form that the weights' kernel takes.
//!
//! Weights of few bits are multiplied with numbers of 8 bits, quantised in the same blocks and with the same rounding as
//! llama.cpp does: the same integers, and so the same tokens. Rows are grouped into tiles of [`WIDE`], computed together, and
//! the rest one by one.

use crate::half;
use crate::simd::{
    F32x4, I16x8, absolute, load, maximum, minimum, multiply, nearest, splat, splat_pair, store, store_i32, truncate,
    vectorised,
};

/// Rows that are computed together: each weight is unpacked once for all of them. Four sums and what they need stay in the
/// sixteen registers that processors have for vectors.
pub(crate) const WIDE: usize = 4;
/// Elements with a common scale.
pub(crate) const BLOCK: usize = 32;
/// Elements with a common scale for weights in blocks of 256.
pub(crate) const SUPER: usize = 256;

/// How a kernel takes what is multiplied with its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it is.
    Whole,
    /// Rounded to 16 bits.
    Half,
    /// 8 bits, a scale of 16 bits for 32: `Q8_0`.
    Blocks,
    /// 8 bits, a scale of 32 bits for 256: `Q8_K`.
    Supers,
}

/// Rows of activations in one form.
#[derive(Debug)]
pub(crate) enum Tiles {
    /// `Whole` and `Half`.
    Floats(Vec<Floats<WIDE>>, Vec<Floats<1>>),
    /// `Blocks` and `Supers`.
    Bytes(Vec<Bytes<WIDE>>, Vec<Bytes<1>>),
}

/// `T` rows, element by element.
#[derive(Debug)]
pub(crate) struct Floats<const T: usize> {
    /// For each column the elements of all rows.
    pub(crate) columns: Vec<[f32; T]>,
}

/// `T` quantised rows, element by element.
#[derive(Debug)]
pub(crate) struct Bytes<const T: usize> {
    /// For each two columns, of each row both elements as 16 bits, four times: as the kernels need them.
    pub(crate) pairs: Vec<[I16x8; T]>,
    /// For each block, the scales.
    pub(crate) scales: Vec<[f32; T]>,
    /// For each 32 elements, their sums.
    pub(crate) sums: Vec<[i32; T]>,
}

// === impl Tiles ===

impl Tiles {
    /// `rows` of `columns` elements each.
    pub(crate) fn new(rows: &[f32], columns: usize, form: Form) -> Self {
        let wide = rows.chunks_exact((columns * WIDE).max(1));
        let rest = wide.remainder().chunks_exact(columns.max(1));
        match form {
            Form::Whole | Form::Half => Self::Floats(
                wide.map(|rows| floats(rows, columns, form)).collect(),
                rest.map(|row| floats(row, columns, form)).collect(),
            ),
            Form::Blocks | Form::Supers => {
                let block = if form == Form::Blocks { BLOCK } else { SUPER };
                Self::Bytes(
                    wide.map(|rows| bytes(rows, columns, block)).collect(),
                    rest.map(|row| bytes(row, columns, block)).collect(),
                )
            }
        }
    }
}

fn floats<const T: usize>(rows: &[f32], columns: usize, form: Form) -> Floats<T> {
    let mut tile = Floats { columns: vec![[0.0; T]; columns] };
    for (t, row) in rows.chunks_exact(columns).take(T).enumerate() {
        for (column, &number) in tile.columns.iter_mut().zip(row) {
            if let Some(at) = column.get_mut(t) {
                *at = if form == Form::Half { half::round(number) } else { number };
            }
        }
    }
    tile
}

fn bytes<const T: usize>(rows: &[f32], columns: usize, block: usize) -> Bytes<T> {
    let mut tile = Bytes {
        pairs: vec![[splat_pair(0); T]; columns / 2],
        scales: vec![[0.0; T]; columns / block],
        sums: vec![[0; T]; columns / BLOCK],
    };
    for (t, row) in rows.chunks_exact(columns).take(T).enumerate() {
        let pairs = tile.pairs.chunks_exact_mut(block / 2);
        let sums = tile.sums.chunks_exact_mut(block / BLOCK);
        for (((part, pairs), scale), sums) in row.chunks_exact(block).zip(pairs).zip(&mut tile.scales).zip(sums) {
            let (factor, found) = if block == BLOCK { scale_of_block(part) } else { scale_of_super(part) };
            if let Some(scale) = scale.get_mut(t) {
                *scale = found;
            }
            for ((part, pairs), sum) in
                part.as_chunks::<BLOCK>().0.iter().zip(pairs.chunks_exact_mut(BLOCK / 2)).zip(sums)
            {
                let total = quantise(part, factor, t, pairs);
                if let Some(sum) = sum.get_mut(t) {
                    *sum = total;
                }
            }
        }
    }
    tile
}

vectorised! {
    fn extremes(part: &[f32]) -> (F32x4, F32x4) {
        let (fours, _) = part.as_chunks::<4>();
        let (mut least, mut most) = (splat(0.0), splat(0.0));
        for four in fours {
            let four = load(*four);
            least = minimum(four, least);
            most = maximum(four, most);
        }
        (least, most)
    }

    /// Quantises 32 elements into the place of row `t`, and gives their sum.
    fn quantise<const T: usize>(part: &[f32; BLOCK], factor: f32, t: usize, pairs: &mut [[I16x8; T]]) -> i32 {
        let factor = splat(factor);
        let mut total = 0;
        for (four, pairs) in part.as_chunks::<4>().0.iter().zip(pairs.as_chunks_mut::<2>().0) {
            // Elements so small that their factor is infinite come out anywhere.
            let bytes = store_i32(truncate(nearest(multiply(load(*four), factor))));
            let [a, b, c, d] = bytes.map(|number| number.clamp(-128, 127));
            total += a + b + c + d;
            let [first, second] = pairs;
            if let (Some(first), Some(second)) = (first.get_mut(t), second.get_mut(t)) {
                *first = splat_pair((a & 0xffff) | (b << 16));
                *second = splat_pair((c & 0xffff) | (d << 16));
            }
        }
        total
    }
}

/// What 32 elements are multiplied with to become bytes, and what makes them themselves again.
fn scale_of_block(part: &[f32]) -> (f32, f32) {
    let (least, most) = extremes(part);
    let size = store(maximum(absolute(least), most)).into_iter().fold(0.0, f32::max);
    if size > 0.0 { (127.0 / size, half::round(size / 127.0)) } else { (0.0, 0.0) }
}

/// The same of 256 elements: the largest of them, whatever its sign, becomes -127.
fn scale_of_super(part: &[f32]) -> (f32, f32) {
    let size = |numbers| store(absolute(numbers)).into_iter().fold(0.0, f32::max);
    let (least, most) = extremes(part);
    let (least, most) = (size(least), size(most));
    // Of equal sizes the first one in the row counts.
    let negative = match least.total_cmp(&most) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => {
            part.iter().find(|number| number.abs() == least).is_some_and(|number| *number < 0.0)
        }
    };
    let largest = if negative { -least } else { most };
    if largest == 0.0 {
        return (0.0, 0.0);
    }
    let factor = -127.0 / largest;
    (factor, 1.0 / factor)
}
