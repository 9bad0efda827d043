//! Conversations as text, by the template in a model's file.
//!
//! Templates are Jinja, written by strangers: they get bounded work and see nothing but the conversation.

use minijinja::{Environment, Error, ErrorKind, Value, context};

use crate::error::LoadError;

/// Instructions that one rendering may take; templates with tools take some thousands for each message.
const FUEL: u64 = 2_000_000;
/// Bytes of a template.
const MAX_TEMPLATE: usize = 256 * 1024;

/// A model's template.
#[derive(Debug)]
pub struct Template {
    environment: Environment<'static>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant`, `tool`.
    pub role: &'static str,
    /// What is said.
    pub content: String,
}

/// Why a conversation became no text: what the template or the engine says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the model's chat template: {0}")]
pub struct TemplateError(String);

// === impl Template ===

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn new(text: &str) -> Result<Self, LoadError> {
        if text.len() > MAX_TEMPLATE {
            return Err(LoadError::Unsupported(format!("a chat template of {} bytes", text.len())));
        }
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        let added = environment.add_template_owned("chat", text.to_owned());
        added.map_err(|error| LoadError::Unsupported(format!("a chat template that is not read: {error}")))?;
        Ok(Self { environment })
    }

    /// The text of a conversation, with the beginning of the model's answer. `variables`: a JSON object with more.
    ///
    /// # Errors
    ///
    /// If the template says no, or takes too long.
    pub fn render(
        &self,
        messages: &[Message],
        begin: &str,
        end: &str,
        variables: Option<&str>,
    ) -> Result<String, TemplateError> {
        let wrong = |problem: String| TemplateError(problem);
        let messages: Vec<Value> =
            messages.iter().map(|message| context! { role => message.role, content => message.content }).collect();
        let own = context! { messages, bos_token => begin, eos_token => end, add_generation_prompt => true };
        let variables: serde_json::Value = variables
            .map_or(Ok(serde_json::Value::Null), serde_json::from_str)
            .map_err(|error| wrong(format!("variables are no JSON: {error}")))?;
        let all = match variables {
            serde_json::Value::Null => own,
            serde_json::Value::Object(more) => context! { ..own, ..Value::from_serialize(more) },
            _ => return Err(wrong("variables are no JSON object".to_owned())),
        };
        let template = self.environment.get_template("chat").map_err(|error| wrong(error.to_string()))?;
        template.render(all).map_err(|error| wrong(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Message, Template};

    fn messages() -> Vec<Message> {
        vec![
            Message { role: "system", content: " Be brief. ".to_owned() },
            Message { role: "user", content: "Hi".to_owned() },
        ]
    }

    #[test]
    fn a_template_with_the_methods_of_python_is_rendered() {
        let text = "{{ bos_token }}{% for m in messages %}\n{%- if m['role'] == 'system' %}<<{{ m.content.strip() | upper }}>>\n\
            {%- else %}[{{ m['role'].title() }}: {{ m['content'] }}]{% endif %}{% endfor %}{% if add_generation_prompt %}>{% endif %}{{ x }}";
        let template = Template::new(text).unwrap();
        let rendered = template.render(&messages(), "<s>", "</s>", Some(r#"{"x": 5}"#)).unwrap();
        assert_eq!(rendered, "<s><<BE BRIEF.>>[User: Hi]>5");
    }

    #[test]
    fn a_template_may_refuse_and_may_not_run_for_ever() {
        let refuses = Template::new("{{ raise_exception('no system messages') }}").unwrap();
        let said = refuses.render(&messages(), "", "", None).unwrap_err().to_string();
        assert!(said.contains("no system messages"), "{said}");
        let long = "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}";
        let said = Template::new(long).unwrap().render(&messages(), "", "", None).unwrap_err().to_string();
        assert!(said.contains("fuel"), "{said}");
        assert!(Template::new("{% for %}").is_err());
    }

    #[test]
    fn what_the_conversation_is_cannot_be_replaced() {
        let template = Template::new("{{ messages | length }}").unwrap();
        assert_eq!(template.render(&messages(), "", "", Some(r#"{"messages": []}"#)).unwrap(), "2");
        assert!(template.render(&messages(), "", "", Some("[]")).is_err());
    }
}
