//! What tokens say, as texts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// Objects inside each other whose members are conditions.
const DEPTH: usize = 4;

/// The claims that are checked. Members that come twice are refused.
#[derive(Deserialize)]
pub(crate) struct Registered {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: Audience,
    /// Seconds since 1970; a fraction is allowed.
    pub(crate) exp: f64,
    pub(crate) nbf: Option<f64>,
    pub(crate) cnf: Option<IgnoredAny>,
    scope: Option<Scope>,
    /// What some authorization servers call it.
    scp: Option<Scope>,
}

/// One resource or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scope {
    Spaced(String),
    Listed(Vec<String>),
}

impl Registered {
    /// Its scopes, each once.
    pub(crate) fn scopes(&self) -> Vec<String> {
        let mut scopes: Vec<String> = Vec::new();
        for scope in [&self.scope, &self.scp].into_iter().flatten() {
            let words: Vec<&str> = match scope {
                Scope::Spaced(text) => text.split(' ').collect(),
                Scope::Listed(list) => list.iter().map(String::as_str).collect(),
            };
            for word in words {
                if !word.is_empty() && !scopes.iter().any(|one| one == word) {
                    scopes.push(word.to_owned());
                }
            }
        }
        scopes
    }
}

/// All claims as texts: those inside of objects as `object.claim`, every text of an array. Nothing for what is no object.
pub(crate) fn texts(payload: &[u8]) -> Option<BTreeMap<String, Vec<String>>> {
    let Value::Object(claims) = serde_json::from_slice(payload).ok()? else { return None };
    let mut all = BTreeMap::new();
    for (name, value) in &claims {
        collect(name, value, DEPTH, &mut all);
    }
    Some(all)
}

fn collect(name: &str, value: &Value, depth: usize, all: &mut BTreeMap<String, Vec<String>>) {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null => return,
        Value::Array(items) => {
            for item in items.iter().filter(|item| !item.is_array() && !item.is_object()) {
                collect(name, item, depth, all);
            }
            return;
        }
        Value::Object(members) => {
            if depth > 0 {
                for (member, value) in members {
                    collect(&format!("{name}.{member}"), value, depth - 1, all);
                }
            }
            return;
        }
    };
    all.entry(name.to_owned()).or_default().push(text);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn claims_are_texts() {
        let payload = br#"{"groups":["a","b",["c"]],"realm":{"roles":["r"],"deep":{"x":{"y":{"z":{"w":1}}}}},"on":true,"n":7,"no":null}"#;
        let all = texts(payload).unwrap();
        assert_eq!(all["groups"], ["a", "b"]);
        assert_eq!(all["realm.roles"], ["r"]);
        assert_eq!((&all["on"][0], &all["n"][0]), (&"true".to_owned(), &"7".to_owned()));
        assert_eq!(all.len(), 4, "neither null nor what is too deep: {all:?}");
        assert!(texts(b"[]").is_none());
    }

    #[test]
    fn scopes_come_as_text_or_list() {
        let read = |more: &str| {
            let text = format!(r#"{{"iss":"i","sub":"s","aud":"a","exp":1{more}}}"#);
            serde_json::from_str::<Registered>(&text).unwrap().scopes()
        };
        assert_eq!(read(r#","scope":"a  b a""#), ["a", "b"]);
        assert_eq!(read(r#","scp":["a","c"],"scope":"b""#), ["b", "a", "c"]);
        assert!(read("").is_empty());
    }
}
