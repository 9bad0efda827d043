//! The resource `generation`.

use std::cell::RefCell;
use std::rc::Rc;

use tidegate_llama::{Finish, Generation, Request, Step};

use crate::bindings::exports::tidegate::model::backend::GuestGeneration;
use crate::bindings::tidegate::model::types::{self, Chunk, Completion, Error, PromptProgress, Token, Usage};
use crate::fault;
use crate::loaded::{Inside, count, ran};
use crate::source;

/// A text in the making.
pub(crate) struct Text {
    inside: Rc<Inside>,
    generation: RefCell<Generation>,
    logprobs: bool,
}

// === impl Text ===

impl Text {
    pub(crate) fn new(inside: Rc<Inside>, request: Request, logprobs: bool) -> Self {
        Self { inside, generation: RefCell::new(Generation::new(request)), logprobs }
    }
}

impl GuestGeneration for Text {
    fn next(&self) -> Result<types::Step, Error> {
        let busy = || Error::Other("the model is busy".to_owned());
        let mut generation = self.generation.try_borrow_mut().map_err(|_| busy())?;
        let mut session = self.inside.session.try_borrow_mut().map_err(|_| busy())?;
        let step = generation.next(&self.inside.model, &self.inside.tokenizer, &mut session, &mut source::go_on);
        Ok(match step.map_err(fault::generate)? {
            Step::Prompt(done, total) => types::Step::Prompt(PromptProgress { done: count(done), total: count(total) }),
            Step::Chunk(text, tokens) => {
                let token = |choice: tidegate_llama::Choice| Token {
                    id: choice.token,
                    logprob: self.logprobs.then_some(choice.logprob),
                };
                types::Step::Chunk(Chunk { text, tokens: tokens.into_iter().map(token).collect() })
            }
            Step::Done(finish) => {
                let (input, output) = generation.usage();
                let usage = Usage { input_tokens: count(input), output_tokens: count(output), ran: ran() };
                types::Step::Done(Completion { finish: finish_of(finish), usage })
            }
        })
    }
}

fn finish_of(finish: Finish) -> types::Finish {
    match finish {
        Finish::End => types::Finish::End,
        Finish::Stop => types::Finish::Stop,
        Finish::Length => types::Finish::Length,
        Finish::Context => types::Finish::Context,
    }
}
