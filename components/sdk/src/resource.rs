//! Resources: things with an address that a client can read.

use crate::bindings::imports::tidegate::tool::context::Context;
use crate::bindings::types::content::{Annotations, Body, Icon, ResourceContents, ResourceEntry};
use crate::bindings::types::resources::{self as wit, Error, Outcome, Request};
use crate::content;
use crate::typing::{Suggesters, Typing};
use crate::uri::Pattern;
use crate::{Call, Reply, ToolError};

/// What is read.
#[derive(Debug, Clone, Copy)]
pub struct Read<'a> {
    /// The address.
    pub uri: &'a str,
    variables: &'a [(String, String)],
}

impl<'a> Read<'a> {
    /// A read, for tests.
    #[must_use]
    pub fn new(uri: &'a str, variables: &'a [(String, String)]) -> Self {
        Self { uri, variables }
    }

    /// The value of a template's variable, decoded; empty for a name that the template has not.
    ///
    /// A value never holds `..` as a part, a backslash or a zero; that of `{name}` holds no `/` either. Such addresses
    /// are not found.
    #[must_use]
    pub fn variable(&self, name: &str) -> &'a str {
        self.variables.iter().find(|(one, _)| one == name).map_or("", |(_, value)| value.as_str())
    }
}

/// One thing that was read: text or bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// Its own address, if it is another than what was asked for (a file of a folder).
    pub uri: Option<String>,
    /// Its media type, if it is another than the definition says.
    pub mime_type: Option<String>,
    /// Text or bytes.
    pub body: Body,
}

/// What a reading function may return: text, bytes, [`Contents`], several, an option of these (`None`: not found), or
/// [`Reply`] of these.
pub trait IntoContents {
    /// The contents; nothing when there is no such resource.
    fn into_contents(self) -> Reply<Vec<Contents>>;
}

impl IntoContents for Vec<Contents> {
    fn into_contents(self) -> Reply<Vec<Contents>> {
        Reply::Done(self)
    }
}

impl IntoContents for Contents {
    fn into_contents(self) -> Reply<Vec<Contents>> {
        Reply::Done(vec![self])
    }
}

impl IntoContents for String {
    fn into_contents(self) -> Reply<Vec<Contents>> {
        Contents { uri: None, mime_type: None, body: Body::Text(self) }.into_contents()
    }
}

impl IntoContents for Vec<u8> {
    fn into_contents(self) -> Reply<Vec<Contents>> {
        Contents { uri: None, mime_type: None, body: Body::Blob(self) }.into_contents()
    }
}

impl<T: IntoContents> IntoContents for Option<T> {
    fn into_contents(self) -> Reply<Vec<Contents>> {
        self.map_or_else(|| Reply::Done(Vec::new()), IntoContents::into_contents)
    }
}

impl<T: IntoContents> IntoContents for Reply<T> {
    fn into_contents(self) -> Reply<Vec<Contents>> {
        match self {
            Self::Done(done) => done.into_contents(),
            Self::Ask(questions) => Reply::Ask(questions),
        }
    }
}

type Reader = Box<dyn Fn(&Read<'_>, &Call<'_>) -> Result<Reply<Vec<Contents>>, ToolError>>;

/// A resource, or a family of resources, and the function that reads it.
pub struct Resource {
    entry: ResourceEntry,
    /// Of a family.
    pattern: Option<Pattern>,
    suggesters: Suggesters,
    read: Reader,
}

impl Resource {
    /// A resource at `uri`; or, with variables in it (`notes://{id}`, `files:///{+path}`), a family of resources: a
    /// template (RFC 6570, simple and reserved expansion).
    pub fn new<O, E, F>(uri: &str, name: &str, function: F) -> Self
    where
        O: IntoContents,
        E: Into<ToolError>,
        F: Fn(&Read<'_>, &Call<'_>) -> Result<O, E> + 'static,
    {
        Self {
            entry: content::entry(uri, name),
            pattern: uri.contains('{').then(|| Pattern::new(uri)),
            suggesters: Suggesters::default(),
            read: Box::new(move |read, call| function(read, call).map(IntoContents::into_contents).map_err(Into::into)),
        }
    }

    /// Name for people.
    #[must_use]
    pub fn title(mut self, title: &str) -> Self {
        self.entry.title = Some(title.to_owned());
        self
    }

    /// What it holds.
    #[must_use]
    pub fn description(mut self, description: &str) -> Self {
        self.entry.description = Some(description.to_owned());
        self
    }

    /// Media type; of a family, when all its members share one.
    #[must_use]
    pub fn mime_type(mut self, mime_type: &str) -> Self {
        self.entry.mime_type = Some(mime_type.to_owned());
        self
    }

    /// Bytes, if they are known before it is read.
    #[must_use]
    pub fn size(mut self, bytes: u64) -> Self {
        self.entry.size = Some(bytes);
        self
    }

    /// For whom it is and how much it matters.
    #[must_use]
    pub fn annotations(mut self, annotations: Annotations) -> Self {
        self.entry.annotations = Some(annotations);
        self
    }

    /// Adds a picture: an `https:` or `data:` URI.
    #[must_use]
    pub fn icon(mut self, src: &str) -> Self {
        self.entry.icons.push(Icon { src: src.to_owned(), mime_type: None, sizes: Vec::new(), theme: None });
        self
    }

    /// Suggests values of a variable while a person types.
    #[must_use]
    pub fn suggest(mut self, variable: &'static str, f: impl Fn(Typing<'_>) -> Vec<String> + 'static) -> Self {
        self.suggesters.add(variable, f);
        self
    }

    fn template(&self) -> wit::Template {
        let entry = self.entry.clone();
        wit::Template {
            uri_template: entry.uri,
            name: entry.name,
            title: entry.title,
            description: entry.description,
            mime_type: entry.mime_type,
            annotations: entry.annotations,
            icons: entry.icons,
            meta: entry.meta,
        }
    }

    /// The variables of an address, if it is this one's.
    fn variables(&self, uri: &str) -> Option<Vec<(String, String)>> {
        match &self.pattern {
            None => (self.entry.uri == uri).then(Vec::new),
            Some(pattern) => pattern.variables(uri),
        }
    }
}

/// The resources of a component.
#[derive(Default)]
pub struct Resources {
    all: Vec<Resource>,
}

impl Resources {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a resource or a family.
    #[must_use]
    pub fn with(mut self, resource: Resource) -> Self {
        self.all.push(resource);
        self
    }

    /// Every resource, in order; families apart.
    #[must_use]
    pub fn entries(&self) -> Vec<ResourceEntry> {
        self.all.iter().filter(|one| one.pattern.is_none()).map(|one| one.entry.clone()).collect()
    }

    /// Every family, in order.
    #[must_use]
    pub fn templates(&self) -> Vec<wit::Template> {
        self.all.iter().filter(|one| one.pattern.is_some()).map(Resource::template).collect()
    }

    pub(crate) fn suggesters(&self, template: &str) -> Option<&Suggesters> {
        self.all.iter().find(|one| one.pattern.is_some() && one.entry.uri == template).map(|one| &one.suggesters)
    }

    /// Reads a resource, one round.
    ///
    /// # Errors
    /// No such resource, cancellation, or a defect.
    pub fn read(&self, request: Request, context: &Context) -> Result<Outcome, Error> {
        let call = Call::new(context, request.answers, request.state, request.meta);
        self.run(&request.uri, &call)
    }

    /// As [`Resources::read`], with any call: for tests.
    ///
    /// # Errors
    /// As [`Resources::read`].
    pub fn run(&self, uri: &str, call: &Call<'_>) -> Result<Outcome, Error> {
        let found = self.all.iter().find_map(|one| one.variables(uri).map(|variables| (one, variables)));
        let (one, variables) = found.ok_or_else(|| Error::NotFound(uri.to_owned()))?;
        let reply = (one.read)(&Read { uri, variables: &variables }, call).map_err(|error| match error {
            ToolError::Cancelled => Error::Cancelled,
            ToolError::Failed(text) | ToolError::Invalid(text) | ToolError::Internal(text) => Error::Other(text),
        })?;
        match reply {
            Reply::Ask(questions) => Ok(Outcome::InputRequired(questions)),
            Reply::Done(contents) if contents.is_empty() => Err(Error::NotFound(uri.to_owned())),
            Reply::Done(contents) => {
                let contents = contents.into_iter().map(|part| ResourceContents {
                    uri: part.uri.unwrap_or_else(|| uri.to_owned()),
                    mime_type: part.mime_type.or_else(|| one.entry.mime_type.clone()),
                    body: part.body,
                    meta: None,
                });
                Ok(Outcome::Done(contents.collect()))
            }
        }
    }
}
