//! What a component says it offers, checked before anybody else sees it.

use std::collections::{HashMap, HashSet};

use tidegate_bindings::types::content::ResourceEntry;
use tidegate_bindings::types::prompts::Prompt;
use tidegate_bindings::types::resources::Template;
use tidegate_bindings::types::tools::{Annotations, TaskSupport, Tool};
use tidegate_reflect::Reflected;
use tidegate_schema::{OutputSchema, SchemaError, check_input};

/// Tools, resources and prompts of one component; more would make every list of every client slow.
const ENTRIES: usize = 1024;
/// Resource templates of one component.
const TEMPLATES: usize = 256;
/// Bytes of one schema or description: they go to every client.
const TEXT: usize = 256 * 1024;

/// The schemas of structured results, by the component's own names of its tools.
pub type OutputSchemas = HashMap<String, OutputSchema>;

/// A component's tools, resources, templates and prompts, in its order.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    /// Tools.
    pub tools: Vec<Tool>,
    /// Resources.
    pub resources: Vec<ResourceEntry>,
    /// Resource templates.
    pub templates: Vec<Template>,
    /// Prompts.
    pub prompts: Vec<Prompt>,
    /// Whether it completes arguments.
    pub completes: bool,
}

/// A definition that cannot be served. The component's author is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionsError {
    /// Too many entries.
    #[error("it lists {count} {what}: at most {limit}")]
    TooMany {
        /// What it lists.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many it may.
        limit: usize,
    },
    /// A name that protocols cannot carry.
    #[error("`{name}` is no name for a {what}: 1 to 64 characters out of `A-Z a-z 0-9 _ - . /`")]
    Name {
        /// A name of what.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// It offers something else than a person approved.
    #[error("{0}")]
    NotApproved(String),
    /// Two entries with the same name.
    #[error("it lists the {what} `{name}` twice")]
    Twice {
        /// What.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A schema that is none.
    #[error("the {which} schema of tool `{tool}` is {problem}")]
    Schema {
        /// The tool.
        tool: String,
        /// `input` or `output`.
        which: &'static str,
        /// What is wrong.
        problem: SchemaError,
    },
    /// A text that is too long.
    #[error("`{name}` has a description or schema of more than {TEXT} bytes")]
    TooLong {
        /// Whose.
        name: String,
    },
    /// The component could not say what it offers.
    #[error("it cannot list its {what}: {problem}")]
    Failed {
        /// What it should list.
        what: &'static str,
        /// What went wrong.
        problem: String,
    },
}

impl Definitions {
    /// The definitions of a foreign component.
    pub(crate) fn foreign(reflected: &Reflected) -> Self {
        let tools = reflected.functions.iter().map(|function| Tool {
            name: function.name.clone(),
            title: Some(function.title.clone()),
            description: function.description.clone(),
            input_schema: function.input_schema.clone(),
            output_schema: function.output_schema.clone(),
            annotations: None::<Annotations>,
            icons: Vec::new(),
            task: TaskSupport::Forbidden,
            meta: None,
        });
        Self { tools: tools.collect(), ..Self::default() }
    }

    /// Checks everything; gives the schemas of results, by tool.
    pub(crate) fn check(&self) -> Result<OutputSchemas, DefinitionsError> {
        count("tools", self.tools.len(), ENTRIES)?;
        count("resources", self.resources.len(), ENTRIES)?;
        count("prompts", self.prompts.len(), ENTRIES)?;
        count("resource templates", self.templates.len(), TEMPLATES)?;
        names("tool", self.tools.iter().map(|tool| tool.name.as_str()), true)?;
        names("prompt", self.prompts.iter().map(|prompt| prompt.name.as_str()), true)?;
        names("resource", self.resources.iter().map(|resource| resource.uri.as_str()), false)?;
        names("resource template", self.templates.iter().map(|template| template.uri_template.as_str()), false)?;
        let mut schemas = OutputSchemas::new();
        for tool in &self.tools {
            if let Some(schema) = check_tool(tool)? {
                schemas.insert(tool.name.clone(), schema);
            }
        }
        Ok(schemas)
    }
}

fn check_tool(tool: &Tool) -> Result<Option<OutputSchema>, DefinitionsError> {
    let long = [Some(&tool.description), Some(&tool.input_schema), tool.output_schema.as_ref()];
    if long.into_iter().flatten().any(|text| text.len() > TEXT) {
        return Err(DefinitionsError::TooLong { name: tool.name.clone() });
    }
    let wrong = |which| move |problem| DefinitionsError::Schema { tool: tool.name.clone(), which, problem };
    check_input(&tool.input_schema).map_err(wrong("input"))?;
    tool.output_schema.as_ref().map(|text| OutputSchema::read(text).map_err(wrong("output"))).transpose()
}

fn count(what: &'static str, count: usize, limit: usize) -> Result<(), DefinitionsError> {
    if count > limit { Err(DefinitionsError::TooMany { what, count, limit }) } else { Ok(()) }
}

fn names<'a>(what: &'static str, names: impl Iterator<Item = &'a str>, strict: bool) -> Result<(), DefinitionsError> {
    let mut seen = HashSet::new();
    for name in names {
        let fits = if strict { is_name(name) } else { !name.is_empty() && name.len() <= 8192 };
        if !fits {
            return Err(DefinitionsError::Name { what, name: name.chars().take(100).collect() });
        }
        if !seen.insert(name) {
            return Err(DefinitionsError::Twice { what, name: name.to_owned() });
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn tool(name: &str, input: &str) -> Tool {
        Tool {
            name: name.to_owned(),
            title: None,
            description: String::new(),
            input_schema: input.to_owned(),
            output_schema: None,
            annotations: None,
            icons: Vec::new(),
            task: TaskSupport::Forbidden,
            meta: None,
        }
    }

    #[test]
    fn definitions_that_cannot_be_served_are_named() {
        const OBJECT: &str = r#"{"type":"object"}"#;
        let cases: [(Vec<Tool>, &str); 10] = [
            (vec![tool("a", OBJECT), tool("a", OBJECT)], "twice"),
            (vec![tool("", OBJECT)], "no name"),
            (vec![tool("a b", OBJECT)], "no name"),
            (vec![tool(&"a".repeat(65), OBJECT)], "no name"),
            (vec![tool("a", "{")], "no JSON"),
            (vec![tool("a", "true")], "no JSON object"),
            (vec![tool("a", r#"{"type":"object","$schema":"https://example.com/d"}"#)], "in a dialect that is not"),
            (vec![Tool { output_schema: Some(r#"{"$ref":"https://a/b"}"#.into()), ..tool("a", OBJECT) }], "fetched"),
            (vec![tool("a", "{}")], "without `\"type\": \"object\"`"),
            ((0..1025).map(|n| tool(&format!("t{n}"), OBJECT)).collect(), "at most 1024"),
        ];
        for (tools, expected) in cases {
            let error = Definitions { tools, ..Definitions::default() }.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let long = tool("a", &format!(r#"{{"type":"object","x":"{}"}}"#, "y".repeat(TEXT)));
        assert!(Definitions { tools: vec![long], ..Definitions::default() }.check().is_err());
        Definitions { tools: vec![tool("a.b/c-d_E", OBJECT)], ..Definitions::default() }.check().unwrap();
    }
}
