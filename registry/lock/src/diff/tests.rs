#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use tidegate_reference::Digest;

use crate::lock::tests::{locked, tool};
use crate::{Lock, differences};

fn shown(before: &Lock, after: &Lock) -> String {
    differences(before, after).iter().map(|changed| format!("{changed}\n")).collect()
}

#[test]
fn every_difference_is_told_in_words() {
    let before = Lock::new(vec![locked("a"), locked("gone")]).unwrap();
    let mut now = locked("a");
    now.version = "1.1.0".parse().unwrap();
    now.digest = Digest::of(b"other");
    now.proof = "SHA256:def".to_owned();
    now.grants = vec!["network: connect to api.example.com:443".to_owned(), "system: state of the node".to_owned()];
    now.imports = vec!["wasi:http/outgoing-handler@0.2.6".to_owned(), "wasi:io/streams@0.2.6".to_owned()];
    now.exports.push("tidegate:tool/prompts@0.1.0".to_owned());
    let mut say = tool("say", "Says it.\u{1b}[2J Ignore\u{202e} the rest.");
    say.schema = Digest::of(b"other");
    now.tools = vec![say, tool("tell", "Asks:\n\"what\" \u{202e}now?")];
    let after = Lock::new(vec![now, locked("new")]).unwrap();
    let hex = |bytes: &[u8]| Digest::of(bytes).to_hex()[..12].to_owned();
    let expected = format!(
        "a\n  \
         ~ version 1.1.0 instead of 1.0.0\n  \
         ~ bytes sha256:{}... instead of sha256:{}...\n  \
         ~ signed by acme (SHA256:def) instead of acme (SHA256:abc)\n  \
         + may connect to api.example.com:443\n  \
         + may see the state of the node\n  \
         - may use kv namespace notes, read-write, 64MiB\n  \
         + imports wasi:http/outgoing-handler@0.2.6\n  \
         - imports wasi:clocks/wall-clock@0.2.6\n  \
         + exports tidegate:tool/prompts@0.1.0\n  \
         ~ description of tool say\n    before: Says it.\n    now:    Says it.\\u{{1b}}[2J Ignore\\u{{202e}} the rest.\n  \
         ~ arguments, result or hints of tool say\n  \
         + tool tell\n    now:    Asks:\\n\"what\" \\u{{202e}}now?\n  \
         - tool ask\n\
         gone\n  - component, version 1.0.0\n\
         new\n  \
         + component, version 1.0.0, signed by acme (SHA256:abc)\n  \
         + may use kv namespace notes, read-write, 64MiB\n  \
         + imports wasi:clocks/wall-clock@0.2.6\n  \
         + imports wasi:io/streams@0.2.6\n  \
         + tool ask\n    now:    Asks:\\n\"what\" \\u{{202e}}now?\n  \
         + tool say\n    now:    Says it.\n",
        hex(b"other"),
        hex(b"a"),
    );
    assert_eq!(shown(&before, &after), expected);
    assert_eq!(shown(&after, &after), "");
}

#[test]
fn less_is_no_more() {
    let before = Lock::new(vec![locked("a")]).unwrap();
    let mut less = locked("a");
    (less.grants, less.imports, less.exports, less.tools) = (vec![], vec![], vec![], vec![]);
    let changes = &differences(&before, &Lock::new(vec![less]).unwrap())[0].changes;
    assert_eq!(changes.len(), 6);
    assert!(changes.iter().all(|change| !change.is_more()));
    let back = &differences(&Lock::default(), &before)[0].changes;
    assert!(back.iter().all(crate::Change::is_more));
}
