//! Prompts: messages that a person chooses to start from.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::ask::Questions;
use crate::bindings::imports::tidegate::tool::context::Context;
use crate::bindings::types::prompts::{self as wit, Argument, Error, Expansion, Outcome, Request};
use crate::content::{Icon, Role};
use crate::typing::{Suggesters, Typing};
use crate::{Call, Content, Reply, ToolError, schema};

/// A message of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Content,
}

impl Message {
    /// A person's words.
    pub fn user(content: impl Into<Content>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// The model's words.
    pub fn assistant(content: impl Into<Content>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }
}

/// What a prompt's function may return: text, a block, messages, or [`Reply`] of these.
pub trait IntoMessages {
    /// The messages.
    fn into_messages(self) -> Reply<Vec<Message>>;
}

impl IntoMessages for Vec<Message> {
    fn into_messages(self) -> Reply<Vec<Message>> {
        Reply::Done(self)
    }
}

impl IntoMessages for String {
    fn into_messages(self) -> Reply<Vec<Message>> {
        Reply::Done(vec![Message::user(self)])
    }
}

impl IntoMessages for Content {
    fn into_messages(self) -> Reply<Vec<Message>> {
        Reply::Done(vec![Message::user(self)])
    }
}

impl<T: IntoMessages> IntoMessages for Reply<T> {
    fn into_messages(self) -> Reply<Vec<Message>> {
        match self {
            Self::Done(done) => done.into_messages(),
            Self::Ask(questions) => Reply::Ask(questions),
        }
    }
}

type Fill = Box<dyn Fn(&[(String, String)], &Call<'_>) -> Result<Reply<Vec<Message>>, ToolError>>;

/// A prompt: a name, a function from its arguments to messages, and what people should know.
pub struct Prompt {
    name: &'static str,
    title: Option<&'static str>,
    description: Option<&'static str>,
    icons: Vec<Icon>,
    suggesters: Suggesters,
    input: fn() -> Value,
    fill: Fill,
}

impl Prompt {
    /// A prompt. The fields of `I` are its arguments: strings, enumerations of strings, or options of these, since
    /// that is what people fill in; their doc comments are the descriptions.
    pub fn new<I, O, E, F>(name: &'static str, function: F) -> Self
    where
        I: DeserializeOwned + JsonSchema,
        O: IntoMessages,
        E: Into<ToolError>,
        F: Fn(I, &Call<'_>) -> Result<O, E> + 'static,
    {
        Self {
            name,
            title: None,
            description: None,
            icons: Vec::new(),
            suggesters: Suggesters::default(),
            input: schema::input::<I>,
            fill: Box::new(move |arguments, call| {
                let members = arguments.iter().map(|(name, value)| (name.clone(), Value::String(value.clone())));
                let input = Value::Object(members.collect::<Map<_, _>>()).to_string();
                let input = crate::arguments::parse::<I>(&input)?;
                function(input, call).map(IntoMessages::into_messages).map_err(Into::into)
            }),
        }
    }

    /// Name for people.
    #[must_use]
    pub fn title(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    /// What it is for. Default: the doc comment of the arguments' type.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// Adds a picture: an `https:` or `data:` URI.
    #[must_use]
    pub fn icon(mut self, src: &str) -> Self {
        self.icons.push(Icon { src: src.to_owned(), mime_type: None, sizes: Vec::new(), theme: None });
        self
    }

    /// Suggests values of an argument while a person types.
    #[must_use]
    pub fn suggest(mut self, argument: &'static str, f: impl Fn(Typing<'_>) -> Vec<String> + 'static) -> Self {
        self.suggesters.add(argument, f);
        self
    }

    fn definition(&self) -> wit::Prompt {
        let input = (self.input)();
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let required = input.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let properties = input.get("properties").and_then(Value::as_object).into_iter().flatten();
        let arguments = properties.map(|(name, schema)| Argument {
            name: name.clone(),
            title: None,
            description: text(schema, "description"),
            required: required.iter().any(|one| one == name),
        });
        wit::Prompt {
            name: self.name.to_owned(),
            title: self.title.map(str::to_owned),
            description: self.description.map(str::to_owned).or_else(|| text(&input, "description")),
            arguments: arguments.collect(),
            icons: self.icons.clone(),
            meta: None,
        }
    }
}

/// The prompts of a component.
#[derive(Default)]
pub struct Prompts {
    prompts: Vec<Prompt>,
}

impl Prompts {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a prompt.
    #[must_use]
    pub fn with(mut self, prompt: Prompt) -> Self {
        self.prompts.push(prompt);
        self
    }

    /// Every definition, in order.
    #[must_use]
    pub fn definitions(&self) -> Vec<wit::Prompt> {
        self.prompts.iter().map(Prompt::definition).collect()
    }

    pub(crate) fn suggesters(&self, name: &str) -> Option<&Suggesters> {
        self.prompts.iter().find(|one| one.name == name).map(|one| &one.suggesters)
    }

    /// Fills in a prompt, one round.
    ///
    /// # Errors
    /// No such prompt, arguments that do not fit, cancellation, or a defect.
    pub fn get(&self, request: Request, context: &Context) -> Result<Outcome, Error> {
        let call = Call::new(context, request.answers, request.state, request.meta);
        Ok(match self.run(&request.name, &request.arguments, &call)? {
            Reply::Done(messages) => {
                let messages = messages.into_iter().map(|one| wit::Message { role: one.role, content: one.content.0 });
                Outcome::Done(Expansion { description: None, messages: messages.collect() })
            }
            Reply::Ask(questions) => Outcome::InputRequired(questions),
        })
    }

    /// As [`Prompts::get`], with any call: for tests.
    ///
    /// # Errors
    /// As [`Prompts::get`].
    pub fn run(
        &self,
        name: &str,
        arguments: &[(String, String)],
        call: &Call<'_>,
    ) -> Result<Reply<Vec<Message>>, Error> {
        let prompt = self.prompts.iter().find(|one| one.name == name);
        let prompt = prompt.ok_or_else(|| Error::UnknownPrompt(name.to_owned()))?;
        (prompt.fill)(arguments, call).map_err(|error| match error {
            ToolError::Failed(text) | ToolError::Invalid(text) => Error::InvalidArguments(text),
            ToolError::Cancelled => Error::Cancelled,
            ToolError::Internal(text) => Error::Other(text),
        })
    }
}

impl From<Questions> for Reply<Vec<Message>> {
    fn from(questions: Questions) -> Self {
        Self::Ask(questions)
    }
}
