//! A node whose models say what a test wrote down.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use crate::bindings::tidegate::model::types::{Capabilities, Chunk, PromptProgress, Tokenizer};
use crate::http::{BodyError, Exit, Gone, Reply, Request, Verb, serve};
use crate::models::{
    Completion, Description, EmbedOptions, Embeddings, Error, Failure, Finish, GenerateRequest, Models, Step, Summary,
    Text, Token, Usage, Woken,
};

/// One model, `small`.
#[derive(Default)]
pub(crate) struct Double {
    /// What every generation does, step by step; `None`: nothing comes yet.
    pub(crate) steps: RefCell<Vec<Option<Result<Step, Failure>>>>,
    /// What embedding answers, if it fails.
    pub(crate) embed_failure: Option<Failure>,
    /// The requests of generations, in order.
    pub(crate) asked: RefCell<Vec<GenerateRequest>>,
    /// How many texts each embedding had, and how.
    pub(crate) embedded: RefCell<Vec<(usize, EmbedOptions)>>,
    /// Waits end with these, then with `Woken::Step`.
    pub(crate) woken: RefCell<VecDeque<Woken>>,
    /// Generations that live.
    pub(crate) live: std::rc::Rc<Cell<usize>>,
    /// Whether the client has gone.
    pub(crate) closed: Cell<bool>,
}

pub(crate) struct Script {
    steps: RefCell<VecDeque<Option<Result<Step, Failure>>>>,
    live: std::rc::Rc<Cell<usize>>,
}

impl Drop for Script {
    fn drop(&mut self) {
        self.live.set(self.live.get() - 1);
    }
}

impl Text for Script {
    fn next(&self) -> Option<Result<Step, Failure>> {
        self.steps.borrow_mut().pop_front().flatten()
    }
}

impl Double {
    /// A model that reads its prompt and says these pieces.
    pub(crate) fn saying(pieces: &[&str], finish: Finish) -> Self {
        let mut steps = vec![Step::Prompt(PromptProgress { done: 7, total: 7 })];
        steps.extend(pieces.iter().enumerate().map(|(at, piece)| chunk(piece, u32::try_from(at).unwrap())));
        let output_tokens = u32::try_from(pieces.len()).unwrap();
        steps.push(done(finish, output_tokens));
        Self { steps: RefCell::new(steps.into_iter().map(|step| Some(Ok(step))).collect()), ..Self::default() }
    }

    /// A model that fails.
    pub(crate) fn failing(failure: Failure) -> Self {
        Self { steps: RefCell::new(vec![Some(Err(failure.clone()))]), embed_failure: Some(failure), ..Self::default() }
    }

    fn find(&self, model: &str) -> Result<(), Failure> {
        if model == "small" { Ok(()) } else { Err(Failure::NotFound("the host's words".to_owned())) }
    }
}

/// A piece of a text in one token.
pub(crate) fn chunk(text: &str, id: u32) -> Step {
    Step::Chunk(Chunk { text: text.to_owned(), tokens: vec![Token { id, logprob: Some(-0.5) }] })
}

/// The end.
pub(crate) fn done(finish: Finish, output_tokens: u32) -> Step {
    let usage = Usage { input_tokens: 7, output_tokens, ran: "sandboxed".to_owned() };
    Step::Done(Completion { finish, usage })
}

impl Models for Double {
    type Text = Script;

    fn list(&self) -> Vec<Summary> {
        vec![Summary {
            name: "small".to_owned(),
            version: "1.2.0".to_owned(),
            format: "gguf".to_owned(),
            description: None,
            licence: Some("Apache-2.0".to_owned()),
            variant: "q4_0".to_owned(),
            size: 9,
            labels: vec![("language".to_owned(), "en".to_owned())],
            loaded: false,
        }]
    }

    fn describe(&self, model: &str) -> Result<Description, Failure> {
        self.find(model)?;
        Ok(Description {
            title: None,
            format: "gguf".to_owned(),
            architecture: "llama".to_owned(),
            quantisation: None,
            parameters: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            context_length: None,
            embedding_length: None,
            tokenizer: Some(Tokenizer { kind: "bpe".to_owned(), vocabulary: 100, begin: None, end: vec![2] }),
            labels: Vec::new(),
            licence: None,
            capabilities: Capabilities::GENERATE,
            memory: 0,
            metadata: Vec::new(),
        })
    }

    /// `[0.6, -0.8]` for a text of three bytes, `[1, 0]` for any other.
    fn embed(&self, model: &str, texts: &[String], options: EmbedOptions) -> Result<Embeddings, Failure> {
        self.find(model)?;
        self.embedded.borrow_mut().push((texts.len(), options));
        if let Some(failure) = &self.embed_failure {
            return Err(failure.clone());
        }
        let usage =
            Usage { input_tokens: u32::try_from(texts.len()).unwrap(), output_tokens: 0, ran: "sandboxed".to_owned() };
        let vectors = texts.iter().map(|text| if text.len() == 3 { vec![0.6, -0.8] } else { vec![1.0, 0.0] });
        Ok(Embeddings { vectors: vectors.collect(), usage })
    }

    /// A token is a letter.
    fn tokenize(&self, model: &str, text: &str, _special: bool) -> Result<Vec<u32>, Failure> {
        self.find(model)?;
        Ok(text.chars().map(u32::from).collect())
    }

    fn detokenize(&self, model: &str, tokens: &[u32]) -> Result<String, Failure> {
        self.find(model)?;
        assert_eq!(self.live.get(), 0, "the model does one thing at a time");
        if let [0 | 1] = tokens {
            return Ok(["High", "\u{fffd}"][tokens[0] as usize].to_owned());
        }
        Ok(tokens.iter().map(|token| char::from_u32(*token).unwrap_or('?')).collect())
    }

    fn generate(&self, model: &str, request: GenerateRequest) -> Script {
        let unknown = || vec![Some(Err(Failure::NotFound("the host's words".to_owned())))];
        let steps = self.find(model).map_or_else(|_| unknown(), |()| self.steps.borrow().clone());
        self.asked.borrow_mut().push(request);
        self.live.set(self.live.get() + 1);
        Script { steps: RefCell::new(steps.into()), live: self.live.clone() }
    }

    fn wait(&self, _text: &Script, _limit: Duration) -> Woken {
        self.woken.borrow_mut().pop_front().unwrap_or(Woken::Step)
    }

    fn is_closed(&self) -> bool {
        self.closed.get()
    }

    fn now(&self) -> u64 {
        1_700_000_000
    }

    fn random(&self) -> u64 {
        1
    }
}

/// What came back.
#[derive(Default)]
pub(crate) struct Caught {
    /// The answer, if it came whole.
    pub(crate) reply: Option<Reply>,
    /// The stream, if there is one.
    pub(crate) stream: Option<String>,
    /// The client goes after so many writes.
    pub(crate) patience: Option<usize>,
}

impl Exit for Caught {
    fn send(&mut self, reply: Reply) {
        assert!(self.reply.is_none() && self.stream.is_none(), "one answer");
        self.reply = Some(reply);
    }

    fn open(&mut self) -> Result<(), Gone> {
        assert!(self.reply.is_none() && self.stream.is_none(), "one answer");
        self.stream = Some(String::new());
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<(), Gone> {
        if let Some(left) = &mut self.patience {
            *left = left.checked_sub(1).ok_or(Gone)?;
        }
        self.stream.as_mut().unwrap().push_str(text);
        Ok(())
    }
}

/// Sends a body to a path.
pub(crate) fn post(models: &Double, path: &str, body: &str) -> Caught {
    post_to(models, path, body, Caught::default())
}

/// The same, with a client of one's own.
pub(crate) fn post_to(models: &Double, path: &str, body: &str, mut caught: Caught) -> Caught {
    let content_type = Some("application/json; charset=utf-8".to_owned());
    let request = Request { verb: Verb::Post, target: path.to_owned(), content_type };
    serve(models, &request, || Ok(body.as_bytes().to_vec()), &mut caught);
    assert_eq!(models.live.get(), 0, "no generation outlives its request");
    caught
}

/// Asks for a path.
pub(crate) fn get(models: &Double, path: &str) -> Reply {
    let mut caught = Caught::default();
    let request = Request { verb: Verb::Get, target: path.to_owned(), content_type: None };
    serve(models, &request, || Err(BodyError::Broken), &mut caught);
    caught.reply.unwrap()
}

/// A backend's error.
pub(crate) fn refused(error: Error) -> Failure {
    Failure::Refused(error)
}
