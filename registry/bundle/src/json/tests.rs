#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use crate::json::{Json, JsonError};

#[test]
fn strict_json() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for good in [r#"{}"#, r#" {"a": [1, -2, 3.5, true, null, "x\u0041"]} "#, r#"[{"a":1},{"a":2}]"#, &deep(16)] {
        assert!(Json::parse(good.as_bytes()).is_ok(), "{good}");
    }
    let cases = [
        (r#"{"a":1,"a":1}"#, "twice"),
        (r#"{"a":1,"\u0061":2}"#, "twice"),
        (r#"{"x":{"b":[{"a":1,"a":2}]}}"#, "twice"),
        (&deep(17), "deep"),
        (&deep(100_000), "deep"),
        ("{} {}", "trailing"),
        ("{}x", "trailing"),
        (r#"{"a":1,}"#, "trailing comma"),
        ("// c\n{}", "expected value"),
        (r#"{'a':1}"#, "key must be a string"),
        ("", "EOF"),
        ("{\"a\":NaN}", "expected value"),
        ("\u{feff}{}", "expected value"),
        ("{\"a\":\"\u{1}\"}", "control character"),
    ];
    for (text, says) in cases {
        match Json::parse(text.as_bytes()) {
            Err(JsonError::Syntax(message)) => assert!(message.contains(says), "{text}: {message}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    assert!(Json::parse(b"{\"a\":\"\xff\"}").is_err(), "not UTF-8");
}

#[test]
fn objects_are_taken_apart_completely() {
    let fields = |text: &str| Json::parse(text.as_bytes()).unwrap().into_fields("").unwrap();
    let mut taken = fields(r#"{"a":"x","list":[{"b":"y"}],"rest":1}"#);
    assert_eq!(taken.take_string("a").unwrap(), "x");
    assert_eq!(taken.take_string("a"), Err(JsonError::Missing("a".to_owned())));
    let mut list = taken.take_list("list", 1, 1).unwrap();
    assert_eq!(list[0].take_string("c"), Err(JsonError::Missing("list[0].c".to_owned())));
    assert_eq!(taken.finish(), Err(JsonError::Unknown("rest".to_owned())));

    let mut wrong = fields(r#"{"a":null,"b":"x","c":[1],"d":[]}"#);
    assert!(matches!(wrong.take_string("a"), Err(JsonError::Type { .. })));
    assert!(matches!(wrong.take_fields("b"), Err(JsonError::Type { .. })));
    assert!(matches!(wrong.take_list("c", 1, 1), Err(JsonError::Type { .. })));
    assert!(matches!(wrong.take_list("d", 1, 1), Err(JsonError::Count { found: 0, .. })));
    assert!(matches!(Json::parse(b"[]").unwrap().into_fields(""), Err(JsonError::Type { .. })));
}
