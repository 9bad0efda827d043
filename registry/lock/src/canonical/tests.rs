#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::{definition_hash, parse};

fn hash(text: &str) -> String {
    definition_hash(text, None, Value::Null).unwrap().to_string()
}

#[test]
fn the_same_meaning_has_one_hash() {
    let one = hash(r#"{"b": 1, "a": [true, null], "\u0061b": "\u00e9"}"#);
    assert_eq!(one, hash("{\"a\":[true,null],\"ab\":\"é\",\"b\":1.0}"));
    assert_eq!(hash("1e2"), hash("100"));
    assert_eq!(hash("-0"), hash("0"));
    assert_eq!(hash("0.000001"), hash("1e-6"));
}

#[test]
fn another_meaning_has_another_hash() {
    let texts = [
        "{}",
        "[]",
        "null",
        "0",
        "\"\"",
        "\"0\"",
        "false",
        r#"{"a":1}"#,
        r#"{"a":2}"#,
        r#"{"A":1}"#,
        "\"é\"",
        "\"e\u{301}\"",
    ];
    for (i, one) in texts.iter().enumerate() {
        for other in &texts[i + 1..] {
            assert_ne!(hash(one), hash(other), "{one} and {other}");
        }
    }
    let input = hash("1");
    assert_ne!(input, definition_hash("1", Some("null"), json!("x")).unwrap().to_string());
    assert_ne!(input, definition_hash("null", Some("1"), Value::Null).unwrap().to_string());
}

#[test]
fn rfc_8785_example_is_written_as_the_rfc_writes_it() {
    // Section 3.2.2 and 3.2.3 of the RFC.
    let text = r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
        "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#;
    let expected = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
    let written = serde_json_canonicalizer::to_vec(&parse(text).unwrap()).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), expected);
}

#[test]
fn what_readers_see_differently_has_no_hash() {
    let refused = [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":2}"#,
        "9007199254740992",
        "-9007199254740992",
        r#"{"maximum":18446744073709551615}"#,
        r#""\ud800""#,
        "{} {}",
        "",
        "{",
    ];
    for text in refused {
        assert!(definition_hash(text, None, Value::Null).is_err(), "{text}");
        assert!(definition_hash("{}", Some(text), Value::Null).is_err(), "{text}");
    }
    assert!(definition_hash("9007199254740991", None, Value::Null).is_ok());
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert!(definition_hash(&deep, None, Value::Null).is_err());
}
