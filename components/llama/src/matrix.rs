//! Matrices of weights.

use std::ops::Range;

use tidegate_gguf::{Kind, Source, Tensor};

use crate::activation::{Form, Tiles, WIDE};
use crate::error::LoadError;
use crate::kernel::{self, ROWS};
use crate::pack;
use crate::simd::{F32x4, store};

/// Groups of four rows that are computed for all tiles before the next ones are: they stay near the processor meanwhile.
const GROUPS: usize = 16;
/// Bytes read from a source at once, about.
const PIECE: usize = 256 * 1024;

/// A matrix of weights: rows are outputs, columns are inputs.
#[derive(Debug)]
pub(crate) struct Matrix {
    rows: usize,
    columns: usize,
    weights: Weights,
}

/// Each four rows lie together, see [`kernel`]; missing ones of the last four are zeros.
#[derive(Debug)]
enum Weights {
    F32(Vec<f32>),
    F16(Vec<u8>),
    Q8_0(Vec<u8>),
    Q4_0(Vec<u8>),
    Q4K(Vec<u8>),
    Q6K(Vec<u8>),
}

/// How a kind of weights is packed.
struct Packing {
    /// Bytes of four rows' blocks when packed.
    packed: usize,
    /// Packs one block of each of four rows.
    block: fn(&[&[u8]; ROWS], &mut Vec<u8>),
    wrap: fn(Vec<u8>) -> Weights,
}

/// Rows in every form that matrices wanted so far: the same input goes through several.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    rows: &'a [f32],
    columns: usize,
    made: Vec<(Form, Tiles)>,
}

// === impl Input ===

impl<'a> Input<'a> {
    /// Rows of `columns` elements each.
    pub(crate) fn new(rows: &'a [f32], columns: usize) -> Self {
        Self { rows, columns, made: Vec::new() }
    }

    fn tiles(&mut self, form: Form) -> &Tiles {
        let at = self.made.iter().position(|(made, _)| *made == form).unwrap_or_else(|| {
            self.made.push((form, Tiles::new(self.rows, self.columns, form)));
            self.made.len() - 1
        });
        // It was found, or pushed.
        self.made.get(at).map_or(const { &Tiles::Floats(Vec::new(), Vec::new()) }, |(_, tiles)| tiles)
    }
}

// === impl Matrix ===

impl Matrix {
    /// Bytes of memory that a tensor takes; none: its kind is not computed.
    pub(crate) fn memory(tensor: &Tensor) -> Option<u64> {
        let groups = tensor.rows().div_ceil(ROWS as u64);
        let blocks = groups.checked_mul(tensor.columns() / tensor.kind.block())?;
        let each = match tensor.kind {
            Kind::F32 => ROWS * 4,
            kind => packing(kind)?.packed,
        };
        blocks.checked_mul(each as u64)
    }

    /// Reads a tensor. Its size was checked against its file and its shape against the architecture.
    pub(crate) fn load(source: &mut impl Source, tensor: &Tensor) -> Result<Self, LoadError> {
        let size = |number: u64| usize::try_from(number).map_err(|_| LoadError::memory(number));
        let unsupported = || LoadError::Kind { tensor: tensor.name.clone(), kind: tensor.kind.name() };
        let (rows, columns) = (size(tensor.rows())?, size(tensor.columns())?);
        let memory = size(Self::memory(tensor).ok_or_else(unsupported)?)?;
        let row = size(tensor.size)? / rows.max(1);
        let weights = if tensor.kind == Kind::F32 {
            let mut packed = reserve(memory / 4)?;
            groups(source, tensor, row, |rows| {
                pack::f32(rows, &mut packed);
                Ok(())
            })?;
            if !packed.iter().all(|number: &f32| number.is_finite()) {
                return Err(LoadError::NotFinite { tensor: tensor.name.clone() });
            }
            Weights::F32(packed)
        } else {
            let packing = packing(tensor.kind).ok_or_else(unsupported)?;
            let block = size(tensor.kind.bytes())?;
            let mut packed = reserve(memory)?;
            groups(source, tensor, row, |[a, b, c, d]| {
                let [a, b, c, d] = [a, b, c, d].map(|row| row.chunks_exact(block));
                for (((a, b), c), d) in a.zip(b).zip(c).zip(d) {
                    let blocks = [a, b, c, d];
                    if !blocks.iter().all(|block| pack::finite(tensor.kind, block)) {
                        return Err(LoadError::NotFinite { tensor: tensor.name.clone() });
                    }
                    (packing.block)(&blocks, &mut packed);
                }
                Ok(())
            })?;
            (packing.wrap)(packed)
        };
        Ok(Self { rows, columns, weights })
    }

    /// Outputs of one row of inputs.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Numbers in it.
    pub(crate) fn count(&self) -> u64 {
        self.rows as u64 * self.columns as u64
    }

    /// Bytes that it holds.
    pub(crate) fn held(&self) -> usize {
        match &self.weights {
            Weights::F32(weights) => weights.len() * 4,
            Weights::F16(bytes)
            | Weights::Q8_0(bytes)
            | Weights::Q4_0(bytes)
            | Weights::Q4K(bytes)
            | Weights::Q6K(bytes) => bytes.len(),
        }
    }

    /// Multiplies every row of the input: `output` gets `rows` numbers for each.
    pub(crate) fn multiply(&self, input: &mut Input<'_>, output: &mut [f32]) {
        let tiles = input.tiles(self.form());
        let count = self.rows.div_ceil(ROWS);
        for first in (0..count).step_by(GROUPS) {
            let groups = first..count.min(first + GROUPS);
            match tiles {
                Tiles::Floats(wide, rest) => {
                    let (head, last) = output.split_at_mut((wide.len() * WIDE * self.rows).min(output.len()));
                    for (tile, output) in wide.iter().zip(head.chunks_exact_mut((WIDE * self.rows).max(1))) {
                        self.floats(&groups, &tile.columns, output);
                    }
                    for (tile, output) in rest.iter().zip(last.chunks_exact_mut(self.rows.max(1))) {
                        self.floats(&groups, &tile.columns, output);
                    }
                }
                Tiles::Bytes(wide, rest) => {
                    let (head, last) = output.split_at_mut((wide.len() * WIDE * self.rows).min(output.len()));
                    for (tile, output) in wide.iter().zip(head.chunks_exact_mut((WIDE * self.rows).max(1))) {
                        self.bytes(&groups, tile, output);
                    }
                    for (tile, output) in rest.iter().zip(last.chunks_exact_mut(self.rows.max(1))) {
                        self.bytes(&groups, tile, output);
                    }
                }
            }
        }
    }

    /// One row of weights as numbers: that of a token, when the matrix is an embedding.
    pub(crate) fn row(&self, row: usize, into: &mut [f32]) {
        let (group, lane) = (row / ROWS, row % ROWS);
        match &self.weights {
            Weights::F32(weights) => {
                let group = weights.chunks_exact((self.columns * ROWS).max(1)).nth(group).unwrap_or_default();
                for (four, into) in group.as_chunks::<ROWS>().0.iter().zip(into) {
                    *into = four.get(lane).copied().unwrap_or(0.0);
                }
            }
            Weights::F16(bytes) => pack::row_f16(self.group(bytes, group), lane, into),
            Weights::Q8_0(bytes) => pack::row_q8_0(self.group(bytes, group), lane, into),
            Weights::Q4_0(bytes) => pack::row_q4_0(self.group(bytes, group), lane, into),
            Weights::Q4K(bytes) => pack::row_q4_k(self.group(bytes, group), lane, into),
            Weights::Q6K(bytes) => pack::row_q6_k(self.group(bytes, group), lane, into),
        }
    }

    fn group<'a>(&self, bytes: &'a [u8], group: usize) -> &'a [u8] {
        let each = bytes.len() / self.rows.div_ceil(ROWS).max(1);
        bytes.chunks_exact(each.max(1)).nth(group).unwrap_or_default()
    }

    fn form(&self) -> Form {
        match self.weights {
            Weights::F32(_) => Form::Whole,
            Weights::F16(_) => Form::Half,
            Weights::Q8_0(_) | Weights::Q4_0(_) => Form::Blocks,
            Weights::Q4K(_) | Weights::Q6K(_) => Form::Supers,
        }
    }

    fn floats<const T: usize>(&self, groups: &Range<usize>, tile: &[[f32; T]], output: &mut [f32]) {
        match &self.weights {
            Weights::F32(weights) => {
                self.each(groups, weights, output, |group| kernel::f32(group, tile));
            }
            Weights::F16(weights) => {
                self.each(groups, weights, output, |group| kernel::f16(group, tile));
            }
            _ => {}
        }
    }

    fn bytes<const T: usize>(&self, groups: &Range<usize>, tile: &crate::activation::Bytes<T>, output: &mut [f32]) {
        match &self.weights {
            Weights::Q8_0(weights) => self.each(groups, weights, output, |group| kernel::q8_0(group, tile)),
            Weights::Q4_0(weights) => self.each(groups, weights, output, |group| kernel::q4_0(group, tile)),
            Weights::Q4K(weights) => self.each(groups, weights, output, |group| kernel::q4_k(group, tile)),
            Weights::Q6K(weights) => self.each(groups, weights, output, |group| kernel::q6_k(group, tile)),
            _ => {}
        }
    }

    /// Computes some groups and puts its lanes where their rows are.
    fn each<E, const T: usize>(
        &self,
        groups: &Range<usize>,
        weights: &[E],
        output: &mut [f32],
        compute: impl Fn(&[E]) -> [F32x4; T],
    ) {
        let each = weights.len() / self.rows.div_ceil(ROWS).max(1);
        let some = weights.chunks_exact(each.max(1)).enumerate().skip(groups.start).take(groups.len());
        for (number, group) in some {
            let sums = compute(group);
            for (sums, output) in sums.iter().zip(output.chunks_exact_mut(self.rows)) {
                let output = output.get_mut(number * ROWS..).unwrap_or_default();
                let lanes = store(*sums);
                match output.first_chunk_mut::<ROWS>() {
                    Some(output) => *output = lanes,
                    None => output.iter_mut().zip(lanes).for_each(|(output, lane)| *output = lane),
                }
            }
        }
    }
}

fn packing(kind: Kind) -> Option<Packing> {
    Some(match kind {
        Kind::F16 => Packing { packed: ROWS * 2, block: pack::f16, wrap: Weights::F16 },
        Kind::Q8_0 => Packing { packed: kernel::Q8_0, block: pack::q8_0, wrap: Weights::Q8_0 },
        Kind::Q4_0 => Packing { packed: kernel::Q4_0, block: pack::q4_0, wrap: Weights::Q4_0 },
        Kind::Q4_K => Packing { packed: kernel::Q4_K, block: pack::q4_k, wrap: Weights::Q4K },
        Kind::Q6_K => Packing { packed: kernel::Q6_K, block: pack::q6_k, wrap: Weights::Q6K },
        _ => return None,
    })
}

fn reserve<E>(count: usize) -> Result<Vec<E>, LoadError> {
    let mut packed = Vec::new();
    packed.try_reserve_exact(count).map_err(|_| LoadError::memory((count * size_of::<E>()) as u64))?;
    Ok(packed)
}

/// Gives each four rows of a tensor as they are in the file; missing ones of the last four are zeros.
fn groups(
    source: &mut impl Source,
    tensor: &Tensor,
    row: usize,
    mut with: impl FnMut([&[u8]; ROWS]) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    let zeros = vec![0; row];
    let mut piece = vec![0; (PIECE / (row * ROWS).max(1)).max(1) * row * ROWS];
    let mut offset = tensor.offset;
    let end = tensor.offset + tensor.size;
    while offset < end {
        let length = (end - offset).min(piece.len() as u64);
        let part = piece.get_mut(..usize::try_from(length).unwrap_or(usize::MAX)).unwrap_or_default();
        source.read(offset, part).map_err(LoadError::Unreadable)?;
        offset += length;
        for group in part.chunks(row * ROWS) {
            let mut rows = group.chunks_exact(row);
            with([(); ROWS].map(|()| rows.next().unwrap_or(&zeros)))?;
        }
    }
    Ok(())
}
