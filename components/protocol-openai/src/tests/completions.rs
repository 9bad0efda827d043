//! `POST /v1/completions`.

use serde_json::json;

use super::{answered, error};
use crate::double::{Double, post};
use crate::models::{Finish, Prompt};

const PATH: &str = "/v1/completions";

#[test]
fn a_whole_answer_has_the_shape_that_clients_read() {
    let double = Double::saying(&["High", " water"], Finish::Length);
    let body = json!({"model": "small", "prompt": "At noon:", "echo": false, "best_of": 1, "suffix": null});
    let caught = post(&double, PATH, &body.to_string());
    let wanted = concat!(
        r#"{"id":"cmpl-00000000000000010000000000000001","object":"text_completion","created":1700000000,"#,
        r#""model":"small","choices":[{"index":0,"text":"High water","logprobs":null,"finish_reason":"length"}],"#,
        r#""usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9,"ran":"sandboxed"}}"#
    );
    assert_eq!(caught.reply.unwrap().body, wanted);
    let asked = double.asked.borrow();
    assert!(matches!(&asked[0].prompt, Prompt::Text(text) if text == "At noon:"));
    assert_eq!(asked[0].max_tokens, Some(16), "what this API promises when nothing is said");
}

#[test]
fn a_prompt_is_a_text_or_tokens_alone_or_in_an_array() {
    let rows = [
        (json!("a"), "Prompt::Text(\"a\")"),
        (json!(["a"]), "Prompt::Text(\"a\")"),
        (json!([1, 2]), "Prompt::Tokens([1, 2])"),
        (json!([[1, 2]]), "Prompt::Tokens([1, 2])"),
    ];
    for (prompt, wanted) in rows {
        let double = Double::saying(&["x"], Finish::End);
        let caught = post(&double, PATH, &json!({"model": "small", "prompt": prompt}).to_string());
        answered(&caught, 200);
        assert_eq!(format!("{:?}", double.asked.borrow()[0].prompt), wanted);
    }
}

#[test]
fn what_cannot_be_followed_is_refused_by_its_name() {
    let rows = [
        ("prompt", json!(null), "prompt"),
        ("prompt", json!([]), "prompt"),
        ("prompt", json!(["a", "b"]), "prompt"),
        ("prompt", json!([[1], [2]]), "prompt"),
        ("prompt", json!([[]]), "prompt"),
        ("prompt", json!([1, -2]), "prompt"),
        ("prompt", json!(7), "prompt"),
        ("n", json!(2), "n"),
        ("best_of", json!(3), "best_of"),
        ("echo", json!(true), "echo"),
        ("suffix", json!("end"), "suffix"),
        ("logprobs", json!(2), "logprobs"),
        ("logprobs", json!(true), "logprobs"),
    ];
    for (name, value, param) in rows {
        let double = Double::saying(&["x"], Finish::End);
        let mut body = json!({"model": "small", "prompt": "a"});
        body[name] = value.clone();
        let (at, _, message) = error(&post(&double, PATH, &body.to_string()), 400);
        assert_eq!(at.as_deref(), Some(param), "{name} {value}: {message}");
    }
}

#[test]
fn probabilities_stand_side_by_side() {
    let double = Double::saying(&["High", "High"], Finish::End);
    let again = double.steps.borrow()[1].clone();
    double.steps.borrow_mut()[2] = again;
    let body = json!({"model": "small", "prompt": "a", "logprobs": 0});
    let answer = answered(&post(&double, PATH, &body.to_string()), 200);
    let wanted = json!({"tokens": ["High", "High"], "token_logprobs": [-0.5, -0.5], "top_logprobs": null,
        "text_offset": [0, 4]});
    assert_eq!(answer["choices"][0]["logprobs"], wanted);
}
