//! Probabilities of tokens. Models give numbers of tokens: what each says is asked when the text is at its end, because a
//! model does one thing at a time.

use std::collections::BTreeMap;

use crate::generate::Form;
use crate::models::{Failure, Models, Token};
use crate::shapes::{Probabilities, TokenProbability};

/// Stands for what is no whole character.
const REPLACEMENT: char = '\u{fffd}';

/// The probabilities of `tokens`, those that only end a text left out.
pub(crate) fn probabilities<M: Models>(
    models: &M,
    model: &str,
    form: Form,
    tokens: &[Token],
) -> Result<Probabilities, Failure> {
    let ends = models.describe(model)?.tokenizer.map(|tokenizer| tokenizer.end).unwrap_or_default();
    let mut known: BTreeMap<u32, String> = BTreeMap::new();
    let mut said = Vec::with_capacity(tokens.len());
    for token in tokens.iter().filter(|token| !ends.contains(&token.id)) {
        let text = match known.get(&token.id) {
            Some(text) => text.clone(),
            None => {
                let text = models.detokenize(model, &[token.id])?;
                known.insert(token.id, text.clone());
                text
            }
        };
        said.push((text, token.logprob));
    }
    Ok(match form {
        Form::Chat => Probabilities::Chat { content: said.into_iter().map(one).collect(), refusal: None },
        Form::Text => side_by_side(said),
    })
}

fn one((token, logprob): (String, Option<f32>)) -> TokenProbability {
    let bytes = (!token.contains(REPLACEMENT)).then(|| token.clone().into_bytes());
    TokenProbability { token, logprob, bytes, top_logprobs: [] }
}

fn side_by_side(said: Vec<(String, Option<f32>)>) -> Probabilities {
    let mut at = 0;
    let mut text_offset = Vec::with_capacity(said.len());
    for (text, _) in &said {
        text_offset.push(at);
        at += text.chars().count();
    }
    let (tokens, token_logprobs) = said.into_iter().unzip();
    Probabilities::Text { tokens, token_logprobs, top_logprobs: None, text_offset }
}
