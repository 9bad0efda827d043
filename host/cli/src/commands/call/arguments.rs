//! A tool's arguments from the command line.

use std::io::Read as _;

use anyhow::Context as _;
use serde_json::{Map, Value};

use crate::failure::{Blame as _, Exit, Result, fail};

/// What was typed.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    object: Map<String, Value>,
    /// The texts of those that came as KEY=VALUE: what they mean depends on the tool.
    words: Map<String, Value>,
}

/// An object from what was typed, in order: later ones win.
pub(crate) fn read(typed: &[String]) -> Result<Arguments> {
    let mut arguments = Arguments::default();
    for text in typed {
        arguments.add(text)?;
    }
    Ok(arguments)
}

impl Arguments {
    /// Whether the tool's schema can change their meaning.
    pub(crate) fn has_words(&self) -> bool {
        !self.words.is_empty()
    }

    /// The arguments for a tool with this JSON Schema: a word that looks like JSON stays text where a text is wanted.
    pub(crate) fn for_schema(self, schema: Option<&Value>) -> Map<String, Value> {
        let mut object = self.object;
        for (key, word) in self.words {
            let wanted = schema.and_then(|schema| schema.get("properties")?.get(&key)?.get("type"));
            let value = word.as_str().and_then(|word| serde_json::from_str(word).ok());
            let value = match value {
                Some(value @ Value::String(_)) => value,
                Some(value) if !wants_text(wanted, &value) => value,
                _ => word,
            };
            object.insert(key, value);
        }
        object
    }

    fn add(&mut self, text: &str) -> Result<()> {
        if text == "-" {
            let mut json = String::new();
            std::io::stdin().read_to_string(&mut json).context("cannot read standard input").blame(Exit::Usage)?;
            self.extend(object("standard input", &json)?);
        } else if let Some(path) = text.strip_prefix('@') {
            let json = std::fs::read_to_string(path).with_context(|| format!("cannot read `{path}`"));
            self.extend(object(path, &json.blame(Exit::Usage)?)?);
        } else if text.trim_start().starts_with('{') {
            self.extend(object("the argument", text)?);
        } else {
            match text.split_once('=') {
                Some((key, word)) if !key.is_empty() => {
                    self.words.insert(key.to_owned(), word.into());
                }
                _ => {
                    return Err(fail!(
                        Usage,
                        "`{text}` is no argument for a tool: write a JSON object, KEY=VALUE, @FILE or - for standard input"
                    ));
                }
            }
        }
        Ok(())
    }

    fn extend(&mut self, object: Map<String, Value>) {
        for key in object.keys() {
            self.words.remove(key);
        }
        self.object.extend(object);
    }
}

/// Whether a schema's `type` takes a text and not this value; `null` is taken for itself where it may be.
fn wants_text(wanted: Option<&Value>, value: &Value) -> bool {
    let takes = |kind: &str| match wanted {
        Some(Value::String(wanted)) => wanted == kind,
        Some(Value::Array(wanted)) => wanted.iter().any(|wanted| wanted == kind),
        _ => false,
    };
    let own = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    takes("string") && !takes(own) && !(own == "number" && takes("integer"))
}

fn object(from: &str, json: &str) -> Result<Map<String, Value>> {
    match serde_json::from_str(json) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(fail!(Usage, "{from}: the arguments of a tool are a JSON object, as in `{{\"key\": \"value\"}}`")),
        Err(error) => Err(error).with_context(|| format!("{from} is no JSON object")).blame(Exit::Usage),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn of(typed: &[&str]) -> Result<Value> {
        read(&typed.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
            .map(|arguments| Value::Object(arguments.for_schema(None)))
    }

    #[test]
    fn values_are_json_where_they_can_be_and_text_otherwise() {
        let read = of(&["a=1", "b=true", "c=hello world", "d=[1,2]", "e=", "f=a=b", "g=\"7\"", "h=1.2.3"]).unwrap();
        let expected =
            json!({"a": 1, "b": true, "c": "hello world", "d": [1, 2], "e": "", "f": "a=b", "g": "7", "h": "1.2.3"});
        assert_eq!(read, expected);
    }

    #[test]
    fn a_tool_that_wants_a_text_gets_one() {
        let schema = json!({"properties": {
            "text": {"type": "string"}, "count": {"type": "integer"}, "both": {"type": ["string", "null"]}, "any": {},
        }});
        let typed = ["text=1", "count=2", "both=null", "any=3", "other=4"].map(str::to_owned);
        let fitted = Value::Object(read(&typed).unwrap().for_schema(Some(&schema)));
        assert_eq!(fitted, json!({"text": "1", "count": 2, "both": null, "any": 3, "other": 4}));
        let typed = ["text=\"1\"", "both=7", "count=x"].map(str::to_owned);
        let fitted = Value::Object(read(&typed).unwrap().for_schema(Some(&schema)));
        assert_eq!(fitted, json!({"text": "1", "both": "7", "count": "x"}));
    }

    #[test]
    fn what_comes_later_wins() {
        assert_eq!(of(&[r#"{"a": 1, "b": 2}"#, "a=3"]).unwrap(), json!({"a": 3, "b": 2}));
        assert_eq!(of(&["a=3", r#"{"a": 1}"#]).unwrap(), json!({"a": 1}));
        assert_eq!(of(&[]).unwrap(), json!({}));
    }

    #[test]
    fn other_texts_are_refused_with_what_to_write() {
        for text in ["word", "=1", "--flag", "{\"a\": }", "@/there/is/no/such/file"] {
            assert_eq!(of(&[text]).unwrap_err().exit(), Exit::Usage, "{text}");
        }
        let failure = format!("{:?}", of(&["word"]).unwrap_err());
        assert!(failure.contains("KEY=VALUE"), "{failure}");
    }

    #[test]
    fn files_hold_objects() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, r#"{"a": 1}"#).unwrap();
        let typed = format!("@{}", path.display());
        assert_eq!(of(&[&typed, "b=2"]).unwrap(), json!({"a": 1, "b": 2}));
        std::fs::write(&path, "[1]").unwrap();
        let failure = format!("{:?}", of(&[&typed]).unwrap_err());
        assert!(failure.contains("JSON object"), "{failure}");
    }
}
