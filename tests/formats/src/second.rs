//! A second, lenient reader, to compare with.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// JSON as lenient readers have it: of a key that stands twice the last counts.
pub(crate) fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("what is taken is JSON")
}

/// TOML as JSON.
pub(crate) fn toml(text: &str) -> Value {
    let table: toml::Table = toml::from_str(text).expect("what is taken is TOML");
    serde_json::to_value(table).expect("TOML has a form as JSON")
}

/// No key stands twice in one object: as many are written as are read.
pub(crate) fn no_key_twice(bytes: &[u8]) {
    assert_eq!(written(bytes), read(&json(bytes)), "a key stands twice");
}

/// Keys in a text: strings before a colon.
fn written(text: &[u8]) -> usize {
    let (mut keys, mut inside, mut escaped, mut after_string) = (0, false, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => {
                inside = !inside;
                after_string = !inside;
            }
            _ if inside => {}
            b':' if after_string => keys += 1,
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => after_string = false,
        }
    }
    keys
}

fn read(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.len() + members.values().map(read).sum::<usize>(),
        Value::Array(items) => items.iter().map(read).sum(),
        _ => 0,
    }
}

/// Everything in `value` stands at a place out of `known`: `a.b`, `list[].c`, `free.*` for any key.
pub(crate) fn only_known(value: &Value, known: &[&str]) {
    let mut places = BTreeSet::new();
    leaves(value, String::new(), &mut places);
    for (place, empty) in places {
        let fits = known.iter().any(|known| match known.strip_suffix('*') {
            Some(free) => place.starts_with(free) || (empty && free.trim_end_matches('.') == place),
            None => *known == place || (empty && known.starts_with(&place)),
        });
        assert!(fits, "nobody knows `{place}`, and it was taken");
    }
}

fn leaves(value: &Value, place: String, places: &mut BTreeSet<(String, bool)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                let inner = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                leaves(value, inner, places);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().for_each(|item| leaves(item, format!("{place}[]"), places));
        }
        Value::Object(_) | Value::Array(_) => drop(places.insert((place, true))),
        _ => drop(places.insert((place, false))),
    }
}

/// Everything that was `read` stands in the text at the same place with the same value. What is empty may be missing.
pub(crate) fn says(text: &Value, read: &Value) {
    match (text, read) {
        (Value::Object(text), Value::Object(read)) => {
            for (key, value) in read {
                match text.get(key) {
                    Some(said) => says(said, value),
                    None => assert!(is_empty(value), "`{key}` was read and is not there"),
                }
            }
        }
        (Value::Array(text), Value::Array(read)) => {
            assert_eq!(text.len(), read.len(), "a list of another length was read");
            text.iter().zip(read).for_each(|(text, read)| says(text, read));
        }
        (text, read) => assert_eq!(text, read, "something else was read"),
    }
}

/// A value without what is empty in it.
pub(crate) fn full(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept: Map<String, Value> = members.iter().map(|(key, value)| (key.clone(), full(value))).collect();
            Value::Object(kept.into_iter().filter(|(_, value)| !is_empty(value)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(full).collect()),
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
