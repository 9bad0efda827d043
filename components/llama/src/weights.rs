//! The tensors of a model, each with the shape that the architecture gives it.

use tidegate_gguf::{Gguf, Kind, Source, Tensor};

use crate::error::LoadError;
use crate::matrix::Matrix;
use crate::shape::Shape;

/// Weights of a model.
#[derive(Debug)]
pub(crate) struct Weights {
    pub(crate) embedding: Matrix,
    pub(crate) layers: Vec<Layer>,
    pub(crate) norm: Vec<f32>,
    /// None: the embedding is used.
    pub(crate) output: Option<Matrix>,
    /// What each pair's angle is divided by; empty: nothing.
    pub(crate) factors: Vec<f32>,
}

/// Weights of a layer.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) attention_norm: Vec<f32>,
    pub(crate) query: Matrix,
    pub(crate) key: Matrix,
    pub(crate) value: Matrix,
    pub(crate) attention_output: Matrix,
    pub(crate) inner_norm: Vec<f32>,
    pub(crate) gate: Matrix,
    pub(crate) up: Matrix,
    pub(crate) down: Matrix,
}

/// A tensor that the architecture has.
struct Wanted {
    name: String,
    columns: usize,
    /// None: a vector, of `F32`.
    rows: Option<usize>,
    required: bool,
}

// === impl Weights ===

impl Weights {
    /// Checks that every tensor is there, has its shape and a kind that is computed, and that no other is; gives the bytes
    /// they take. Reads nothing.
    pub(crate) fn check(gguf: &Gguf, shape: &Shape, vocabulary: usize) -> Result<u64, LoadError> {
        let wanted = wanted(shape, vocabulary);
        let mut sum = 0_u64;
        let mut found = 0;
        for wanted in &wanted {
            let Some(tensor) = gguf.tensor(&wanted.name) else {
                if wanted.required {
                    return Err(LoadError::NoTensor(wanted.name.clone()));
                }
                continue;
            };
            found += 1;
            sum = sum.saturating_add(wanted.check(tensor)?);
        }
        if found < gguf.tensors().len() {
            let names: std::collections::HashSet<&str> = wanted.iter().map(|wanted| wanted.name.as_str()).collect();
            let other = gguf.tensors().iter().find(|tensor| !names.contains(tensor.name.as_str()));
            let name: String = other.map_or(String::new(), |tensor| tensor.name.chars().take(64).collect());
            return Err(LoadError::Unsupported(format!("tensor `{name}`, which the architecture does not have")));
        }
        Ok(sum)
    }

    /// Reads all tensors. They were checked.
    pub(crate) fn load(
        source: &mut impl Source,
        gguf: &Gguf,
        shape: &Shape,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Self, LoadError> {
        let mut read = Reader { source, gguf, go_on };
        let embedding = read.matrix("token_embd.weight")?;
        let mut layers = Vec::new();
        for number in 0..shape.layers {
            let name = |part: &str| format!("blk.{number}.{part}.weight");
            layers.push(Layer {
                attention_norm: read.vector(&name("attn_norm"))?,
                query: read.matrix(&name("attn_q"))?,
                key: read.matrix(&name("attn_k"))?,
                value: read.matrix(&name("attn_v"))?,
                attention_output: read.matrix(&name("attn_output"))?,
                inner_norm: read.vector(&name("ffn_norm"))?,
                gate: read.matrix(&name("ffn_gate"))?,
                up: read.matrix(&name("ffn_up"))?,
                down: read.matrix(&name("ffn_down"))?,
            });
        }
        let there = |name: &str| gguf.tensor(name).is_some();
        let output = if there("output.weight") { Some(read.matrix("output.weight")?) } else { None };
        let factors = if there("rope_freqs.weight") { read.vector("rope_freqs.weight")? } else { Vec::new() };
        Ok(Self { embedding, layers, norm: read.vector("output_norm.weight")?, output, factors })
    }

    /// Bytes that they hold.
    pub(crate) fn held(&self) -> usize {
        self.matrices().map(Matrix::held).sum()
    }

    /// Numbers in all matrices.
    pub(crate) fn parameters(&self) -> u64 {
        self.matrices().map(Matrix::count).sum()
    }

    fn matrices(&self) -> impl Iterator<Item = &Matrix> {
        let matrices = self.layers.iter().flat_map(|layer| {
            let Layer { query, key, value, attention_output, gate, up, down, .. } = layer;
            [query, key, value, attention_output, gate, up, down]
        });
        matrices.chain([&self.embedding]).chain(&self.output)
    }
}

fn wanted(shape: &Shape, vocabulary: usize) -> Vec<Wanted> {
    let wanted = |name: String, columns, rows| Wanted { name, columns, rows, required: true };
    let mut all = vec![
        wanted("token_embd.weight".to_owned(), shape.width, Some(vocabulary)),
        wanted("output_norm.weight".to_owned(), shape.width, None),
        Wanted { required: false, ..wanted("output.weight".to_owned(), shape.width, Some(vocabulary)) },
        Wanted { required: false, ..wanted("rope_freqs.weight".to_owned(), shape.rotary / 2, None) },
    ];
    for number in 0..shape.layers {
        let parts = [
            ("attn_norm", shape.width, None),
            ("attn_q", shape.width, Some(shape.q_width())),
            ("attn_k", shape.width, Some(shape.kv_width())),
            ("attn_v", shape.width, Some(shape.kv_width())),
            ("attn_output", shape.q_width(), Some(shape.width)),
            ("ffn_norm", shape.width, None),
            ("ffn_gate", shape.width, Some(shape.inner)),
            ("ffn_up", shape.width, Some(shape.inner)),
            ("ffn_down", shape.inner, Some(shape.width)),
        ];
        all.extend(parts.map(|(part, columns, rows)| wanted(format!("blk.{number}.{part}.weight"), columns, rows)));
    }
    all
}

impl Wanted {
    /// Bytes that the tensor takes in memory, if it is what is wanted.
    fn check(&self, tensor: &Tensor) -> Result<u64, LoadError> {
        let expected: Vec<u64> =
            [Some(self.columns), self.rows].into_iter().flatten().map(|size| size as u64).collect();
        // Lengths of 1 at the end say nothing.
        let said = tensor.shape.iter().rposition(|&length| length != 1).map_or(1, |last| last + 1).max(expected.len());
        if tensor.shape.get(..said).unwrap_or(&tensor.shape) != expected {
            let (tensor, found) = (tensor.name.clone(), tensor.shape.clone());
            return Err(LoadError::TensorShape { tensor, expected, found });
        }
        let unsupported = || LoadError::Kind { tensor: tensor.name.clone(), kind: tensor.kind.name() };
        match self.rows {
            None if tensor.kind != Kind::F32 => Err(unsupported()),
            None => Ok(tensor.size),
            Some(_) => Matrix::memory(tensor).ok_or_else(unsupported),
        }
    }
}

struct Reader<'a, S> {
    source: &'a mut S,
    gguf: &'a Gguf,
    go_on: &'a mut dyn FnMut() -> bool,
}

impl<S: Source> Reader<'_, S> {
    fn tensor(&mut self, name: &str) -> Result<&Tensor, LoadError> {
        if !(self.go_on)() {
            return Err(LoadError::Stopped);
        }
        self.gguf.tensor(name).ok_or_else(|| LoadError::NoTensor(name.to_owned()))
    }

    fn matrix(&mut self, name: &str) -> Result<Matrix, LoadError> {
        let tensor = self.tensor(name)?.clone();
        Matrix::load(self.source, &tensor)
    }

    fn vector(&mut self, name: &str) -> Result<Vec<f32>, LoadError> {
        let tensor = self.tensor(name)?.clone();
        let mut bytes = vec![0; usize::try_from(tensor.size).map_err(|_| LoadError::memory(tensor.size))?];
        self.source.read(tensor.offset, &mut bytes).map_err(LoadError::Unreadable)?;
        let numbers: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number)).collect();
        if numbers.iter().all(|number| number.is_finite()) {
            Ok(numbers)
        } else {
            Err(LoadError::NotFinite { tensor: tensor.name })
        }
    }
}
