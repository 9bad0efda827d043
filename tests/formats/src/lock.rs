//! The lock, lists of advisories, and the hash of what a tool takes and gives.
//!
//! An input that begins with `{` or `[` is a JSON Schema; any other is a lock, a list of advisories, or both, in parts.

use serde_json::Value;
use tidegate_lock::{Advisories, Lock, MAX_LOCK_BYTES, audit, definition_hash, differences};

use crate::input::parts;
use crate::second;

const KNOWN: &[&str] = &[
    "version",
    "component[].name",
    "component[].version",
    "component[].digest",
    "component[].signer",
    "component[].proof",
    "component[].imports[]",
    "component[].exports[]",
    "component[].grants[]",
    "component[].tool[].name",
    "component[].tool[].description",
    "component[].tool[].schema",
];
const KNOWN_ADVISORIES: &[&str] =
    &["version", "advisory[].digest", "advisory[].name", "advisory[].below", "advisory[].reason"];

/// Whether it is taken.
pub fn lock(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    if text.trim_start().starts_with(['{', '[']) {
        return hash(text);
    }
    let texts: Vec<String> = parts(data).into_iter().map(|part| String::from_utf8(part).unwrap()).collect();
    let advisories = texts.iter().filter_map(|text| advisories(text)).next_back().unwrap_or_default();
    let locks: Vec<Lock> = texts.iter().filter_map(|text| read(text)).collect();
    for lock in &locks {
        for finding in audit(lock, &advisories) {
            assert!(lock.get(&finding.component).is_some() && !finding.reason.is_empty());
        }
        assert_eq!(differences(lock, lock), [], "nothing differs from itself");
        for other in &locks {
            assert_eq!(differences(lock, other).is_empty(), lock == other, "what differs is said");
        }
    }
    !locks.is_empty() || advisories != Advisories::default()
}

fn read(text: &str) -> Option<Lock> {
    let lock = Lock::parse(text).ok()?;
    assert!(text.len() <= MAX_LOCK_BYTES);
    let written = lock.to_text().unwrap();
    assert_eq!(Lock::parse(&written).as_ref(), Ok(&lock), "written and read again");
    let said = second::toml(text);
    second::only_known(&said, KNOWN);
    assert_eq!(second::full(&said), second::full(&second::toml(&written)), "all of it was read");
    assert_eq!(Lock::new(lock.components().to_vec()).as_ref(), Ok(&lock), "it has one order");
    for locked in lock.components() {
        assert_eq!(lock.get(locked.name.as_str()), Some(locked));
        assert_eq!(lock.with(locked.clone()).as_ref(), Ok(&lock));
    }
    Some(lock)
}

fn advisories(text: &str) -> Option<Advisories> {
    let advisories = Advisories::parse(text).ok()?;
    second::only_known(&second::toml(text), KNOWN_ADVISORIES);
    Some(advisories)
}

/// One hash for one meaning, and none where readers could differ.
fn hash(schema: &str) -> bool {
    let Ok(hash) = definition_hash(schema, None, Value::Null) else { return false };
    second::no_key_twice(schema.as_bytes());
    let value = second::json(schema.as_bytes());
    let again = |text: &str| definition_hash(text, None, Value::Null);
    assert_eq!(again(&value.to_string()), Ok(hash), "white space and escapes are no difference");
    assert_eq!(again(&format!(" {}\n", serde_json::to_string_pretty(&value).unwrap())), Ok(hash));
    assert_ne!(definition_hash(schema, Some(schema), Value::Null), Ok(hash), "what it gives is a difference");
    assert_ne!(again(&format!("[{schema}]")), Ok(hash));
    true
}
