//! What JSON-RPC says of a message, read by other code than that under test.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What a client's message is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A request, with its id in [`normal`] form.
    Request(String),
    /// A notification.
    Notification,
    /// An answer to a request of ours.
    Response,
    /// Several of these.
    Batch,
    /// None of these: an error may come, with the id if one can be seen.
    Nothing,
}

/// An object's members; `None` when it has one twice.
struct Members<'a>(Option<BTreeMap<String, &'a RawValue>>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let (mut members, mut twice) = (BTreeMap::new(), false);
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    twice |= members.insert(name, value).is_some();
                }
                Ok(Members((!twice).then_some(members)))
            }
        }
        from.deserialize_map(Read)
    }
}

/// An id in one form: equal ids are equal texts.
fn normal(raw: &RawValue) -> Option<String> {
    let text = raw.get();
    if let Ok(text) = serde_json::from_str::<String>(text) {
        return Some(format!("{text:?}"));
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.to_owned())
}

/// Reads a client's message.
pub(super) fn kind(text: &[u8]) -> Kind {
    let Ok(text) = std::str::from_utf8(text) else { return Kind::Nothing };
    if text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('[') {
        return serde_json::from_str::<Vec<&RawValue>>(text).map_or(Kind::Nothing, |_| Kind::Batch);
    }
    let Ok(Members(Some(members))) = serde_json::from_str(text) else { return Kind::Nothing };
    let string = |name: &str| members.get(name).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    if string("jsonrpc").as_deref() != Some("2.0") {
        return Kind::Nothing;
    }
    let id = members.get("id").map(|raw| normal(raw));
    let object = |raw: &&RawValue| raw.get().starts_with('{');
    match (members.contains_key("method"), id) {
        (true, id) => match (string("method"), id, members.get("params").is_none_or(object)) {
            (Some(_), Some(Some(id)), true) => Kind::Request(id),
            (Some(_), None, true) => Kind::Notification,
            _ => Kind::Nothing,
        },
        (false, Some(Some(_))) if members.contains_key("result") != members.contains_key("error") => Kind::Response,
        (false, _) => Kind::Nothing,
    }
}

/// The members of a batch.
pub(super) fn parts(text: &[u8]) -> Vec<Vec<u8>> {
    let parts: Vec<&RawValue> = serde_json::from_slice(text).unwrap_or_default();
    parts.iter().map(|raw| raw.get().as_bytes().to_vec()).collect()
}

/// What the server said.
#[derive(Debug)]
pub(super) struct Said {
    /// The id; `None` for a notification, `Some(None)` for `null`.
    pub(super) id: Option<Option<String>>,
    /// The method of a request or a notification.
    pub(super) method: Option<String>,
    /// The code of an error.
    pub(super) code: Option<i64>,
    /// `resultType`, if there is a result.
    pub(super) result: Option<Option<String>>,
}

impl Said {
    /// Whether it answers.
    pub(super) fn is_answer(&self) -> bool {
        self.method.is_none()
    }
}

/// Reads a server's message, which must be one.
pub(super) fn said(text: &str) -> Said {
    assert!(!text.contains(['\n', '\r']), "a line break in {text:?}");
    let Ok(Members(Some(members))) = serde_json::from_str(text) else { panic!("no message: {text}") };
    assert_eq!(members.get("jsonrpc").map(|raw| raw.get()), Some("\"2.0\""), "{text}");
    for name in members.keys() {
        assert!(["jsonrpc", "id", "method", "params", "result", "error"].contains(&name.as_str()), "{name} in {text}");
    }
    let id = members.get("id").map(|raw| normal(raw));
    assert!(id != Some(None) || members["id"].get() == "null", "an id that is none: {text}");
    let method = members.get("method").map(|raw| serde_json::from_str::<String>(raw.get()).unwrap());
    let kinds = ["method", "result", "error"].iter().filter(|name| members.contains_key(**name)).count();
    assert_eq!(kinds, 1, "{text}");
    if let Some(params) = members.get("params") {
        assert!(method.is_some() && params.get().starts_with('{'), "{text}");
    }
    let code = members.get("error").map(|raw| {
        #[derive(Deserialize)]
        struct Error {
            code: i64,
            message: String,
        }
        let error: Error = serde_json::from_str(raw.get()).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(!error.message.is_empty(), "{text}");
        error.code
    });
    let result = members.get("result").map(|raw| {
        let Ok(Members(Some(result))) = serde_json::from_str(raw.get()) else { panic!("no result: {text}") };
        assert!(id.clone().flatten().is_some(), "a result for nobody: {text}");
        result.get("resultType").map(|raw| raw.get().trim_matches('"').to_owned())
    });
    assert!(method.is_some() || id.is_some(), "an answer without an id: {text}");
    Said { id, method, code, result }
}
