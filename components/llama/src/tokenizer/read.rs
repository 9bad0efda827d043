//! A tokenizer from a file's metadata.

use std::collections::HashMap;

use tidegate_gguf::{Gguf, Value};

use super::cut::Cut;
use super::pairs::Pairs;
use super::{Family, TokenKind, Tokenizer, pieces};
use crate::error::LoadError;

/// Tokens that end a text wherever they are markers, though files often name only one of them.
const ENDS: [&str; 8] =
    ["</s>", "<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<|endoftext|>", "<|end_of_text|>", "<end_of_turn>"];

impl Tokenizer {
    /// Takes the tokenizer out of a file's metadata.
    ///
    /// # Errors
    ///
    /// If there is none, its parts do not go together, or it is of a family that is not read.
    pub fn read(gguf: &mut Gguf) -> Result<Self, LoadError> {
        let text = |gguf: &Gguf, key: &str| gguf.get(key).and_then(Value::as_text).map(str::to_owned);
        let model =
            text(gguf, "tokenizer.ggml.model").ok_or_else(|| LoadError::Missing("tokenizer.ggml.model".to_owned()))?;
        let cut = text(gguf, "tokenizer.ggml.pre").unwrap_or_else(|| "default".to_owned());
        let Some(Value::Array(tidegate_gguf::Array::Texts(texts))) = gguf.take("tokenizer.ggml.tokens") else {
            return Err(LoadError::Missing("tokenizer.ggml.tokens".to_owned()));
        };
        if texts.is_empty() {
            return Err(wrong("it has no tokens"));
        }
        let kinds = kinds(gguf.take("tokenizer.ggml.token_type"), texts.len())?;
        let mut sorted: Vec<u32> = (0..count(texts.len())).collect();
        // Of equal texts the last counts, as in llama.cpp: others are left out.
        sorted.sort_by(|a, b| (texts.get(*a as usize), b).cmp(&(texts.get(*b as usize), a)));
        sorted.dedup_by(|a, b| texts.get(*a as usize) == texts.get(*b as usize));
        let marked = kinds.iter().zip(0_u32..);
        let marked =
            marked.filter(|(kind, _)| matches!(kind, TokenKind::Control | TokenKind::User | TokenKind::Unknown));
        let mut markers: Vec<u32> = marked.map(|(_, token)| token).collect();
        markers.retain(|token| texts.get(*token as usize).is_some_and(|text| !text.is_empty()));
        markers.sort_by_key(|token| std::cmp::Reverse(texts.get(*token as usize).map_or(0, str::len)));
        let flag = |key: &str, default| gguf.get(key).and_then(Value::as_boolean).unwrap_or(default);
        let pieces = model == "llama";
        let mut this = Self {
            family: Family::Pieces { scores: Vec::new(), bytes: Vec::new() },
            begin: id(gguf, "tokenizer.ggml.bos_token_id", texts.len())?.or(pieces.then_some(1)),
            end: id(gguf, "tokenizer.ggml.eos_token_id", texts.len())?.or(pieces.then_some(2)),
            unknown: id(gguf, "tokenizer.ggml.unknown_token_id", texts.len())?.or(pieces.then_some(0)),
            ends: Vec::new(),
            add_begin: flag("tokenizer.ggml.add_bos_token", pieces || Cut::named(&cut) == Some(Cut::Llama3)),
            add_end: flag("tokenizer.ggml.add_eos_token", false),
            add_space: flag("tokenizer.ggml.add_space_prefix", pieces),
            texts,
            kinds,
            sorted,
            markers,
        };
        this.family = match model.as_str() {
            "llama" => this.pieces(gguf)?,
            "gpt2" => this.pairs(gguf, &cut)?,
            other => {
                return Err(LoadError::Unsupported(format!(
                    "tokenizer `{}`",
                    other.chars().take(64).collect::<String>()
                )));
            }
        };
        this.ends = this.endings(gguf)?;
        Ok(this)
    }

    fn pieces(&self, gguf: &mut Gguf) -> Result<Family, LoadError> {
        let scores = match gguf.take("tokenizer.ggml.scores") {
            Some(Value::Array(tidegate_gguf::Array::Floats(scores))) => scores,
            _ => return Err(LoadError::Missing("tokenizer.ggml.scores".to_owned())),
        };
        if scores.len() != self.len() {
            return Err(wrong(format!("{} scores for {} tokens", scores.len(), self.len())));
        }
        if !scores.iter().all(|score| score.is_finite()) {
            return Err(wrong("a score is not finite"));
        }
        let mut bytes = vec![None; 256];
        for (token, kind) in (0..count(self.len())).zip(&self.kinds) {
            let byte = pieces::byte(self.text(token).unwrap_or_default()).filter(|_| *kind == TokenKind::Byte);
            if let Some(place) = byte.and_then(|byte| bytes.get_mut(usize::from(byte))) {
                *place = Some(token);
            }
        }
        Ok(Family::Pieces { scores, bytes })
    }

    fn pairs(&self, gguf: &mut Gguf, cut: &str) -> Result<Family, LoadError> {
        let unknown =
            || LoadError::Unsupported(format!("tokenizer.ggml.pre `{}`", cut.chars().take(64).collect::<String>()));
        let cut = Cut::named(cut).ok_or_else(unknown)?;
        let Some(Value::Array(tidegate_gguf::Array::Texts(pairs))) = gguf.take("tokenizer.ggml.merges") else {
            return Err(LoadError::Missing("tokenizer.ggml.merges".to_owned()));
        };
        let mut merges = HashMap::new();
        for (rank, pair) in (0_u32..).zip(pairs.iter()) {
            // The first letter may be the space's own: the cut is after it.
            let at = pair.char_indices().skip(1).find(|(_, letter)| *letter == ' ').map(|(at, _)| at);
            let (left, right) =
                at.map(|at| pair.split_at(at)).ok_or_else(|| wrong(format!("merge {rank} is no pair")))?;
            let right = right.get(1..).unwrap_or_default();
            // Pairs of what are no tokens are never met.
            let found = (self.token(left), self.token(right), self.token(&format!("{left}{right}")));
            if let (Some(left), Some(right), Some(joined)) = found {
                merges.entry((left, right)).or_insert((rank, joined));
            }
        }
        Ok(Family::Pairs(Pairs { cut, words: cut == Cut::Llama3, merges }))
    }

    fn endings(&self, gguf: &Gguf) -> Result<Vec<u32>, LoadError> {
        let mut ends: Vec<u32> = self.end.into_iter().collect();
        for key in ["tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
            ends.extend(id(gguf, key, self.len())?);
        }
        let marker = |token: &u32| self.kinds.get(*token as usize) == Some(&TokenKind::Control);
        ends.extend(ENDS.iter().filter_map(|name| self.token(name)).filter(marker));
        ends.sort_unstable();
        ends.dedup();
        Ok(ends)
    }
}

fn wrong(problem: impl Into<String>) -> LoadError {
    LoadError::Tokenizer(problem.into())
}

/// A count of tokens; the format's bounds keep it below 2^32.
fn count(tokens: usize) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

/// A token's number, if the file names one.
fn id(gguf: &Gguf, key: &str, tokens: usize) -> Result<Option<u32>, LoadError> {
    let Some(value) = gguf.get(key) else { return Ok(None) };
    let token = value.as_count().and_then(|token| u32::try_from(token).ok());
    match token.filter(|&token| (token as usize) < tokens) {
        Some(token) => Ok(Some(token)),
        None => Err(wrong(format!("`{key}` is no number below {tokens}"))),
    }
}

fn kinds(value: Option<Value>, tokens: usize) -> Result<Vec<TokenKind>, LoadError> {
    let Some(value) = value else { return Ok(vec![TokenKind::Normal; tokens]) };
    let numbers = value.as_integers().ok_or_else(|| wrong("tokens' kinds are not whole numbers"))?;
    if numbers.len() != tokens {
        return Err(wrong(format!("{} kinds for {tokens} tokens", numbers.len())));
    }
    let kind = |number: &i64| match number {
        0 | 1 => Ok(TokenKind::Normal),
        2 => Ok(TokenKind::Unknown),
        3 => Ok(TokenKind::Control),
        4 => Ok(TokenKind::User),
        5 => Ok(TokenKind::Unused),
        6 => Ok(TokenKind::Byte),
        other => Err(wrong(format!("there is no kind {other} of tokens"))),
    };
    numbers.iter().map(kind).collect()
}
