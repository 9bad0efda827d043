#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use tidegate_reference::Digest;

use crate::{Lock, LockError, Locked, LockedTool};

pub(crate) fn tool(name: &str, description: &str) -> LockedTool {
    LockedTool { name: name.to_owned(), description: description.to_owned(), schema: Digest::of(b"{}") }
}

pub(crate) fn locked(name: &str) -> Locked {
    Locked {
        name: name.parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        digest: Digest::of(name.as_bytes()),
        signer: "acme".to_owned(),
        proof: "SHA256:abc".to_owned(),
        imports: vec!["wasi:io/streams@0.2.6".to_owned(), "wasi:clocks/wall-clock@0.2.6".to_owned()],
        exports: vec!["tidegate:tool/tools@0.1.0".to_owned()],
        grants: vec!["kv: kv namespace notes, read-write, 64MiB".to_owned()],
        tools: vec![tool("say", "Says it."), tool("ask", "Asks:\n\"what\" \u{202e}now?")],
    }
}

#[test]
fn the_same_entries_give_the_same_text_and_it_is_read_back() {
    let one = Lock::new(vec![locked("b"), locked("a")]).unwrap();
    let other = Lock::new(vec![locked("a"), locked("b")]).unwrap();
    let text = one.to_text().unwrap();
    assert_eq!(text, other.to_text().unwrap());
    assert_eq!(Lock::parse(&text).unwrap(), one);
    assert_eq!(one.get("a").unwrap().tools[0].name, "ask", "sorted");
    assert!(one.get("c").is_none());
    assert_eq!(Lock::default().to_text().map(|text| Lock::parse(&text)), Ok(Ok(Lock::default())));
}

#[test]
fn what_it_would_not_write_it_does_not_read() {
    let text = Lock::new(vec![locked("a"), locked("b")]).unwrap().to_text().unwrap();
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} is not in\n{text}");
        Lock::parse(&text.replacen(from, to, 1))
    };
    assert!(matches!(changed("version = 1\n", ""), Err(LockError::Syntax(_))));
    assert!(matches!(changed("version = 1\n", "version = 2\n"), Err(LockError::Format(2))));
    assert!(matches!(changed("name = \"a\"", "name = \"A\""), Err(LockError::Syntax(_))));
    assert!(matches!(changed("name = \"a\"", "name = \"c\""), Err(LockError::Order(_))));
    assert!(matches!(changed("name = \"a\"", "name = \"b\""), Err(LockError::Order(_))));
    assert!(matches!(changed("name = \"ask\"", "name = \"say\""), Err(LockError::Order(_))));
    assert!(matches!(changed("signer = ", "unknown = 1\nsigner = "), Err(LockError::Syntax(_))));
    assert!(matches!(changed("signer = ", "signer = \"x\"\nsigner = "), Err(LockError::Syntax(_))));
    assert!(matches!(changed("digest = \"sha256:", "digest = \"sha256:0"), Err(LockError::Syntax(_))));
    assert!(matches!(changed("schema = \"sha256:", "schema = \"md5:"), Err(LockError::Syntax(_))));
    assert!(matches!(Lock::parse("nothing"), Err(LockError::Syntax(_))));
    assert!(matches!(Lock::parse(&" ".repeat(16 * 1024 * 1024 + 1)), Err(LockError::TooBig(_))));
    assert!(Lock::parse(&format!("# a comment\n{text}")).is_ok());
}

#[test]
fn a_name_stands_once() {
    assert!(matches!(Lock::new(vec![locked("a"), locked("a")]), Err(LockError::Order(_))));
    let mut twice = locked("a");
    twice.tools.push(tool("say", "Again."));
    assert!(matches!(Lock::new(vec![twice]), Err(LockError::Order(_))));
    let lock = Lock::new(vec![locked("a"), locked("b")]).unwrap();
    let mut other = locked("a");
    other.version = "2.0.0".parse().unwrap();
    let next = lock.with(other.clone()).unwrap();
    assert_eq!((next.components().len(), next.get("a").map(|locked| locked.version.clone())), (2, Some(other.version)));
}
