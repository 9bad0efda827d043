//! Completion: what a person may be about to type.

use crate::bindings::types::completion::{Error, Request, Subject, Suggestions};
use crate::{Prompts, Resources};

/// Protocols carry no more.
const MOST: usize = 100;

/// What was typed so far.
#[derive(Debug, Clone, Copy)]
pub struct Typing<'a> {
    /// The beginning of the value.
    pub value: &'a str,
    /// Arguments that are filled in already: name and value.
    pub others: &'a [(String, String)],
    /// The caller's metadata, a JSON object.
    pub meta: Option<&'a str>,
}

impl Typing<'_> {
    /// The value of another argument, if it is filled in already.
    #[must_use]
    pub fn other(&self, name: &str) -> Option<&str> {
        self.others.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// Those of `values` that begin as what was typed, in any case.
    pub fn among<T: AsRef<str>>(&self, values: impl IntoIterator<Item = T>) -> Vec<String> {
        let typed = self.value.to_lowercase();
        let fits = |value: &T| value.as_ref().to_lowercase().starts_with(&typed);
        values.into_iter().filter(fits).map(|value| value.as_ref().to_owned()).collect()
    }
}

/// Suggests values, best first; those beyond a hundred are left out and counted.
pub(crate) type Suggest = Box<dyn Fn(Typing<'_>) -> Vec<String>>;

/// Arguments by name, each with what suggests its values.
#[derive(Default)]
pub(crate) struct Suggesters(Vec<(&'static str, Suggest)>);

impl Suggesters {
    pub(crate) fn add(&mut self, argument: &'static str, suggest: impl Fn(Typing<'_>) -> Vec<String> + 'static) {
        self.0.push((argument, Box::new(suggest)));
    }

    fn suggest(&self, request: &Request) -> Suggestions {
        let found = self.0.iter().find(|(name, _)| *name == request.argument);
        let typing = Typing { value: &request.value, others: &request.context, meta: request.meta.as_deref() };
        let mut values = found.map_or_else(Vec::new, |(_, suggest)| suggest(typing));
        let total = u32::try_from(values.len()).ok();
        let more = values.len() > MOST;
        values.truncate(MOST);
        Suggestions { values, total, more }
    }
}

/// Answers a question for suggestions, from what prompts and templates say of their arguments. [`crate::completion!`]
/// calls it.
///
/// # Errors
/// No such prompt or template.
pub fn complete(request: &Request, resources: &Resources, prompts: &Prompts) -> Result<Suggestions, Error> {
    let (suggesters, name) = match &request.subject {
        Subject::Prompt(name) => (prompts.suggesters(name), name),
        Subject::Template(template) => (resources.suggesters(template), template),
    };
    let suggesters = suggesters.ok_or_else(|| Error::Unknown(name.clone()))?;
    Ok(suggesters.suggest(request))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use crate::bindings::types::completion::{Error, Request, Subject};
    use crate::bindings::types::content::Body;
    use crate::bindings::types::resources::{Error as ReadError, Outcome};
    use crate::prelude::*;

    /// Greets somebody.
    #[derive(Deserialize, JsonSchema)]
    struct Greet {
        /// Whom.
        name: String,
        /// How.
        tone: Option<String>,
    }

    fn prompts() -> Prompts {
        let greet = |input: Greet, _: &Call| Ok::<_, ToolError>(format!("{} {:?}", input.name, input.tone));
        Prompts::new().with(Prompt::new("greet", greet).suggest("name", |typing| match typing.other("tone") {
            Some("formal") => typing.among(["Dr Ada"]),
            _ => typing.among(["Ada", "Adam", "Grace"]),
        }))
    }

    fn resources() -> Resources {
        let read =
            |read: &Read, _: &Call| Ok::<_, ToolError>((read.variable("id") != "0").then(|| read.uri.to_owned()));
        let many = |_: super::Typing| (0..150).map(|n: u32| n.to_string()).collect();
        Resources::new()
            .with(Resource::new("a://one", "one", read).mime_type("text/plain"))
            .with(Resource::new("a://many/{id}", "many", read).suggest("id", many))
    }

    fn suggest(subject: Subject, argument: &str, value: &str, context: &[(&str, &str)]) -> Result<Vec<String>, Error> {
        let context = context.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = Request { subject, argument: argument.into(), value: value.into(), context, meta: None };
        super::complete(&request, &resources(), &prompts()).map(|suggestions| suggestions.values)
    }

    #[test]
    fn prompts_describe_and_check_their_arguments() {
        let definition = prompts().definitions().remove(0);
        assert_eq!(definition.description.as_deref(), Some("Greets somebody."));
        let arguments: Vec<(&str, bool)> =
            definition.arguments.iter().map(|one| (one.name.as_str(), one.required)).collect();
        assert_eq!(arguments, [("name", true), ("tone", false)]);
        let filled = prompts().run("greet", &[("name".into(), "Ada".into())], &Call::detached()).unwrap();
        assert_eq!(filled, Reply::Done(vec![Message::user("Ada None")]));
        let missing = format!("{:?}", prompts().run("greet", &[], &Call::detached()).unwrap_err());
        assert!(missing.contains("InvalidArguments") && missing.contains("`name`"), "{missing}");
    }

    #[test]
    fn resources_are_found_by_address_and_family() {
        let (entries, templates) = (resources().entries(), resources().templates());
        assert_eq!((entries.len(), templates.len()), (1, 1));
        let Outcome::Done(contents) = resources().run("a://many/7", &Call::detached()).unwrap() else { panic!() };
        assert_eq!(contents.first().map(|one| &one.body), Some(&Body::Text("a://many/7".into())));
        for nothing in ["a://many/0", "a://many/", "a://two", "a://many/%2e%2e"] {
            assert!(matches!(resources().run(nothing, &Call::detached()), Err(ReadError::NotFound(_))), "{nothing}");
        }
    }

    #[test]
    fn suggestions_follow_what_was_typed_and_the_context() {
        let prompt = || Subject::Prompt("greet".into());
        assert_eq!(suggest(prompt(), "name", "aD", &[]).unwrap(), ["Ada", "Adam"]);
        assert_eq!(suggest(prompt(), "name", "", &[("tone", "formal")]).unwrap(), ["Dr Ada"]);
        assert_eq!(suggest(prompt(), "tone", "", &[]).unwrap(), [] as [&str; 0]);
        assert_eq!(suggest(Subject::Template("a://many/{id}".into()), "id", "", &[]).unwrap().len(), 100);
        assert!(suggest(Subject::Prompt("none".into()), "name", "", &[]).is_err());
    }
}
