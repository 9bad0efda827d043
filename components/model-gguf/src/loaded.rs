//! The resource `model`.

use std::cell::RefCell;
use std::rc::Rc;

use tidegate_llama::constraint::Grammar;
use tidegate_llama::{Message, Model, Request, Sampling, Session, Template, Tokenizer};

use crate::bindings::exports::tidegate::model::backend::{self, LoadOptions};
use crate::bindings::tidegate::model::control;
use crate::bindings::tidegate::model::types::{
    self, Classification, Constraint, Description, EmbedOptions, Embeddings, Error, GenerateRequest, Inference, Prompt,
    Role, Shortage, Subject, Tensor, Usage,
};
use crate::bindings::tidegate::model::weights::Source;
use crate::describe::Head;
use crate::fault;
use crate::source::{self, File};
use crate::text::Text;

/// Texts of one call.
const TEXTS: usize = 256;
/// Stops of one request, and bytes of each.
const STOPS: usize = 16;
const STOP: usize = 256;
/// Tokens that are embedded at once.
const BATCH: usize = 32;

/// A loaded model. Its generations hold it too: they end with it or before.
pub(crate) struct Loaded(pub(crate) Rc<Inside>);

pub(crate) struct Inside {
    pub(crate) model: Model,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) session: RefCell<Session>,
    template: Option<Template>,
    context: usize,
    description: Description,
}

impl backend::GuestModel for Loaded {
    fn load(handle: Source, options: LoadOptions) -> Result<backend::Model, Error> {
        let mut file = File::open(handle)?;
        let head = Head::read(&mut file, &options)?;
        let (needed, available) = (head.memory(), control::available_memory());
        if needed > available {
            return Err(Error::OutOfMemory(Shortage { needed, available }));
        }
        let description = head.describe();
        let Head { gguf, shape, tokenizer, template, context, .. } = head;
        let part = file.part.clone();
        let wrong = |error| fault::load(&part, error);
        let session = Session::new(&shape, context).map_err(wrong)?;
        let model = Model::load(&mut file, &gguf, shape, tokenizer.len(), &mut source::go_on).map_err(wrong)?;
        let session = RefCell::new(session);
        let inside = Inside { model, tokenizer, session, template, context, description };
        Ok(backend::Model::new(Self(Rc::new(inside))))
    }

    fn describe(&self) -> Description {
        self.0.description.clone()
    }

    fn infer(&self, _inputs: Vec<Tensor>, _outputs: Vec<String>) -> Result<Inference, Error> {
        Err(Error::UnsupportedFeature("infer".to_owned()))
    }

    fn embed(&self, texts: Vec<String>, options: EmbedOptions) -> Result<Embeddings, Error> {
        if texts.len() > TEXTS {
            return Err(Error::InvalidArgument(format!("{} texts; at most {TEXTS} are embedded at once", texts.len())));
        }
        if options.dimensions.is_some_and(|count| count as usize != self.0.model.shape().width) {
            return Err(Error::UnsupportedFeature("embed with fewer dimensions".to_owned()));
        }
        let (mut vectors, mut input_tokens) = (Vec::new(), 0);
        for text in texts {
            let mut tokens = self.0.tokenizer.encode(&text, true);
            if tokens.len() > self.0.context && !options.truncate {
                return Err(self.too_long(tokens.len()));
            }
            tokens.truncate(self.0.context);
            input_tokens += count(tokens.len());
            vectors.push(self.mean(&tokens, options.normalize)?);
        }
        Ok(Embeddings { vectors, usage: Usage { input_tokens, output_tokens: 0, ran: ran() } })
    }

    fn classify(&self, _subject: Subject, _top: u32) -> Result<Classification, Error> {
        Err(Error::UnsupportedFeature("classify".to_owned()))
    }

    fn generate(&self, request: GenerateRequest) -> Result<backend::Generation, Error> {
        if request.stop.len() > STOPS || request.stop.iter().any(|stop| stop.is_empty() || stop.len() > STOP) {
            return Err(Error::InvalidArgument(format!("stop: at most {STOPS}, each 1 to {STOP} bytes")));
        }
        let sampling = sampling(&request.sampling);
        sampling.check().map_err(|problem| Error::InvalidArgument(problem.to_owned()))?;
        let prompt = self.prompt(&request.prompt)?;
        // One more must fit, or there is nothing to generate.
        if prompt.len() >= self.0.context {
            return Err(self.too_long(prompt.len() + 1));
        }
        let constraint = request.constraint.as_ref().map(constraint).transpose()?;
        let most = request.max_tokens.map(|most| most as usize);
        let request_of = Request { prompt, most, stop: request.stop, sampling, constraint };
        Ok(backend::Generation::new(Text::new(Rc::clone(&self.0), request_of, request.logprobs)))
    }

    fn tokenize(&self, text: String, special: bool) -> Result<Vec<u32>, Error> {
        Ok(self.0.tokenizer.encode(&text, special))
    }

    fn detokenize(&self, tokens: Vec<u32>) -> Result<String, Error> {
        self.known(&tokens)?;
        Ok(self.0.tokenizer.decode(&tokens))
    }
}

// === impl Loaded ===

impl Loaded {
    fn prompt(&self, prompt: &Prompt) -> Result<Vec<u32>, Error> {
        let tokenizer = &self.0.tokenizer;
        let tokens = match prompt {
            Prompt::Text(text) => tokenizer.encode(text, true),
            Prompt::Tokens(tokens) => {
                self.known(tokens)?;
                tokens.clone()
            }
            Prompt::Chat(conversation) => {
                let template = self.0.template.as_ref().ok_or_else(|| Error::UnsupportedFeature("chat".to_owned()))?;
                let messages: Vec<Message> = conversation.messages.iter().map(message).collect();
                let marker = |token: Option<u32>| token.and_then(|token| tokenizer.text(token)).unwrap_or_default();
                let (begin, end) = (marker(tokenizer.begin()), marker(tokenizer.end()));
                let text = template.render(&messages, begin, end, conversation.variables.as_deref());
                tokenizer.encode_chat(&text.map_err(|error| Error::InvalidArgument(error.to_string()))?)
            }
        };
        if tokens.is_empty() {
            return Err(Error::InvalidArgument("the prompt is empty".to_owned()));
        }
        Ok(tokens)
    }

    fn known(&self, tokens: &[u32]) -> Result<(), Error> {
        let count = self.0.tokenizer.len();
        match tokens.iter().find(|token| **token as usize >= count) {
            Some(token) => {
                Err(Error::InvalidArgument(format!("there is no token {token}; the vocabulary has {count}")))
            }
            None => Ok(()),
        }
    }

    fn too_long(&self, tokens: usize) -> Error {
        Error::ContextExceeded(Shortage { needed: tokens as u64, available: self.0.context as u64 })
    }

    /// The mean of a text's hidden states.
    fn mean(&self, tokens: &[u32], normalize: bool) -> Result<Vec<f32>, Error> {
        let mut session = self.0.session.try_borrow_mut().map_err(|_| Error::Other("the model is busy".to_owned()))?;
        session.forget(0);
        let width = self.0.model.shape().width;
        let mut sum = vec![0.0; width];
        for batch in tokens.chunks(BATCH) {
            let states = self.0.model.read(&mut session, batch, &mut source::go_on).map_err(|_| source::stopped())?;
            for state in states.chunks_exact(width) {
                sum.iter_mut().zip(state).for_each(|(sum, number)| *sum += number);
            }
        }
        let length = sum.iter().map(|number| number * number).sum::<f32>().sqrt();
        #[allow(clippy::cast_precision_loss, reason = "a context has fewer tokens than 2^24")]
        let by = if normalize { length } else { tokens.len() as f32 };
        if by > 0.0 {
            sum.iter_mut().for_each(|number| *number /= by);
        }
        Ok(sum)
    }
}

fn message(message: &types::Message) -> Message {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    Message { role, content: message.content.clone() }
}

fn sampling(given: &types::Sampling) -> Sampling {
    let default = Sampling::default();
    Sampling {
        temperature: given.temperature.unwrap_or(default.temperature),
        top_k: given.top_k.map_or(default.top_k, |count| count as usize),
        top_p: given.top_p.unwrap_or(default.top_p),
        min_p: given.min_p.unwrap_or(default.min_p),
        repetition: given.repetition_penalty.unwrap_or(default.repetition),
        window: given.repetition_window.map_or(default.window, |count| count as usize),
        frequency: given.frequency_penalty.unwrap_or(default.frequency),
        presence: given.presence_penalty.unwrap_or(default.presence),
        // Hash maps of the standard library are seeded at random, by the host.
        seed: given.seed.unwrap_or_else(|| {
            use std::hash::{BuildHasher, RandomState};
            RandomState::new().hash_one(0_u8)
        }),
    }
}

fn constraint(given: &Constraint) -> Result<Grammar, Error> {
    let grammar = match given {
        Constraint::JsonObject => Grammar::json_object(),
        Constraint::JsonSchema(schema) => Grammar::json_schema(schema),
        Constraint::Grammar(text) => Grammar::gbnf(text),
    };
    grammar.map_err(|error| Error::InvalidArgument(format!("constraint: {error}")))
}

/// Where it was computed.
pub(crate) fn ran() -> String {
    "sandboxed".to_owned()
}

/// A count of tokens.
pub(crate) fn count(tokens: usize) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}
