//! `generate`: a text that is reported while it grows.

use serde_json::{Value, json};

use crate::answer::{done, failed, usage};
use crate::arguments::{self, Generate, Role};
use crate::bindings::exports::tidegate::tool::tools::Context;
use crate::bindings::tidegate::model::models::Generation;
use crate::bindings::tidegate::model::types::{
    self, Capabilities, Constraint, Conversation, Finish, GenerateRequest, Prompt, Sampling, Step,
};
use crate::bindings::tidegate::types::tools::Output;
use crate::bindings::wasi::io::poll;

/// Tokens of an answer when the call does not say.
const TOKENS: u32 = 256;

pub(crate) fn generate(text: &str, context: &Context) -> Result<Output, String> {
    let arguments: Generate = arguments::read(text)?;
    let able = if arguments.messages.is_some() { Capabilities::CHAT } else { Capabilities::GENERATE };
    let model = arguments::model(arguments.model.clone(), able)?;
    let request = request(arguments)?;
    let limit = f64::from(request.max_tokens.unwrap_or(TOKENS));
    let generation = Generation::new(&model, &request);
    let (ready, cancelled) = (generation.subscribe(), context.cancelled());
    let (mut text, mut tokens) = (String::new(), 0u32);
    loop {
        match generation.next() {
            None => {
                poll::poll(&[&ready, &cancelled]);
                if context.is_cancelled() {
                    generation.cancel();
                }
            }
            Some(Err(failure)) => return Ok(failed(&failure)),
            Some(Ok(Step::Prompt(_))) => {}
            Some(Ok(Step::Chunk(chunk))) => {
                tokens = tokens.saturating_add(u32::try_from(chunk.tokens.len()).unwrap_or(u32::MAX));
                text.push_str(&chunk.text);
                if !chunk.text.is_empty() {
                    context.progress(f64::from(tokens), Some(limit), Some(&text));
                }
            }
            Some(Ok(Step::Done(completion))) => {
                let structured = json!({
                    "model": model,
                    "text": text,
                    "finish": finish(completion.finish),
                    "usage": usage(&completion.usage),
                });
                return Ok(done(text, structured));
            }
        }
    }
}

fn request(arguments: Generate) -> Result<GenerateRequest, String> {
    let prompt = match (arguments.prompt, arguments.messages) {
        (Some(text), None) => Prompt::Text(text),
        (None, Some(messages)) => {
            let messages = messages.into_iter().map(|message| types::Message {
                role: match message.role {
                    Role::System => types::Role::System,
                    Role::User => types::Role::User,
                    Role::Assistant => types::Role::Assistant,
                    Role::Tool => types::Role::Tool,
                },
                content: message.content,
            });
            Prompt::Chat(Conversation { messages: messages.collect(), variables: None })
        }
        _ => return Err("give either `prompt` or `messages`".to_owned()),
    };
    let constraint = match (arguments.json_schema, arguments.grammar) {
        (Some(schema), None) => Some(Constraint::JsonSchema(Value::Object(schema).to_string())),
        (None, Some(grammar)) => Some(Constraint::Grammar(grammar)),
        (None, None) => None,
        _ => return Err("give `json_schema` or `grammar`, not both".to_owned()),
    };
    Ok(GenerateRequest {
        prompt,
        max_tokens: Some(arguments.max_tokens.unwrap_or(TOKENS)),
        stop: arguments.stop,
        sampling: Sampling {
            temperature: arguments.temperature,
            top_k: arguments.top_k,
            top_p: arguments.top_p,
            min_p: None,
            repetition_penalty: arguments.repetition_penalty,
            repetition_window: None,
            frequency_penalty: None,
            presence_penalty: None,
            seed: arguments.seed,
        },
        constraint,
        logprobs: false,
    })
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::End => "end",
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Context => "context",
    }
}
