//! `POST /v1/embeddings`.

use serde_json::json;

use super::{answered, error};
use crate::double::{Double, post, refused};
use crate::models::Error;

const PATH: &str = "/v1/embeddings";

fn ask(more: &serde_json::Value) -> (Double, crate::double::Caught) {
    let double = Double::default();
    let mut body = json!({"model": "small"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let caught = post(&double, PATH, &body.to_string());
    (double, caught)
}

#[test]
fn an_answer_has_the_shape_that_clients_read() {
    let (double, caught) = ask(&json!({"input": ["abc", "b"], "dimensions": 2}));
    let wanted = concat!(
        r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.6,-0.8]},"#,
        r#"{"object":"embedding","index":1,"embedding":[1.0,0.0]}],"model":"small","#,
        r#""usage":{"prompt_tokens":2,"total_tokens":2,"ran":"sandboxed"}}"#
    );
    assert_eq!(caught.reply.unwrap().body, wanted);
    let embedded = double.embedded.borrow();
    let (texts, options) = &embedded[0];
    assert_eq!((*texts, options.normalize, options.dimensions, options.truncate), (2, true, Some(2), false));
}

#[test]
fn base64_is_little_endian() {
    let (_, caught) = ask(&json!({"input": "abc", "encoding_format": "base64"}));
    // 0.6 is 0x3f19999a, -0.8 is 0xbf4ccccd.
    assert_eq!(answered(&caught, 200)["data"][0]["embedding"], "mpkZP83MTL8=");
}

#[test]
fn tokens_are_the_models_own() {
    for input in [json!([97, 98, 99]), json!([[97, 98, 99]])] {
        let (_, caught) = ask(&json!({"input": input}));
        assert_eq!(answered(&caught, 200)["data"][0]["embedding"], json!([0.6, -0.8]));
    }
    // No character: it comes back as another token.
    let (double, caught) = ask(&json!({"input": [[97], [0xd800]]}));
    let (param, _, message) = error(&caught, 400);
    assert_eq!(param.as_deref(), Some("input[1]"), "{message}");
    assert!(double.embedded.borrow().is_empty());
}

#[test]
fn many_texts_go_in_parts() {
    let (double, caught) = ask(&json!({"input": vec!["b"; 600]}));
    let body = answered(&caught, 200);
    assert_eq!(body["data"][599]["index"], 599);
    assert_eq!(body["usage"]["prompt_tokens"], 600);
    let parts: Vec<usize> = double.embedded.borrow().iter().map(|(texts, _)| *texts).collect();
    assert_eq!(parts, [256, 256, 88]);
}

#[test]
fn what_is_wrong_is_refused_by_its_name() {
    let rows = [
        (json!({}), "input"),
        (json!({"input": ""}), "input"),
        (json!({"input": []}), "input"),
        (json!({"input": {}}), "input"),
        (json!({"input": ["a", ""]}), "input[1]"),
        (json!({"input": ["a", 7]}), "input[1]"),
        (json!({"input": [[1], []]}), "input[1]"),
        (json!({"input": [1, "a"]}), "input"),
        (json!({"input": vec!["a"; 2_049]}), "input"),
        (json!({"input": "a", "encoding_format": "hex"}), "encoding_format"),
        (json!({"input": "a", "dimensions": 0}), "dimensions"),
    ];
    for (more, param) in rows {
        let (double, caught) = ask(&more);
        let (at, _, message) = error(&caught, 400);
        assert_eq!(at.as_deref(), Some(param), "{message}");
        assert!(double.embedded.borrow().is_empty());
    }
}

#[test]
fn fewer_dimensions_are_the_models_to_give() {
    for what in ["dimensions", "embed with fewer dimensions"] {
        let double = Double::failing(refused(Error::UnsupportedFeature(what.to_owned())));
        let body = json!({"model": "small", "input": "a", "dimensions": 1}).to_string();
        let (param, code, _) = error(&post(&double, PATH, &body), 400);
        assert_eq!((param.as_deref(), code.as_deref()), (Some("dimensions"), Some("unsupported_parameter")));
    }
}

#[test]
fn nothing_is_computed_for_a_client_that_has_gone() {
    let double = Double::default();
    double.closed.set(true);
    let caught = post(&double, PATH, &json!({"model": "small", "input": "a"}).to_string());
    assert!(caught.reply.is_none() && double.embedded.borrow().is_empty());
}
