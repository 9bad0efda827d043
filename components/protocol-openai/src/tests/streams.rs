//! Server-sent events, byte by byte.

use serde_json::json;

use super::error;
use crate::double::{Caught, Double, chunk, done, post, post_to, refused};
use crate::models::{Error, Failure, Finish, Woken};

const CHAT: &str = "/v1/chat/completions";
const TEXT: &str = "/v1/completions";

fn chat(more: &serde_json::Value) -> String {
    let mut body = json!({"model": "small", "messages": [{"role": "user", "content": "Hi"}], "stream": true});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.to_string()
}

/// Events of a chat, between what all have in common.
fn events(of: &[&str]) -> String {
    let head = concat!(
        r#"data: {"id":"chatcmpl-00000000000000010000000000000001","object":"chat.completion.chunk","#,
        r#""created":1700000000,"model":"small","#
    );
    of.iter().map(|event| format!("{head}{event}}}\n\n")).collect()
}

#[test]
fn a_chat_is_streamed_as_clients_read_it() {
    let double = Double::saying(&["High", "", " water\n"], Finish::Stop);
    let stream = post(&double, CHAT, &chat(&json!({}))).stream.unwrap();
    let wanted = events(&[
        r#""choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]"#,
        r#""choices":[{"index":0,"delta":{"content":"High"},"logprobs":null,"finish_reason":null}]"#,
        r#""choices":[{"index":0,"delta":{"content":" water\n"},"logprobs":null,"finish_reason":null}]"#,
        r#""choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]"#,
    ]);
    assert_eq!(stream, format!("{wanted}data: [DONE]\n\n"));
}

#[test]
fn usage_comes_last_where_it_is_asked_for() {
    let double = Double::saying(&["High"], Finish::Length);
    let stream = post(&double, CHAT, &chat(&json!({"stream_options": {"include_usage": true}}))).stream.unwrap();
    let wanted = events(&[
        r#""choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null"#,
        r#""choices":[{"index":0,"delta":{"content":"High"},"logprobs":null,"finish_reason":null}],"usage":null"#,
        r#""choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}],"usage":null"#,
        r#""choices":[],"usage":{"prompt_tokens":7,"completion_tokens":1,"total_tokens":8,"ran":"sandboxed"}"#,
    ]);
    assert_eq!(stream, format!("{wanted}data: [DONE]\n\n"));
}

#[test]
fn a_completion_is_streamed_as_clients_read_it() {
    let double = Double::saying(&["High", " water"], Finish::End);
    let body = json!({"model": "small", "prompt": "a", "stream": true}).to_string();
    let stream = post(&double, TEXT, &body).stream.unwrap();
    let event = |text: &str, reason: &str| {
        format!(
            "data: {{\"id\":\"cmpl-00000000000000010000000000000001\",\"object\":\"text_completion\",\
             \"created\":1700000000,\"model\":\"small\",\"choices\":[{{\"index\":0,\"text\":\"{text}\",\
             \"logprobs\":null,\"finish_reason\":{reason}}}]}}\n\n"
        )
    };
    let wanted = [event("High", "null"), event(" water", "null"), event("", "\"stop\"")].concat();
    assert_eq!(stream, format!("{wanted}data: [DONE]\n\n"));
}

#[test]
fn probabilities_come_with_the_last_event() {
    let double = Double::saying(&["High"], Finish::End);
    let stream = post(&double, CHAT, &chat(&json!({"logprobs": true}))).stream.unwrap();
    let last = stream.split("\n\n").nth(2).unwrap();
    let wanted = r#""logprobs":{"content":[{"token":"High","logprob":-0.5,"bytes":[72,105,103,104],"top_logprobs":[]}],"refusal":null},"finish_reason":"stop"}]}"#;
    assert!(last.ends_with(wanted), "{last}");
}

#[test]
fn what_fails_before_the_first_step_has_a_status() {
    let double = Double::failing(Failure::Busy("9 wait".to_owned()));
    let caught = post(&double, CHAT, &chat(&json!({})));
    assert!(caught.stream.is_none());
    assert_eq!(error(&caught, 429).1.as_deref(), Some("busy"));
}

#[test]
fn what_fails_later_is_the_last_event() {
    let double = Double::default();
    *double.steps.borrow_mut() = vec![Some(Ok(chunk("High", 0))), Some(Err(Failure::Failed("a trap".to_owned())))];
    let stream = post(&double, CHAT, &chat(&json!({}))).stream.unwrap();
    let wanted = "\n\ndata: {\"error\":{\"message\":\"a trap\",\"type\":\"server_error\",\"param\":null,\
                  \"code\":\"backend_failed\"}}\n\n";
    assert!(stream.ends_with(wanted), "{stream}");
    assert!(!stream.contains("[DONE]"), "a text that broke off is not done");
}

#[test]
fn comments_keep_a_silent_stream_open() {
    let double = Double::default();
    *double.steps.borrow_mut() = vec![Some(Ok(chunk("High", 0))), None, None, Some(Ok(done(Finish::End, 1)))];
    double.woken.borrow_mut().extend([Woken::Time, Woken::Step]);
    let stream = post(&double, CHAT, &chat(&json!({}))).stream.unwrap();
    assert_eq!(stream.matches(": keep-alive\n\n").count(), 1);
    assert!(stream.ends_with("data: [DONE]\n\n"));
}

/// `post_to` sees to it that the generation is dropped.
#[test]
fn nobody_generates_for_a_client_that_has_gone() {
    for patience in 0..3 {
        let double = Double::saying(&["a", "b", "c", "d"], Finish::End);
        let leaving = Caught { patience: Some(patience), ..Caught::default() };
        let stream = post_to(&double, CHAT, &chat(&json!({})), leaving).stream.unwrap();
        assert_eq!(stream.matches("data: ").count(), patience);
    }
    for body in [chat(&json!({})), chat(&json!({"stream": false}))] {
        let double = Double::default();
        double.woken.borrow_mut().push_back(Woken::Gone);
        let caught = post(&double, CHAT, &body);
        assert!(caught.reply.is_none() && caught.stream.is_none());
        let double = Double::saying(&["a"], Finish::End);
        double.closed.set(true);
        let caught = post(&double, CHAT, &body);
        assert!(caught.reply.is_none() && caught.stream.is_none());
    }
}

#[test]
fn a_cancelled_text_is_no_success() {
    let double = Double::failing(refused(Error::Cancelled));
    assert_eq!(error(&post(&double, CHAT, &chat(&json!({}))), 499).1.as_deref(), Some("cancelled"));
}
