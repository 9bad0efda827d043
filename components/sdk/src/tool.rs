//! Tools and the box that holds them.
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bindings::imports::tidegate::tool::context::Context;
use crate::bindings::types::tools::{self, Outcome, Request, TaskSupport};
use crate::content::Icon;
use crate::output::IntoReply;
use crate::{Call, CallError, Content, Output, Reply, ToolError, arguments, schema};

/// The input of a tool that takes no arguments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoInput {}

impl JsonSchema for NoInput {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NoInput".into()
    }

    // By hand, so that the doc comment of this type does not become the description of a tool.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "object", "properties": {} })
    }
}

type Run = Box<dyn Fn(&str, &Call<'_>) -> Result<Reply<Output>, ToolError>>;

/// A tool: a name, a function and what people and models should know.
pub struct Tool {
    name: &'static str,
    title: Option<&'static str>,
    description: Option<&'static str>,
    read_only: Option<bool>,
    destructive: Option<bool>,
    idempotent: Option<bool>,
    open_world: Option<bool>,
    icons: Vec<Icon>,
    task: TaskSupport,
    meta: Option<Value>,
    // Functions, so that a call does not pay for schemas.
    input: fn() -> Value,
    output: fn() -> Option<Value>,
    run: Run,
}

impl Tool {
    /// A tool. `name` has 1 to 64 characters out of `A-Z a-z 0-9 _ - . /`; we write `verb_noun`.
    pub fn new<I, O, E, F>(name: &'static str, function: F) -> Self
    where
        I: DeserializeOwned + JsonSchema,
        O: IntoReply,
        E: Into<ToolError>,
        F: Fn(I, &Call<'_>) -> Result<O, E> + 'static,
    {
        Self {
            name,
            title: None,
            description: None,
            read_only: None,
            destructive: None,
            idempotent: None,
            open_world: None,
            icons: Vec::new(),
            task: TaskSupport::Forbidden,
            meta: None,
            input: schema::input::<I>,
            output: O::output_schema,
            run: Box::new(move |json, call| {
                let input = arguments::parse::<I>(json)?;
                function(input, call).map_err(Into::into)?.into_reply()
            }),
        }
    }

    /// Name for people.
    #[must_use]
    pub fn title(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    /// What it does, when to use it and its limits, for models. Default: the doc comment of the input type.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// The tool changes nothing.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = Some(read_only);
        self
    }

    /// The tool may destroy something.
    #[must_use]
    pub fn destructive(mut self, destructive: bool) -> Self {
        self.destructive = Some(destructive);
        self
    }

    /// Calling twice with the same arguments is as calling once.
    #[must_use]
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = Some(idempotent);
        self
    }

    /// The tool reaches things outside the node.
    #[must_use]
    pub fn open_world(mut self, open_world: bool) -> Self {
        self.open_world = Some(open_world);
        self
    }

    /// Adds a picture: an `https:` or `data:` URI.
    #[must_use]
    pub fn icon(mut self, src: &str) -> Self {
        self.icons.push(Icon { src: src.to_owned(), mime_type: None, sizes: Vec::new(), theme: None });
        self
    }

    /// Whether a call may go on as a task after its client has gone. Default: forbidden.
    #[must_use]
    pub fn task(mut self, task: TaskSupport) -> Self {
        self.task = task;
        self
    }

    /// Further metadata, a JSON object.
    #[must_use]
    pub fn meta(mut self, meta: Value) -> Self {
        self.meta = Some(meta);
        self
    }

    fn definition(&self) -> tools::Tool {
        let mut input = (self.input)();
        let documented = input.as_object_mut().and_then(|root| root.remove("description"));
        let documented = documented.as_ref().and_then(Value::as_str).unwrap_or_default();
        tools::Tool {
            name: self.name.to_owned(),
            title: self.title.map(str::to_owned),
            description: self.description.unwrap_or(documented).to_owned(),
            input_schema: input.to_string(),
            output_schema: (self.output)().map(|schema| schema.to_string()),
            annotations: Some(tools::Annotations {
                title: self.title.map(str::to_owned),
                read_only: self.read_only,
                destructive: self.destructive,
                idempotent: self.idempotent,
                open_world: self.open_world,
            }),
            icons: self.icons.clone(),
            task: self.task,
            meta: self.meta.as_ref().map(Value::to_string),
        }
    }
}

/// The tools of a component. [`crate::tools!`] makes one.
#[derive(Default)]
pub struct Toolbox {
    tools: Vec<Tool>,
}

impl Toolbox {
    /// An empty box.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tool.
    #[must_use]
    pub fn with(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Every definition, in the order of [`crate::tools!`].
    #[must_use]
    pub fn definitions(&self) -> Vec<tools::Tool> {
        self.tools.iter().map(Tool::definition).collect()
    }

    /// Runs one round of a call.
    ///
    /// # Errors
    /// No such tool, arguments that do not fit, cancellation, or a defect. A [`ToolError::Failed`] is no error of the
    /// contract but a result that says so.
    pub fn call(&self, request: Request, context: &Context) -> Result<Outcome, tools::Error> {
        let call = Call::new(context, request.answers, request.state, request.meta);
        match self.run(&request.name, &request.arguments, &call)? {
            Reply::Done(output) => Ok(Outcome::Done(output.into())),
            Reply::Ask(questions) => Ok(Outcome::InputRequired(questions)),
        }
    }

    /// Runs a round of a call without a host; `arguments` is a JSON object. For tests.
    ///
    /// # Errors
    /// As [`Toolbox::call`]; also when the round ends with questions: use [`Toolbox::run`] to see them.
    pub fn call_detached(&self, name: &str, arguments: &str) -> Result<Output, CallError> {
        match self.run(name, arguments, &Call::detached()).map_err(CallError)? {
            Reply::Done(output) => Ok(output),
            Reply::Ask(_) => Err(CallError(tools::Error::Other(String::from("the round ended with questions")))),
        }
    }

    /// Runs a round of a call; `arguments` is a JSON object.
    ///
    /// # Errors
    /// As [`Toolbox::call`].
    pub fn run(&self, name: &str, arguments: &str, call: &Call<'_>) -> Result<Reply<Output>, tools::Error> {
        let tool = self.tools.iter().find(|tool| tool.name == name).ok_or_else(|| {
            let names: Vec<String> = self.tools.iter().map(|tool| format!("`{}`", tool.name)).collect();
            tools::Error::UnknownTool(format!("no tool `{name}`; there are {}", names.join(", ")))
        })?;
        match (tool.run)(arguments, call) {
            Ok(reply) => Ok(reply),
            Err(ToolError::Failed(text)) => {
                let content = vec![Content::text(text)];
                Ok(Reply::Done(Output { content, is_error: true, ..Output::default() }))
            }
            Err(ToolError::Invalid(text)) => Err(tools::Error::InvalidArguments(text)),
            Err(ToolError::Cancelled) => Err(tools::Error::Cancelled),
            Err(ToolError::Internal(text)) => Err(tools::Error::Other(text)),
        }
    }
}

#[cfg(test)]
mod tests;
