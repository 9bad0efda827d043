//! Paths, methods, bodies, and what models fail with.

use serde_json::{Value, json};

use super::error;
use crate::bindings::tidegate::model::types::{Defect, Operator, Shortage};
use crate::double::{Caught, Double, get, post, refused};
use crate::error::Retry;
use crate::http::{BodyError, Request, Verb, serve};
use crate::models::{Error, Failure, Finish};

const CHAT: &str = "/v1/chat/completions";

fn chat() -> String {
    json!({"model": "small", "messages": [{"role": "user", "content": "Hi"}]}).to_string()
}

#[test]
fn models_are_listed_and_found() {
    let double = Double::default();
    let list = get(&double, "/v1/models?limit=5");
    let wanted = concat!(
        r#"{"object":"list","data":[{"id":"small","object":"model","created":0,"owned_by":"tidegate","#,
        r#""tidegate":{"version":"1.2.0","format":"gguf","variant":"q4_0","size":9,"description":null,"#,
        r#""licence":"Apache-2.0","labels":{"language":"en"},"loaded":false}}]}"#
    );
    assert_eq!((list.status, list.body.as_str()), (200, wanted));
    for path in ["/v1/models/small", "/v1/models/sm%61ll"] {
        let one: Value = serde_json::from_str(&get(&double, path).body).unwrap();
        assert_eq!(one["id"], "small");
    }
    for path in ["/v1/models/other", "/v1/models/small%", "/v1/models/%ff", "/v1/models/small/x"] {
        let caught = Caught { reply: Some(get(&double, path)), ..Caught::default() };
        let (param, code, _) = error(&caught, 404);
        assert_eq!((param.as_deref(), code.as_deref()), (Some("model"), Some("model_not_found")), "{path}");
    }
    assert_eq!(get(&double, "/v1/models/").status, 404);
    assert_eq!(get(&double, "/v1/other").status, 404);
}

#[test]
fn other_methods_are_told_which_there_is() {
    let double = Double::default();
    let reply = get(&double, CHAT);
    assert_eq!((reply.status, reply.allow), (405, Some("POST")));
    let mut caught = Caught::default();
    let request = Request { verb: Verb::Other, target: "/v1/models".to_owned(), content_type: None };
    serve(&double, &request, || Ok(Vec::new()), &mut caught);
    let reply = caught.reply.unwrap();
    assert_eq!((reply.status, reply.allow), (405, Some("GET")));
    assert_eq!(reply.headers(), [("allow", "GET".to_owned())]);
}

#[test]
fn bodies_that_cannot_be_read_are_named() {
    let double = Double::saying(&["x"], Finish::End);
    let read = |kind: Option<&str>, body: Result<&str, BodyError>| {
        let mut caught = Caught::default();
        let content_type = kind.map(str::to_owned);
        let request = Request { verb: Verb::Post, target: CHAT.to_owned(), content_type };
        serve(&double, &request, || body.map(|body| body.as_bytes().to_vec()), &mut caught);
        caught
    };
    let json = Some("application/json");
    for (caught, status, part) in [
        (read(None, Ok("{}")), 415, "Content-Type"),
        (read(Some("text/plain"), Ok("{}")), 415, "Content-Type"),
        (read(json, Err(BodyError::TooLong)), 413, "8 MiB"),
        (read(json, Err(BodyError::Broken)), 400, "broke off"),
        (read(json, Ok("{")), 400, "no JSON"),
        (read(json, Ok("[]")), 400, "an array, not an object"),
        (read(json, Ok(&"[".repeat(10_000))), 400, "no JSON"),
    ] {
        let (_, _, message) = error(&caught, status);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn an_unknown_model_is_not_found_and_nothing_is_said_of_the_policy() {
    let double = Double::default();
    let body = json!({"model": "gpt-4", "messages": [{"role": "user", "content": "Hi"}], "prompt": "a", "input": "a"});
    for path in [CHAT, "/v1/completions", "/v1/embeddings"] {
        let (param, code, message) = error(&post(&double, path, &body.to_string()), 404);
        assert_eq!((param.as_deref(), code.as_deref()), (Some("model"), Some("model_not_found")));
        assert!(message.contains("`gpt-4`") && !message.contains("the host's words"), "{message}");
    }
}

#[test]
fn every_failure_has_its_status_and_says_whether_to_come_again() {
    let short = Shortage { needed: 300 << 20, available: 64 << 20 };
    let defect = Defect { part: "m".to_owned(), place: "header".to_owned(), offset: None, problem: "cut".to_owned() };
    let operator = Operator { name: "Loop".to_owned(), place: String::new() };
    let text = || "why".to_owned();
    let rows = [
        (Failure::Busy(text()), 429, "busy", None, Retry::After(1)),
        (Failure::NoBackend(text()), 503, "no_backend", None, Retry::Never),
        (Failure::DoesNotFit(short), 503, "model_does_not_fit", None, Retry::Never),
        (Failure::Failed(text()), 500, "backend_failed", None, Retry::ByStatus),
        (refused(Error::ContextExceeded(short)), 400, "context_length_exceeded", Some("messages"), Retry::ByStatus),
        (refused(Error::InvalidArgument(text())), 400, "invalid_value", None, Retry::ByStatus),
        (refused(Error::OutOfMemory(short)), 503, "out_of_memory", None, Retry::Never),
        (refused(Error::Deadline), 504, "deadline", None, Retry::Never),
        (refused(Error::Malformed(defect)), 500, "model_failed", None, Retry::Never),
        (refused(Error::UnsupportedOperator(operator)), 500, "model_failed", None, Retry::Never),
        (refused(Error::UnsupportedFormat(text())), 500, "model_failed", None, Retry::Never),
        (refused(Error::UnsupportedArchitecture(text())), 500, "model_failed", None, Retry::Never),
        (refused(Error::Unreadable(text())), 500, "model_failed", None, Retry::Never),
        (refused(Error::Other(text())), 500, "model_failed", None, Retry::Never),
    ];
    for (failure, status, code, param, retry) in rows {
        let caught = post(&Double::failing(failure.clone()), CHAT, &chat());
        let (at, said, _) = error(&caught, status);
        assert_eq!((said.as_deref(), at.as_deref()), (Some(code), param), "{failure:?}");
        assert_eq!(caught.reply.unwrap().retry, retry, "{failure:?}");
    }
    let busy = post(&Double::failing(Failure::Busy(text())), CHAT, &chat()).reply.unwrap();
    assert_eq!(busy.headers(), [("retry-after", "1".to_owned())]);
    let unfit = post(&Double::failing(Failure::NoBackend(text())), CHAT, &chat()).reply.unwrap();
    assert_eq!(unfit.headers(), [("x-should-retry", "false".to_owned())]);
}

#[test]
fn what_a_model_cannot_do_stands_at_the_parameter_that_asked() {
    let rows = [
        ("chat", "messages"),
        ("constraint.json-schema", "response_format"),
        ("constraint", "response_format"),
        ("logprobs", "logprobs"),
        ("generate", "model"),
    ];
    for (what, param) in rows {
        let double = Double::failing(refused(Error::UnsupportedFeature(what.to_owned())));
        let (at, code, message) = error(&post(&double, CHAT, &chat()), 400);
        assert_eq!((at.as_deref(), code.as_deref()), (Some(param), Some("unsupported_parameter")), "{message}");
    }
}
