//! `POST /v1/chat/completions`, whole answers.

use serde_json::json;

use super::{answered, error};
use crate::double::{Double, post};
use crate::models::{Constraint, Finish, Prompt, Role};

const PATH: &str = "/v1/chat/completions";

fn ask(body: &serde_json::Value) -> (Double, crate::double::Caught) {
    let double = Double::saying(&["High", " water"], Finish::End);
    let caught = post(&double, PATH, &body.to_string());
    (double, caught)
}

fn with(name: &str, value: &serde_json::Value) -> serde_json::Value {
    let mut body = json!({"model": "small", "messages": [{"role": "user", "content": "Hi"}]});
    body[name] = value.clone();
    body
}

#[test]
fn a_whole_answer_has_the_shape_that_clients_read() {
    let (_, caught) = ask(&with("user", &json!("somebody")));
    let wanted = concat!(
        r#"{"id":"chatcmpl-00000000000000010000000000000001","object":"chat.completion","created":1700000000,"#,
        r#""model":"small","choices":[{"index":0,"message":{"role":"assistant","content":"High water","refusal":null},"#,
        r#""logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9,"#,
        r#""ran":"sandboxed"}}"#
    );
    assert_eq!(caught.reply.unwrap().body, wanted);
}

#[test]
fn every_parameter_reaches_the_model() {
    let body = json!({
        "model": "small",
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "system", "content": [{"type": "text", "text": "Two"}, {"type": "text", "text": "lines"}]},
            {"role": "user", "content": "When?"},
            {"role": "assistant", "content": "At noon.", "tool_calls": [], "refusal": null},
            {"role": "tool", "content": "12:00", "tool_call_id": "c1"},
        ],
        "max_completion_tokens": 5, "temperature": 0.25, "top_p": 0.5, "seed": -1, "stop": ["\n", "END"],
        "frequency_penalty": 0.5, "presence_penalty": null, "logit_bias": {}, "n": 1, "logprobs": false,
        "response_format": {"type": "json_object"}, "tools": [], "tool_choice": "none", "something_new": [1],
    });
    let (double, caught) = ask(&body);
    answered(&caught, 200);
    let asked = double.asked.borrow();
    let request = &asked[0];
    let Prompt::Chat(chat) = &request.prompt else { panic!("{request:?}") };
    let said: Vec<_> = chat.messages.iter().map(|message| (message.role, message.content.as_str())).collect();
    let wanted = [
        (Role::System, "Be brief."),
        (Role::System, "Two\nlines"),
        (Role::User, "When?"),
        (Role::Assistant, "At noon."),
        (Role::Tool, "12:00"),
    ];
    assert_eq!(said, wanted);
    let sampling = &request.sampling;
    assert_eq!((sampling.temperature, sampling.top_p, sampling.seed), (Some(0.25), Some(0.5), Some(u64::MAX)));
    assert_eq!((sampling.frequency_penalty, sampling.presence_penalty), (Some(0.5), None));
    assert_eq!((sampling.top_k, sampling.repetition_window), (None, Some(u32::MAX)));
    assert_eq!(
        (request.max_tokens, request.stop.as_slice()),
        (Some(5), ["\n".to_owned(), "END".to_owned()].as_slice())
    );
    assert!(matches!(request.constraint, Some(Constraint::JsonObject)) && !request.logprobs);
}

#[test]
fn a_schema_is_a_constraint() {
    let schema = json!({"type": "object"});
    let named = json!({"type": "json_schema", "json_schema": {"name": "t", "strict": true, "schema": schema}});
    let (double, caught) = ask(&with("response_format", &named));
    answered(&caught, 200);
    let asked = double.asked.borrow();
    assert!(matches!(&asked[0].constraint, Some(Constraint::JsonSchema(text)) if text == r#"{"type":"object"}"#));
}

#[test]
fn ends_have_the_names_that_clients_know() {
    for (finish, reason) in
        [(Finish::End, "stop"), (Finish::Stop, "stop"), (Finish::Length, "length"), (Finish::Context, "length")]
    {
        let double = Double::saying(&["x"], finish);
        let caught = post(&double, PATH, &with("seed", &json!(1)).to_string());
        assert_eq!(answered(&caught, 200)["choices"][0]["finish_reason"], reason);
    }
}

#[test]
fn what_cannot_be_followed_is_refused_by_its_name() {
    let image = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]);
    let function = json!([{"type": "function", "function": {"name": "f"}}]);
    let rows = [
        ("n", json!(2), "n"),
        ("tools", function.clone(), "tools"),
        ("tool_choice", json!("required"), "tool_choice"),
        ("functions", json!([{"name": "f"}]), "functions"),
        ("logit_bias", json!({"50256": -100}), "logit_bias"),
        ("modalities", json!(["text", "audio"]), "modalities"),
        ("audio", json!({"voice": "x"}), "audio"),
        ("web_search_options", json!({}), "web_search_options"),
        ("reasoning_effort", json!("low"), "reasoning_effort"),
        ("response_format", json!({"type": "xml"}), "response_format.type"),
        ("messages", image, "messages[0].content[0]"),
        ("messages", json!([{"role": "user", "content": "a", "name": "Ada"}]), "messages[0].name"),
        ("messages", json!([{"role": "assistant", "content": "", "tool_calls": function}]), "messages[0].tool_calls"),
    ];
    for (name, value, param) in rows {
        let (double, caught) = ask(&with(name, &value));
        let (at, code, message) = error(&caught, 400);
        assert_eq!((at.as_deref(), code.as_deref()), (Some(param), Some("unsupported_parameter")), "{message}");
        assert!(double.asked.borrow().is_empty(), "{name}: nothing was asked of the model");
    }
}

#[test]
fn what_is_wrong_is_refused_by_its_name() {
    let long = "x".repeat(257);
    let rows = [
        ("model", json!(null), "model"),
        ("model", json!(7), "model"),
        ("model", json!(long), "model"),
        ("messages", json!(null), "messages"),
        ("messages", json!([]), "messages"),
        ("messages", json!("hello"), "messages"),
        ("messages", json!(["hello"]), "messages[0]"),
        ("messages", json!([{"content": "a"}]), "messages[0].role"),
        ("messages", json!([{"role": "function", "content": "a"}]), "messages[0].role"),
        ("messages", json!([{"role": "user"}]), "messages[0].content"),
        ("messages", json!([{"role": "user", "content": 7}]), "messages[0].content"),
        ("messages", json!([{"role": "user", "content": []}]), "messages[0].content"),
        ("messages", json!([{"role": "user", "content": [{"type": "text"}]}]), "messages[0].content[0].text"),
        ("temperature", json!(2.5), "temperature"),
        ("temperature", json!("hot"), "temperature"),
        ("top_p", json!(-0.1), "top_p"),
        ("max_tokens", json!(0), "max_tokens"),
        ("max_completion_tokens", json!(1.5), "max_completion_tokens"),
        ("frequency_penalty", json!(3), "frequency_penalty"),
        ("seed", json!(1.5), "seed"),
        ("stop", json!(vec!["x"; 17]), "stop"),
        ("stop", json!(""), "stop"),
        ("stop", json!(long), "stop"),
        ("stop", json!([1]), "stop"),
        ("stream", json!("yes"), "stream"),
        ("stream_options", json!({"include_usage": true}), "stream_options"),
        ("top_logprobs", json!(1), "top_logprobs"),
        ("response_format", json!("json"), "response_format"),
        ("response_format", json!({"type": "json_schema"}), "response_format.json_schema"),
        ("response_format", json!({"type": "json_schema", "json_schema": {}}), "response_format.json_schema.schema"),
    ];
    for (name, value, param) in rows {
        let (double, caught) = ask(&with(name, &value));
        let (at, _, message) = error(&caught, 400);
        assert_eq!(at.as_deref(), Some(param), "{name} {value}: {message}");
        assert!(double.asked.borrow().is_empty());
    }
    let both = json!({"model": "small", "messages": [{"role": "user", "content": "a"}], "max_tokens": 1,
        "max_completion_tokens": 2});
    assert_eq!(error(&ask(&both).1, 400).0.as_deref(), Some("max_completion_tokens"));
    let top = json!({"model": "small", "messages": [{"role": "user", "content": "a"}], "logprobs": true,
        "top_logprobs": 2});
    assert_eq!(error(&ask(&top).1, 400).0.as_deref(), Some("top_logprobs"));
}

#[test]
fn probabilities_are_asked_for_when_the_model_is_free() {
    let double = Double::saying(&["High", " water", ""], Finish::End);
    let caught = post(&double, PATH, &with("logprobs", &json!(true)).to_string());
    let body = answered(&caught, 200);
    let wanted = json!({"content": [
        {"token": "High", "logprob": -0.5, "bytes": [72, 105, 103, 104], "top_logprobs": []},
        {"token": "\u{fffd}", "logprob": -0.5, "bytes": null, "top_logprobs": []},
    ], "refusal": null});
    assert_eq!(body["choices"][0]["logprobs"], wanted, "the third token only ends the text");
    assert!(double.asked.borrow()[0].logprobs);
}
