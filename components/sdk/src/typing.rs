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
        let typing = Typing { value: &request.value, others: &request.context };
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
