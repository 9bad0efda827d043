#![allow(clippy::unwrap_used, reason = "tests")]

use super::{Grammar, GrammarError, Machine};

/// Whether a grammar takes a text, byte by byte, and may end after it.
fn takes(grammar: &Grammar, text: &str) -> bool {
    let mut machine = Machine::new(grammar.clone());
    text.bytes().all(|byte| machine.push(&[byte])) && machine.may_end()
}

#[track_caller]
fn check(grammar: Result<Grammar, GrammarError>, good: &[&str], bad: &[&str]) {
    let grammar = grammar.unwrap();
    for text in good {
        assert!(takes(&grammar, text), "not taken: {text}");
    }
    for text in bad {
        assert!(!takes(&grammar, text), "taken: {text}");
    }
}

#[test]
fn any_object_is_json() {
    check(
        Grammar::json_object(),
        &["{}", "{ }", r#"{"a": [1, -2.5e3, true, null, {"b": "\u00e9\n ß😀"}]}"#, "{\n  \"a\": \"\"\n}"],
        &[
            "",
            "[]",
            "{",
            r#"{"a"}"#,
            r#"{"a": 01}"#,
            r#"{"a": "\ud800"}"#,
            r#"{"a": "b}"#,
            "{}}",
            "{\"a\": \"\n\"}",
            r#"{"a":1,}"#,
        ],
    );
}

#[test]
fn a_schema_holds() {
    let schema = r##"{"type": "object", "properties": {"name": {"type": "string", "maxLength": 3}, "kind": {"enum": ["on", 7]},
        "at": {"$ref": "#/$defs/place"}, "more": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2}},
        "required": ["name", "at"], "additionalProperties": false,
        "$defs": {"place": {"type": ["null", "object"], "properties": {"in": {"$ref": "#/$defs/place"}}, "required": ["in"]}}}"##;
    check(
        Grammar::json_schema(schema),
        &[
            r#"{"name": "abc", "at": null}"#,
            r#"{"name":"","kind":7,"at":{"in":{"in":null}},"more":[1,-2]}"#,
            r#"{"name":"ß😀é","kind":"on","at":null}"#,
        ],
        &[
            r#"{"name": "abcd", "at": null}"#,
            r#"{"name": "a"}"#,
            r#"{"at": null, "name": "a"}"#,
            r#"{"name": "a", "at": {}}"#,
            r#"{"name": "a", "at": null, "more": []}"#,
            r#"{"name": "a", "at": null, "more": [1, 2, 3]}"#,
            r#"{"name": "a", "at": null, "more": [1.5]}"#,
            r#"{"name": "a", "at": null, "other": 1}"#,
        ],
    );
}

#[test]
fn optional_properties_are_left_out_with_their_commas() {
    let schema = r#"{"properties": {"a": {"type": "null"}, "b": {"type": "null"}, "c": {"type": "null"}}}"#;
    check(
        Grammar::json_schema(schema),
        &[
            "{}",
            r#"{"a":null}"#,
            r#"{"b":null}"#,
            r#"{"c":null}"#,
            r#"{"a":null,"c":null}"#,
            r#"{"a":null,"b":null,"c":null}"#,
        ],
        &[r#"{,"b":null}"#, r#"{"a":null,}"#, r#"{"b":null,"a":null}"#],
    );
}

#[test]
fn what_cannot_be_promised_is_refused_by_name() {
    for (schema, keyword) in [
        (r#"{"type": "string", "pattern": "^a"}"#, "pattern"),
        (r#"{"type": "integer", "minimum": 1}"#, "minimum"),
        (r#"{"type": "array", "uniqueItems": true}"#, "uniqueItems"),
        (r#"{"not": {}}"#, "not"),
        (r#"{"type": "object", "patternProperties": {}}"#, "patternProperties"),
        (r#"{"allOf": []}"#, "allOf"),
        (r#"{"oneOf": [{"type": "integer"}, {"type": "number"}]}"#, "oneOf, whose parts may hold at once"),
        (r#"{"type": "string", "minLength": 100000}"#, "minLength above 1000"),
    ] {
        assert_eq!(Grammar::json_schema(schema), Err(GrammarError::Keyword(keyword.to_owned())), "{schema}");
    }
}

#[test]
fn a_schema_made_to_explode_is_refused() {
    let mut schema = r#"{"type":"null"}"#.to_owned();
    for _ in 0..4 {
        schema = format!(r#"{{"type":"array","minItems":1000,"maxItems":1000,"items":{schema}}}"#);
    }
    // Lists within lists share their rules.
    assert!(Grammar::json_schema(&schema).is_ok());
    let many: Vec<String> = (0..200).map(|at| format!(r#""p{at}":{{"type":"string","maxLength":1000}}"#)).collect();
    assert_eq!(
        Grammar::json_schema(&format!(r#"{{"properties":{{{}}}}}"#, many.join(","))),
        Err(GrammarError::TooLarge)
    );
    let deep = format!("{}{}{}", r#"{"items":"#.repeat(100), "true", "}".repeat(100));
    assert_eq!(Grammar::json_schema(&deep), Err(GrammarError::TooLarge));
    assert_eq!(Grammar::json_schema(r##"{"$ref":"#"}"##), Err(GrammarError::LeftRecursive));
}

#[test]
fn gbnf_is_read() {
    let grammar = r#"
        # a comment
        root ::= greeting (", " name)* ("!" | "." {2,3}) # another
        greeting ::= "hello" | "\x48i" |
            "gr" [üu] "ß"
        name ::= [^,!.\n]+
    "#;
    check(
        Grammar::gbnf(grammar),
        &["hello!", "Hi, Ada, Bob..", "grüß, ü😀...", "gruß!"],
        &["hello", "hi!", "hello, !", "hello....", "hello, a.b!", "hello!!"],
    );
}

#[test]
fn broken_grammars_are_refused() {
    for grammar in [
        "",
        "root = \"a\"",
        "root ::= a",
        "root ::= \"a",
        "root ::= [b-a]",
        "root ::= (\"a\"",
        "root ::= \"a\"{3,1}",
        "root ::= \"a\"\nroot ::= \"b\"",
        "a ::= \"b\"",
    ] {
        assert!(matches!(Grammar::gbnf(grammar), Err(GrammarError::Syntax(_))), "{grammar}");
    }
    for grammar in ["root ::= root \"a\"", "root ::= a root\na ::= \"\"", "root ::= (\"\")*"] {
        assert_eq!(Grammar::gbnf(grammar), Err(GrammarError::LeftRecursive), "{grammar}");
    }
}

#[test]
fn a_machine_stays_where_it_was_when_a_token_is_refused() {
    let mut machine = Machine::new(Grammar::gbnf("root ::= \"ab\" \"c\"").unwrap());
    assert!(machine.allows(b"abc") && !machine.allows(b"abd"));
    assert!(!machine.push(b"ax") && machine.push(b"ab") && !machine.may_end());
    assert!(machine.push(b"c") && machine.must_end());
}

#[test]
fn a_grammar_with_too_many_places_allows_nothing() {
    // Every byte doubles the places.
    let mut machine = Machine::new(Grammar::gbnf("root ::= (\"a\" root | \"a\" root \"b\" | \"a\")").unwrap());
    let mut length = 0;
    while length < 10_000 && machine.push(b"a") {
        length += 1;
    }
    assert!(length < 10_000);
}
