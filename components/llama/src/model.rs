//! A loaded model, and texts in it.

use tidegate_gguf::{Gguf, Source};

use crate::attention::Cache;
use crate::error::{LoadError, Stopped};
use crate::matrix::Input;
use crate::rope::Turns;
use crate::shape::Shape;
use crate::vector::{accumulate, normalise, swiglu};
use crate::weights::{Layer, Weights};

/// A model in memory.
#[derive(Debug)]
pub struct Model {
    shape: Shape,
    vocabulary: usize,
    weights: Weights,
}

/// Tokens that a model has read, as keys and values.
#[derive(Debug)]
pub struct Session {
    caches: Vec<Cache>,
    context: usize,
    tokens: Vec<u32>,
}

// === impl Model ===

impl Model {
    /// Bytes that weights take, after every tensor was checked. Reads none.
    ///
    /// # Errors
    ///
    /// If the tensors are not those of the architecture.
    pub fn memory(gguf: &Gguf, shape: &Shape, vocabulary: usize) -> Result<u64, LoadError> {
        Weights::check(gguf, shape, vocabulary)
    }

    /// Reads the weights. `go_on` is asked between tensors.
    ///
    /// # Errors
    ///
    /// If tensors are not those of the architecture, memory ends, or `go_on` says no.
    pub fn load(
        source: &mut impl Source,
        gguf: &Gguf,
        shape: Shape,
        vocabulary: usize,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Self, LoadError> {
        Weights::check(gguf, &shape, vocabulary)?;
        let weights = Weights::load(source, gguf, &shape, go_on)?;
        Ok(Self { shape, vocabulary, weights })
    }

    /// Its numbers.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Parameters: numbers of all weights, about.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.weights.parameters()
    }

    /// How many tokens there are.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Bytes that its weights hold.
    #[must_use]
    pub fn held(&self) -> usize {
        self.weights.held()
    }

    /// Reads tokens into a session, and gives the hidden states of all of them, normalised: rows of `width`. Tokens must be
    /// below the vocabulary and fit the context; what does not is left out. `go_on` is asked between layers.
    ///
    /// # Errors
    ///
    /// If `go_on` says no. The session is as before.
    pub fn read(
        &self,
        session: &mut Session,
        tokens: &[u32],
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<f32>, Stopped> {
        let tokens = tokens.get(..tokens.len().min(session.room())).unwrap_or_default();
        let shape = &self.shape;
        let (first, count) = (session.length(), tokens.len());
        let mut state = vec![0.0; count * shape.width];
        for (token, row) in tokens.iter().zip(state.chunks_exact_mut(shape.width)) {
            self.weights.embedding.row(*token as usize, row);
        }
        let turns = Turns::new(shape, &self.weights.factors, first, count);
        let mut buffers = Buffers::new(shape, count);
        for (layer, cache) in self.weights.layers.iter().zip(&mut session.caches) {
            if !go_on() {
                return Err(Stopped);
            }
            self.layer(layer, cache, first, &turns, &mut state, &mut buffers);
        }
        session.tokens.extend_from_slice(tokens);
        let mut normal = Vec::with_capacity(state.len());
        normalise(&state, &self.weights.norm, shape.epsilon, &mut normal);
        Ok(normal)
    }

    /// Weights of every token to come after each hidden state: rows of `vocabulary`.
    #[must_use]
    pub fn logits(&self, states: &[f32]) -> Vec<f32> {
        let output = self.weights.output.as_ref().unwrap_or(&self.weights.embedding);
        let mut logits = vec![0.0; states.len() / self.shape.width * output.rows()];
        output.multiply(&mut Input::new(states, self.shape.width), &mut logits);
        logits
    }

    fn layer(
        &self,
        layer: &Layer,
        cache: &mut Cache,
        first: usize,
        turns: &Turns,
        state: &mut [f32],
        buffers: &mut Buffers,
    ) {
        let shape = &self.shape;
        let Buffers { normal, query, key, value, heads, gate, up, result } = buffers;
        normalise(state, &layer.attention_norm, shape.epsilon, normal);
        let mut input = Input::new(normal, shape.width);
        layer.query.multiply(&mut input, query);
        layer.key.multiply(&mut input, key);
        layer.value.multiply(&mut input, value);
        turns.apply(query, shape.q_width());
        turns.apply(key, shape.kv_width());
        cache.keep(first, key, value);
        cache.attend(first, query, heads);
        layer.attention_output.multiply(&mut Input::new(heads, shape.q_width()), result);
        accumulate(state, result);
        normalise(state, &layer.inner_norm, shape.epsilon, normal);
        let mut input = Input::new(normal, shape.width);
        layer.gate.multiply(&mut input, gate);
        layer.up.multiply(&mut input, up);
        swiglu(gate, up);
        layer.down.multiply(&mut Input::new(gate, shape.inner), result);
        accumulate(state, result);
    }
}

/// What a layer computes in, made once for all layers of a batch.
struct Buffers {
    normal: Vec<f32>,
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    heads: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    result: Vec<f32>,
}

impl Buffers {
    fn new(shape: &Shape, count: usize) -> Self {
        let zeros = |width: usize| vec![0.0; width * count];
        Self {
            normal: Vec::with_capacity(shape.width * count),
            query: zeros(shape.q_width()),
            key: zeros(shape.kv_width()),
            value: zeros(shape.kv_width()),
            heads: zeros(shape.q_width()),
            gate: zeros(shape.inner),
            up: zeros(shape.inner),
            result: zeros(shape.width),
        }
    }
}

// === impl Session ===

impl Session {
    /// Bytes that a session of so many tokens takes.
    #[must_use]
    pub fn memory(shape: &Shape, context: usize) -> u64 {
        Cache::memory(shape, context)
    }

    /// A session with room for so many tokens.
    ///
    /// # Errors
    ///
    /// If memory ends.
    pub fn new(shape: &Shape, context: usize) -> Result<Self, LoadError> {
        let caches = (0..shape.layers).map(|_| Cache::new(shape, context)).collect::<Result<_, _>>()?;
        Ok(Self { caches, context, tokens: Vec::new() })
    }

    /// Tokens that it has read.
    #[must_use]
    pub fn length(&self) -> usize {
        self.tokens.len()
    }

    /// Tokens that it still has room for.
    #[must_use]
    pub fn room(&self) -> usize {
        self.context.saturating_sub(self.tokens.len())
    }

    /// Forgets all but the first `length` tokens.
    pub fn forget(&mut self, length: usize) {
        self.tokens.truncate(length);
    }

    /// Keeps of what it has read the beginning that `tokens` have too, but never all of them: what comes after the last
    /// token is computed from it. Gives how many are kept.
    pub fn keep(&mut self, tokens: &[u32]) -> usize {
        let same = self.tokens.iter().zip(tokens).take_while(|(read, token)| read == token).count();
        self.tokens.truncate(same.min(tokens.len().saturating_sub(1)));
        self.tokens.len()
    }

    /// Tokens that it has read.
    #[must_use]
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }
}
