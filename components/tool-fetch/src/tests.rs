#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
use std::collections::BTreeMap;
use std::time::Duration;

use tidegate_sdk::http::{Answer, HttpError, Request, Url};
use tidegate_sdk::prelude::*;

use crate::exchange::{Fetched, Options, run};
use crate::text::{part, readable};

fn options() -> Options {
    Options {
        max_bytes: 1000,
        max_chars: 1000,
        skip_chars: 0,
        timeout: Duration::from_secs(5),
        max_redirects: 2,
        raw: false,
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    Answer { status, headers, body: body.as_bytes().to_vec(), truncated: false }
}

/// Fetches `http://a/` from servers that give these answers, and what they were asked, as Debug shows it.
fn fetch(method: &str, answers: Vec<Answer>) -> (Result<Structured<Fetched>, ToolError>, Vec<String>) {
    let mut asked = Vec::new();
    let mut answers = answers.into_iter();
    let headers = BTreeMap::from([(String::from("authorization"), String::from("token"))]);
    let body = if method == "POST" { b"body".to_vec() } else { Vec::new() };
    let result = run(method, Url::parse("http://a/").unwrap(), &headers, body, &options(), |request: Request| {
        asked.push(format!("{request:?}"));
        answers.next().ok_or(HttpError::Timeout(Duration::from_secs(5)))
    });
    (result, asked)
}

#[test]
fn redirects_are_followed_reported_and_limited() {
    let to = |location| answer(302, &[("location", location)], "");
    let (result, asked) =
        fetch("GET", vec![to("/x"), to("http://b/y"), answer(200, &[("content-type", "text/plain")], "end")]);
    let fetched = result.unwrap().value;
    assert_eq!(
        (fetched.url.as_str(), fetched.redirects),
        ("http://b/y", vec![String::from("http://a/"), String::from("http://a/x")])
    );
    assert_eq!(fetched.text.as_deref(), Some("end"));
    assert!(asked[1].contains("authorization") && !asked[2].contains("authorization"), "keys stay with their host");
    let (endless, _) = fetch("GET", vec![to("/1"), to("/2"), to("/3")]);
    assert!(endless.unwrap_err().to_string().contains("more than 2 redirects"));
    let (elsewhere, _) = fetch("GET", vec![to("file:///etc/passwd")]);
    assert!(elsewhere.unwrap_err().to_string().contains("no web address"));
}

#[test]
fn a_post_becomes_a_get_where_browsers_do_so() {
    let (_, asked) = fetch("POST", vec![answer(303, &[("location", "/done")], ""), answer(200, &[], "")]);
    assert!(asked[0].contains("\"POST\"") && asked[1].contains("\"GET\"") && asked[1].contains("body: []"));
    let (_, asked) = fetch("POST", vec![answer(307, &[("location", "/again")], ""), answer(200, &[], "")]);
    assert!(asked[1].contains("\"POST\"") && !asked[1].contains("body: []"));
}

#[test]
fn failures_are_answers_and_errors_say_why() {
    let (result, _) = fetch("GET", vec![answer(404, &[("content-type", "text/plain")], "gone")]);
    let structured = result.unwrap();
    assert!(structured.text.unwrap().starts_with("404 http://a/ (text/plain)\n\ngone"));
    let (result, _) = fetch("GET", Vec::new());
    assert!(result.unwrap_err().to_string().contains("fetching `http://a/` failed: no complete answer"));
}

#[test]
fn html_becomes_readable() {
    let page = "<html><head><title>T</title><style>p{}</style><script>alert(1)</script></head>\
                <body><h1>Head</h1><p>One &amp; two</p><ul><li>item</ul><a href='/x'>link</a>";
    let text = readable(page.as_bytes(), "text/html", false).unwrap();
    assert!(
        text.contains("Head") && text.contains("One & two") && text.contains("item") && text.contains("/x"),
        "{text}"
    );
    assert!(!text.contains("alert") && !text.contains("p{}"), "{text}");
    assert_eq!(readable(page.as_bytes(), "text/html", true).unwrap(), page);
}

#[test]
fn encodings_are_understood() {
    assert_eq!(readable(b"\xe9t\xe9", "text/plain; charset=iso-8859-1", false).unwrap(), "été");
    let page = b"<html><meta charset='windows-1252'><p>na\xefve";
    assert!(readable(page, "text/html", false).unwrap().contains("naïve"));
    assert_eq!(readable("日本".as_bytes(), "text/plain", false).unwrap(), "日本");
}

#[test]
fn json_is_indented_and_bytes_are_no_text() {
    assert_eq!(readable(br#"{"a":1}"#, "application/json", false).unwrap(), "{\n  \"a\": 1\n}");
    assert_eq!(readable(br#"{"a":"#, "application/json", false).unwrap(), "{\"a\":", "broken JSON as it came");
    assert!(readable(b"\x89PNG", "image/png", false).is_none());
    assert!(readable(b"\0\x01", "", false).is_none());
}

#[test]
fn long_texts_come_in_parts() {
    assert_eq!(part("äbcdef", 0, 4), (String::from("äbcd"), Some(4)));
    assert_eq!(part("äbcdef", 4, 4), (String::from("ef"), None));
}

#[test]
fn arguments_are_checked() {
    let refused = |arguments: &str| crate::toolbox().call_detached("fetch_url", arguments).unwrap_err().to_string();
    assert!(refused(r#"{"url": "example.org"}"#).contains("argument `url`"));
    assert!(refused(r#"{"url": "http://a/", "max_bytes": 0}"#).contains("argument `max_bytes`: must be 1 to 5242880"));
    assert!(refused(r#"{"url": "http://a/", "max_byte": 1}"#).contains("argument `max_byte`: is unknown"));
    assert!(refused(r#"{"url": "http://a/", "max_redirects": 11}"#).contains("0 to 10"));
}
