//! The numbers of a model: read from metadata, within bounds, and consistent with each other.

use tidegate_gguf::{Gguf, Value};

use crate::error::LoadError;

/// Numbers of a model of the llama architecture. Each is within bounds: their products do not overflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Layers.
    pub layers: usize,
    /// Elements of a hidden state.
    pub width: usize,
    /// Heads that ask.
    pub heads: usize,
    /// Heads that are asked; each serves `heads / kv_heads` that ask.
    pub kv_heads: usize,
    /// Elements of a head.
    pub head: usize,
    /// Elements of a head that are turned by position.
    pub rotary: usize,
    /// Elements between the two halves of the feed-forward part.
    pub inner: usize,
    /// Longest context that it was trained for, in tokens.
    pub context: usize,
    /// Added to mean squares before the root.
    pub epsilon: f32,
    /// Base of the positions' frequencies.
    pub base: f32,
    /// Positions are divided by it.
    pub stretch: f32,
}

// Bounds, each above what the largest models have; with them no product of a size overflows 64 bits, and few files that
// claim more get as far as their tensors' shapes.
const MAX_LAYERS: u64 = 512;
const MAX_WIDTH: u64 = 65_536;
const MAX_HEADS: u64 = 1024;
const MAX_INNER: u64 = 1 << 20;
const MAX_CONTEXT: u64 = 1 << 24;

// === impl Shape ===

impl Shape {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// If one is missing, out of bounds, or does not go with another.
    pub fn read(gguf: &Gguf) -> Result<Self, LoadError> {
        let architecture = gguf.get("general.architecture").and_then(Value::as_text);
        let architecture = architecture.ok_or_else(|| LoadError::Missing("general.architecture".to_owned()))?;
        if architecture != "llama" {
            return Err(LoadError::Architecture(architecture.chars().take(64).collect()));
        }
        if let Some(experts) = gguf.get("llama.expert_count").and_then(Value::as_count).filter(|&count| count > 0) {
            return Err(LoadError::Unsupported(format!("a mixture of {experts} experts")));
        }
        let layers = count(gguf, "llama.block_count", 1, MAX_LAYERS)?;
        let width = count(gguf, "llama.embedding_length", 1, MAX_WIDTH)?;
        let heads = count(gguf, "llama.attention.head_count", 1, MAX_HEADS)?;
        let kv_heads = or(gguf, "llama.attention.head_count_kv", heads, 1, MAX_HEADS)?;
        if heads % kv_heads != 0 {
            return Err(wrong(
                "llama.attention.head_count_kv",
                format!("is {kv_heads}, of which {heads} heads is no multiple"),
            ));
        }
        if gguf.get("llama.attention.key_length").is_none() && width % heads != 0 {
            return Err(wrong("llama.attention.head_count", format!("is {heads}, which does not divide {width}")));
        }
        let head = or(gguf, "llama.attention.key_length", width / heads, 2, MAX_WIDTH)?;
        if or(gguf, "llama.attention.value_length", head, 2, MAX_WIDTH)? != head {
            return Err(LoadError::Unsupported("keys and values of different lengths".to_owned()));
        }
        // Keys and values are kept in fours.
        if head % 4 != 0 {
            return Err(LoadError::Unsupported(format!("heads of {head} elements, which is no multiple of 4")));
        }
        let rotary = or(gguf, "llama.rope.dimension_count", head, 2, MAX_WIDTH)?;
        if rotary > head || rotary % 2 != 0 {
            return Err(wrong(
                "llama.rope.dimension_count",
                format!("is {rotary}; it must be even and at most {head}"),
            ));
        }
        Ok(Self {
            layers,
            width,
            heads,
            kv_heads,
            head,
            rotary,
            inner: count(gguf, "llama.feed_forward_length", 1, MAX_INNER)?,
            context: count(gguf, "llama.context_length", 1, MAX_CONTEXT)?,
            epsilon: float(gguf, "llama.attention.layer_norm_rms_epsilon", None, 0.0, 1.0)?,
            base: float(gguf, "llama.rope.freq_base", Some(10_000.0), 1.0, 1e12)?,
            stretch: stretch(gguf)?,
        })
    }

    /// Elements of a token's keys, or values.
    #[must_use]
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head
    }

    /// Elements of a token's queries.
    #[must_use]
    pub fn q_width(&self) -> usize {
        self.heads * self.head
    }
}

/// What positions are divided by.
fn stretch(gguf: &Gguf) -> Result<f32, LoadError> {
    match gguf.get("llama.rope.scaling.type").and_then(Value::as_text) {
        None | Some("none") => Ok(1.0),
        Some("linear") => float(gguf, "llama.rope.scaling.factor", Some(1.0), 1e-3, 1e6),
        Some(other) => Err(LoadError::Unsupported(format!(
            "positions stretched by `{}`",
            other.chars().take(64).collect::<String>()
        ))),
    }
}

fn wrong(key: &str, problem: String) -> LoadError {
    LoadError::Metadata { key: key.to_owned(), problem }
}

fn count(gguf: &Gguf, key: &str, least: u64, most: u64) -> Result<usize, LoadError> {
    let value = gguf.get(key).ok_or_else(|| LoadError::Missing(key.to_owned()))?;
    let number = value.as_count().ok_or_else(|| wrong(key, format!("is {}, not a count", value.family())))?;
    match usize::try_from(number) {
        Ok(size) if (least..=most).contains(&number) => Ok(size),
        _ => Err(wrong(key, format!("is {number}; it must be {least} to {most}"))),
    }
}

fn or(gguf: &Gguf, key: &str, default: usize, least: u64, most: u64) -> Result<usize, LoadError> {
    if gguf.get(key).is_some() { count(gguf, key, least, most) } else { Ok(default) }
}

#[allow(clippy::cast_possible_truncation, reason = "the architecture computes with 32 bits")]
fn float(gguf: &Gguf, key: &str, default: Option<f32>, least: f64, most: f64) -> Result<f32, LoadError> {
    match (gguf.get(key), default) {
        (None, Some(default)) => Ok(default),
        (None, None) => Err(LoadError::Missing(key.to_owned())),
        (Some(value), _) => {
            let number = value
                .as_float()
                .ok_or_else(|| wrong(key, format!("is {}, not a floating-point number", value.family())))?;
            let fits = (least..=most).contains(&number);
            if fits { Ok(number as f32) } else { Err(wrong(key, format!("is {number}; it must be {least} to {most}"))) }
        }
    }
}
