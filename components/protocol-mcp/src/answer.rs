//! Messages that we send: answers with a result, notifications, requests.

use crate::json::{Id, Writer};
use crate::revision::Revision;

/// What we say of ourselves: an `Implementation`.
pub(crate) const SERVER_INFO: &str =
    concat!("{\"name\":\"tidegate\",\"title\":\"Tidegate\",\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}");
const SERVER_INFO_KEY: &str = "io.modelcontextprotocol/serverInfo";

/// Begins an answer with a result; its members follow, then [`end`].
pub(crate) fn begin(revision: &Revision, id: &Id, result_type: &str) -> Writer {
    let mut writer = Writer::with_capacity(512);
    writer.begin_object().field("jsonrpc", "2.0").key("id").raw(id.json()).key("result").begin_object();
    if revision.is_modern() {
        writer.field("resultType", result_type);
    }
    writer
}

/// Ends an answer; `meta` is an object that a component gave.
pub(crate) fn end(mut writer: Writer, revision: &Revision, meta: Option<&str>) -> String {
    let meta = meta.map(str::trim);
    if revision.is_modern() {
        let rest = meta.and_then(|json| json.strip_prefix('{')).unwrap_or("}");
        if rest.contains(SERVER_INFO_KEY) {
            writer.maybe_raw("_meta", meta);
        } else {
            writer.key("_meta").begin_object().key(SERVER_INFO_KEY).raw(SERVER_INFO);
            match rest.trim_start() {
                "}" => writer.end_object(),
                members => writer.raw(members),
            };
        }
    } else {
        writer.maybe_raw("_meta", meta);
    }
    writer.end_object().end_object();
    writer.finish()
}

/// An answer without members.
pub(crate) fn empty(revision: &Revision, id: &Id) -> String {
    end(begin(revision, id, "complete"), revision, None)
}

/// Members that tell how long a modern client may keep a result.
///
/// Ten seconds: lists change when an operator adds or removes a component, and clients that must know at once listen.
/// Always private: what a client sees may come to depend on who it is.
pub(crate) fn cache(writer: &mut Writer, revision: &Revision, milliseconds: u32) {
    if revision.is_modern() {
        writer.key("ttlMs").integer(milliseconds).field("cacheScope", "private");
    }
}

/// A notification; `params` writes the members of its parameters.
pub(crate) fn notification(method: &str, params: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::with_capacity(192);
    writer.begin_object().field("jsonrpc", "2.0").field("method", method).key("params").begin_object();
    params(&mut writer);
    writer.end_object().end_object();
    writer.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::revision::{NEWEST, NEWEST_LEGACY};
    use serde_json::{Value, json};

    fn ended(revision: &Revision, meta: Option<&str>) -> Value {
        let id = Id::text("a");
        serde_json::from_str(&end(begin(revision, &id, "complete"), revision, meta)).unwrap()
    }

    #[test]
    fn modern_results_name_the_server_beside_the_components_metadata() {
        for meta in [None, Some("{}"), Some(" { } ")] {
            let result = &ended(&NEWEST, meta)["result"];
            assert_eq!(result["resultType"], "complete");
            assert_eq!(result["_meta"][SERVER_INFO_KEY]["name"], "tidegate", "{meta:?}");
        }
        let result = &ended(&NEWEST, Some(" {\"a\": 1} "))["result"];
        assert_eq!(result["_meta"]["a"], 1);
        assert_eq!(result["_meta"][SERVER_INFO_KEY]["name"], "tidegate");
    }

    #[test]
    fn legacy_results_have_the_components_metadata_only() {
        assert_eq!(ended(&NEWEST_LEGACY, None), json!({"jsonrpc": "2.0", "id": "a", "result": {}}));
        assert_eq!(ended(&NEWEST_LEGACY, Some("{\"a\":1}"))["result"], json!({"_meta": {"a": 1}}));
    }
}
