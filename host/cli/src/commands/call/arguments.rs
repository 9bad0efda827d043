//! A tool's arguments from the command line.

use std::io::Read as _;

use anyhow::Context as _;
use serde_json::{Map, Value};

use crate::failure::{Blame as _, Exit, Result, fail};

/// An object from what was typed, in order: later ones win.
pub(crate) fn read(typed: &[String]) -> Result<Map<String, Value>> {
    let mut arguments = Map::new();
    for text in typed {
        arguments.extend(part(text)?);
    }
    Ok(arguments)
}

fn part(text: &str) -> Result<Map<String, Value>> {
    if text == "-" {
        let mut json = String::new();
        std::io::stdin().read_to_string(&mut json).context("cannot read standard input").blame(Exit::Usage)?;
        return object("standard input", &json);
    }
    if let Some(path) = text.strip_prefix('@') {
        let json = std::fs::read_to_string(path).with_context(|| format!("cannot read `{path}`"));
        return object(path, &json.blame(Exit::Usage)?);
    }
    if text.trim_start().starts_with('{') {
        return object("the argument", text);
    }
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => {
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
            Ok(Map::from_iter([(key.to_owned(), value)]))
        }
        _ => Err(fail!(
            Usage,
            "`{text}` is no argument for a tool: write a JSON object, KEY=VALUE, @FILE or - for standard input"
        )),
    }
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
        read(&typed.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).map(Value::Object)
    }

    #[test]
    fn values_are_json_where_they_can_be_and_text_otherwise() {
        let read = of(&["a=1", "b=true", "c=hello world", "d=[1,2]", "e=", "f=a=b", "g=\"7\"", "h=1.2.3"]).unwrap();
        let expected =
            json!({"a": 1, "b": true, "c": "hello world", "d": [1, 2], "e": "", "f": "a=b", "g": "7", "h": "1.2.3"});
        assert_eq!(read, expected);
    }

    #[test]
    fn what_comes_later_wins() {
        assert_eq!(of(&[r#"{"a": 1, "b": 2}"#, "a=3"]).unwrap(), json!({"a": 3, "b": 2}));
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
