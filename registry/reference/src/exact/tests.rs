#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;

use serde::Deserialize;

use super::read_exactly;

#[derive(Debug, PartialEq, Deserialize)]
struct Outer {
    name: String,
    inner: Option<Inner>,
    #[serde(default)]
    list: Vec<Inner>,
    #[serde(default)]
    free: BTreeMap<String, u64>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Inner {
    kind: Kind,
    size: u64,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Small,
}

fn json(text: &[u8]) -> Result<Outer, String> {
    let mut from = serde_json::Deserializer::from_slice(text);
    read_exactly(&mut from).map_err(|error: serde_json::Error| error.to_string())
}

#[test]
fn what_is_exact_is_read_as_ever() {
    let text = br#"{"name":"a\u0062","inner":{"kind":"small","size":1},"list":[{"size":2,"kind":"small"}],"free":{"x":3},"more":[{}, null, 1.5, "y"]}"#;
    assert_eq!(json(text).unwrap(), serde_json::from_slice(text).unwrap());
    assert_eq!(json(br#"{"name":"a","inner":null}"#).unwrap().inner, None);
}

#[test]
fn what_readers_see_differently_is_refused() {
    let cases: [(&[u8], &str); 8] = [
        (br#"["a",null]"#, "invalid type: sequence"),
        (br#"{"name":"a","inner":["small",1]}"#, "invalid type: sequence"),
        (br#"{"name":"a","list":[["small",1]]}"#, "invalid type: sequence"),
        (br#"{"name":"a","name":"b"}"#, "`name` stands twice"),
        (br#"{"name":"a","free":{"x":1,"\u0078":2}}"#, "`x` stands twice"),
        (br#"{"name":"a","more":[{"y":1,"y":1}]}"#, "`y` stands twice"),
        (b"{\"name\":\"a\",\"more\":\"\xff\"}", "invalid unicode"),
        (br#"{"name":"a","more":"\ud800"}"#, "hex escape"),
    ];
    for (text, says) in cases {
        let error = json(text).unwrap_err();
        assert!(error.contains(says), "{}: {error}", String::from_utf8_lossy(text));
    }
}

#[test]
fn tables_are_no_lists() {
    let read = |text: &str| read_exactly::<Outer, _>(toml::Deserializer::parse(text).unwrap());
    assert!(read("name = \"a\"\ninner = { kind = \"small\", size = 1 }").is_ok());
    let error = read("name = \"a\"\ninner = [\"small\", 1]").unwrap_err();
    assert!(error.message().contains("invalid type: sequence"), "{error}");
    assert_eq!(error.span(), Some(19..31), "{error}");
}
