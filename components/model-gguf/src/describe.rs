//! What a file says of itself.

use tidegate_gguf::{Gguf, Value};
use tidegate_llama::{Model, Session, Shape, Template, Tokenizer};

use crate::bindings::exports::tidegate::model::backend::LoadOptions;
use crate::bindings::tidegate::model::types::{self, Capabilities, Description, Error};
use crate::fault;
use crate::source::File;

/// Longest context that memory is taken for when nobody says how long it shall be: what people type into a small model.
const CONTEXT: usize = 4096;
/// Memory beside weights and context: the component itself, a batch's numbers, pieces of the file.
const BESIDE: u64 = 12 * 1024 * 1024;
/// Entries of metadata that are given, and bytes of each.
const ENTRIES: usize = 256;
const ENTRY: usize = 4096;

/// The head of a file that can be loaded: everything was checked but the weights themselves.
pub(crate) struct Head {
    pub(crate) gguf: Gguf,
    pub(crate) shape: Shape,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) template: Option<Template>,
    /// Tokens that memory is taken for.
    pub(crate) context: usize,
    weights: u64,
}

// === impl Head ===

impl Head {
    /// Reads and checks it.
    pub(crate) fn read(file: &mut File, options: &LoadOptions) -> Result<Self, Error> {
        let part = file.part.clone();
        let wrong = |error| fault::load(&part, error);
        let mut gguf = tidegate_gguf::read(file).map_err(|defect| fault::broken(&part, defect))?;
        let shape = Shape::read(&gguf).map_err(wrong)?;
        let tokenizer = Tokenizer::read(&mut gguf).map_err(wrong)?;
        let weights = Model::memory(&gguf, &shape, tokenizer.len()).map_err(wrong)?;
        // A template that is not read takes nothing from the model but `chat`.
        let template =
            gguf.get("tokenizer.chat_template").and_then(Value::as_text).and_then(|text| Template::new(text).ok());
        let wanted = options.context_length.map_or(CONTEXT, |length| length as usize);
        let context = wanted.clamp(1, shape.context);
        Ok(Self { gguf, shape, tokenizer, template, context, weights })
    }

    /// Bytes that loading it takes.
    pub(crate) fn memory(&self) -> u64 {
        let tokens = self.tokenizer.len() as u64 * 64;
        self.weights
            .saturating_add(Session::memory(&self.shape, self.context))
            .saturating_add(tokens)
            .saturating_add(BESIDE)
    }

    /// All of it as the interface says it.
    pub(crate) fn describe(&self) -> Description {
        let text = |key: &str| self.gguf.get(key).and_then(Value::as_text).map(cut);
        let chat = if self.template.is_some() { Capabilities::CHAT } else { Capabilities::empty() };
        Description {
            title: text("general.name"),
            format: "gguf".to_owned(),
            architecture: "llama".to_owned(),
            quantisation: self.quantisation(),
            parameters: Some(self.gguf.tensors().iter().map(|tensor| tensor.shape.iter().product::<u64>()).sum()),
            inputs: Vec::new(),
            outputs: Vec::new(),
            context_length: u32::try_from(self.context).ok(),
            embedding_length: u32::try_from(self.shape.width).ok(),
            tokenizer: Some(types::Tokenizer {
                kind: self.tokenizer.family().to_owned(),
                vocabulary: u32::try_from(self.tokenizer.len()).unwrap_or(u32::MAX),
                begin: self.tokenizer.begin(),
                end: self.tokenizer.ends().to_vec(),
            }),
            labels: Vec::new(),
            licence: text("general.license"),
            capabilities: chat
                | Capabilities::EMBED
                | Capabilities::GENERATE
                | Capabilities::TOKENIZE
                | Capabilities::JSON_CONSTRAINT
                | Capabilities::GRAMMAR_CONSTRAINT,
            memory: self.memory(),
            metadata: self.metadata(),
        }
    }

    /// The kind that most bytes of weights have.
    fn quantisation(&self) -> Option<String> {
        let mut sums: Vec<(&str, u64)> = Vec::new();
        for tensor in self.gguf.tensors() {
            match sums.iter_mut().find(|(name, _)| *name == tensor.kind.name()) {
                Some((_, sum)) => *sum += tensor.size,
                None => sums.push((tensor.kind.name(), tensor.size)),
            }
        }
        sums.into_iter().max_by_key(|(_, sum)| *sum).map(|(name, _)| name.to_owned())
    }

    fn metadata(&self) -> Vec<(String, String)> {
        let mut entries: Vec<(String, String)> =
            self.gguf.metadata().filter_map(|(key, value)| Some((cut(key), shown(value)?))).collect();
        entries.sort();
        entries.truncate(ENTRIES);
        entries
    }
}

fn shown(value: &Value) -> Option<String> {
    Some(match value {
        Value::Unsigned(number) => number.to_string(),
        Value::Signed(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(value) => value.to_string(),
        Value::Text(text) => cut(text),
        Value::Array(_) => return None,
    })
}

fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(ENTRY)).unwrap_or_default().to_owned()
}
