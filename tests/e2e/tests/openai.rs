//! OpenAI's official clients against the real host: a backend and models whose answers one can follow by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};
use tidegate_e2e::{Host, Node, OpenAi, OpenAiLibrary, components, fixtures, free_address, grant};

/// Words in the order of their numbers: `.` and `?`, then as they come here. After `tick` it never ends.
const TIDES: &str = "BIGRAM\nwhen high 3\nwhen low 1\nhigh water 4\nlow water 4\nwater at 4\nat noon 2\nat . 1\n\
                     noon . 2\ntick tock 1\ntock tick 1\n";

/// A node with the protocol, the backend `bigram`, and signed models: `tides`, and `lost`, whose format no backend reads.
struct Site {
    node: Node,
    host: Host,
}

impl Site {
    fn new() -> Self {
        Self::with("", "")
    }

    /// `clients`: lines of the policy; `config`: the configuration file.
    fn with(clients: &str, config: &str) -> Self {
        let node = Node::empty().unwrap();
        node.add(&components().unwrap().join("protocol-openai.wasm")).unwrap();
        node.add(&fixtures().unwrap().join("bigram.wasm")).unwrap();
        let grants = [
            grant("protocol-openai", "gateway = true\nmodels = [\"*\"]"),
            grant("bigram", "limits = { memory = \"64MiB\" }"),
        ];
        let policy = format!(
            "version = 1\n\n[signers.tests]\npublic-key-file = \"tests.pub\"\nroles = [\"component\", \"model\"]\n\n{}{clients}",
            grants.concat()
        );
        std::fs::write(node.path("policy.toml"), policy).unwrap();
        std::fs::write(node.path("tidegate.toml"), config).unwrap();
        let file = node.path("tidegate.toml");
        let prepare = |command: &mut std::process::Command| {
            command.arg("--config").arg(&file);
        };
        let host = node.serve_at(free_address().unwrap(), prepare).unwrap();
        let site = Self { node, host };
        site.add_model("tides", "bigram");
        site.add_model("lost", "other");
        site
    }

    fn add_model(&self, name: &str, format: &str) {
        let folder = self.node.path(name);
        std::fs::create_dir(&folder).unwrap();
        let manifest = format!(
            "name = \"{name}\"\nversion = \"1.0.0\"\nformat = \"{format}\"\nlicence = \"Apache-2.0\"\nfiles = [\"words\"]\n"
        );
        std::fs::write(folder.join("model.toml"), manifest).unwrap();
        std::fs::write(folder.join("words"), TIDES).unwrap();
        let (folder, key) = (folder.display().to_string(), self.node.path("tests.key").display().to_string());
        self.node.tidegate(&["sign", "--key", &key, &folder]).unwrap();
        let (state, policy) = (self.shown("state"), self.shown("policy.toml"));
        self.node.tidegate(&["model", "add", &folder, "--state", &state, "--policy", &policy]).unwrap();
    }

    fn shown(&self, name: &str) -> String {
        self.node.path(name).display().to_string()
    }

    fn client(&self, library: OpenAiLibrary) -> OpenAi {
        OpenAi::start(library, &self.host, "unused").unwrap()
    }
}

/// A chat about `say`, and more parameters.
fn chat(say: &str, more: &Value) -> Value {
    let mut with = json!({"model": "tides", "messages": [{"role": "user", "content": say}]});
    for (name, value) in more.as_object().unwrap() {
        with[name] = value.clone();
    }
    json!({"do": "chat", "with": with})
}

fn close_to(numbers: &Value, wanted: &[f64]) {
    let numbers: Vec<f64> = numbers.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect();
    assert_eq!(numbers.len(), wanted.len(), "{numbers:?}");
    let far = numbers.iter().zip(wanted).any(|(one, other)| (one - other).abs() > 1e-6);
    assert!(!far, "{numbers:?} for {wanted:?}");
}

fn models_are_listed(library: OpenAiLibrary) {
    let site = Site::new();
    let mut client = site.client(library);
    assert_eq!(client.step(&json!({"do": "models"})).unwrap()["models"], json!(["lost", "tides"]));
    let one = client.step(&json!({"do": "model", "id": "tides"})).unwrap();
    assert_eq!((&one["result"]["id"], &one["result"]["object"]), (&json!("tides"), &json!("model")), "{one}");
    assert_eq!(one["result"]["tidegate"]["licence"], "Apache-2.0");
    let none = client.step(&json!({"do": "model", "id": "gpt-4"})).unwrap();
    assert_eq!((&none["error"]["class"], &none["error"]["code"]), (&json!("NotFoundError"), &json!("model_not_found")));
    client.close().unwrap();
}

fn chats_are_answered_whole(library: OpenAiLibrary) {
    let site = Site::new();
    let mut client = site.client(library);
    let answer = client.step(&chat("when", &json!({"temperature": 0, "logprobs": true}))).unwrap();
    let choice = &answer["result"]["choices"][0];
    assert_eq!(choice["message"]["content"], "high water at noon", "{answer}");
    assert_eq!((&choice["message"]["role"], &choice["finish_reason"]), (&json!("assistant"), &json!("stop")));
    let usage = &answer["result"]["usage"];
    let counts = ["prompt_tokens", "completion_tokens", "total_tokens"].map(|name| usage[name].as_u64().unwrap());
    assert_eq!(counts, [1, 4, 5]);
    assert_eq!(usage["ran"], "sandboxed");
    // 3 of 4, 4 of 4, 4 of 4, 2 of 3.
    let tokens = choice["logprobs"]["content"].as_array().unwrap();
    let said: Vec<_> = tokens.iter().map(|token| token["token"].as_str().unwrap()).collect();
    assert_eq!(said, ["high", "water", "at", "noon"]);
    let logprobs: Value = tokens.iter().map(|token| token["logprob"].clone()).collect();
    close_to(&logprobs, &[0.75_f64.ln(), 0.0, 0.0, (2.0_f64 / 3.0).ln()]);

    let cut = client.step(&chat("when", &json!({"max_completion_tokens": 2}))).unwrap();
    let choice = &cut["result"]["choices"][0];
    assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&json!("high water"), &json!("length")));
    let stopped = client.step(&chat("when", &json!({"stop": ["noon"]}))).unwrap();
    let choice = &stopped["result"]["choices"][0];
    assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&json!("high water at"), &json!("stop")));
    // The same seed, the same text.
    let seeded = chat("when", &json!({"temperature": 1, "seed": 5}));
    let texts = [(); 2].map(|()| client.step(&seeded).unwrap()["result"]["choices"][0]["message"]["content"].clone());
    assert_eq!(texts[0], texts[1]);
    client.close().unwrap();
}

fn chats_are_streamed(library: OpenAiLibrary) {
    let site = Site::new();
    let mut client = site.client(library);
    let more = json!({"stream": true, "stream_options": {"include_usage": true}});
    let answer = client.step(&chat("when", &more)).unwrap();
    assert_eq!(answer["pieces"], json!(["high", " water", " at", " noon"]), "{answer}");
    assert_eq!((&answer["finish"], &answer["usage"]["total_tokens"]), (&json!("stop"), &json!(5)));
    assert_eq!(answer["chunks"], 7, "who speaks, four pieces, the end, usage");
    client.close().unwrap();
}

/// The model has one text at a time, and this one would never end: the next answer shows that it was dropped.
fn a_client_that_leaves_frees_the_model(library: OpenAiLibrary) {
    let site = Site::new();
    let mut client = site.client(library);
    let mut endless = chat("tick", &json!({"stream": true}));
    endless["leave_after"] = json!(5);
    let left = client.step(&endless).unwrap();
    assert_eq!(left, json!({"left": true, "pieces": ["tock", " tick", " tock", " tick"]}));
    let answer = client.step(&chat("when", &json!({}))).unwrap();
    assert_eq!(answer["result"]["choices"][0]["message"]["content"], "high water at noon", "{answer}");
    client.close().unwrap();
    let audit = std::fs::read_to_string(site.node.path("state/audit.jsonl")).unwrap();
    assert!(audit.contains("\"cancelled\""), "{audit}");
}

fn texts_go_on(library: OpenAiLibrary) {
    let site = Site::new();
    let mut client = site.client(library);
    let with = |more: &Value| {
        let mut with = json!({"model": "tides", "prompt": "when"});
        for (name, value) in more.as_object().unwrap() {
            with[name] = value.clone();
        }
        json!({"do": "complete", "with": with})
    };
    let answer = client.step(&with(&json!({}))).unwrap();
    assert_eq!(answer["result"]["choices"][0]["text"], "high water at noon", "{answer}");
    // `when` has the number 2.
    let answer = client.step(&with(&json!({"prompt": [2], "max_tokens": 1, "logprobs": 0}))).unwrap();
    let choice = &answer["result"]["choices"][0];
    assert_eq!((&choice["text"], &choice["logprobs"]["tokens"]), (&json!("high"), &json!(["high"])), "{answer}");
    let answer = client.step(&with(&json!({"prompt": "tick", "stream": true}))).unwrap();
    assert_eq!(answer["pieces"].as_array().unwrap().len(), 16, "so long is a text of which nothing is said");
    assert_eq!(answer["finish"], "length");
    client.close().unwrap();
}

fn embeddings_are_right(library: OpenAiLibrary) {
    let site = Site::new();
    let mut client = site.client(library);
    // `. ? when high low water at noon tick tock`: one `high`, two `water`, scaled to length 1.
    let (one, two) = (1.0 / 5.0_f64.sqrt(), 2.0 / 5.0_f64.sqrt());
    let wanted = [0.0, 0.0, 0.0, one, 0.0, two, 0.0, 0.0, 0.0, 0.0];
    for more in [
        // What the library chooses by itself is base64, which it reads; what is asked for comes as it is.
        json!({"input": "high water water"}),
        json!({"input": "high water water", "encoding_format": "float"}),
        json!({"input": [3, 5, 5]}),
        json!({"input": ["high water water"]}),
    ] {
        let mut with = json!({"model": "tides"});
        for (name, value) in more.as_object().unwrap() {
            with[name] = value.clone();
        }
        let answer = client.step(&json!({"do": "embed", "with": with})).unwrap();
        close_to(&answer["result"]["data"][0]["embedding"], &wanted);
        assert_eq!(answer["result"]["usage"]["prompt_tokens"], 3);
    }
    let base64 = json!({"model": "tides", "input": ["high", "at"], "encoding_format": "base64"});
    let answer = client.step(&json!({"do": "embed", "with": base64})).unwrap();
    // Ten f32, little-endian: the seventh is 1.0, 0x3f800000.
    let wanted = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACAPwAAAAAAAAAAAAAAAA==";
    assert_eq!(answer["result"]["data"][1]["embedding"], wanted, "{answer}");
    client.close().unwrap();
}

fn errors_are_those_of_the_library(library: OpenAiLibrary) {
    let site = Site::new();
    let mut client = site.client(library);
    let schema = json!({"type": "json_schema", "json_schema": {"name": "t", "schema": {"type": "object"}}});
    let rows = [
        (json!({"model": "gpt-4"}), "NotFoundError", 404, "model_not_found", "model"),
        (json!({"temperature": 3}), "BadRequestError", 400, "invalid_value", "temperature"),
        (json!({"n": 2}), "BadRequestError", 400, "unsupported_parameter", "n"),
        (json!({"response_format": schema}), "BadRequestError", 400, "unsupported_parameter", "response_format"),
        (json!({"stream": true, "top_p": 7}), "BadRequestError", 400, "invalid_value", "top_p"),
    ];
    for (more, class, status, code, param) in rows {
        let error = client.step(&chat("when", &more)).unwrap()["error"].clone();
        let found = ["class", "status", "code", "param"].map(|name| error[name].clone());
        assert_eq!(found, [json!(class), json!(status), json!(code), json!(param)], "{error}");
        assert_eq!(error["type"], "invalid_request_error");
    }
    let error = client.step(&chat("when", &json!({"model": "lost"}))).unwrap()["error"].clone();
    let found = ["class", "status", "code", "type", "retry"].map(|name| error[name].clone());
    let wanted = ["InternalServerError", "", "no_backend", "server_error", "false"].map(|text| json!(text));
    assert_eq!((&found[0], &found[2..]), (&wanted[0], &wanted[2..]), "{error}");
    assert_eq!(found[1], 503);
    let embed = json!({"do": "embed", "with": {"model": "tides", "input": "at", "dimensions": 3}});
    assert_eq!(client.step(&embed).unwrap()["error"]["param"], "dimensions");
    client.close().unwrap();
}

macro_rules! both_libraries {
    ($($name:ident)*) => {
        mod python { $( #[test] fn $name() { super::$name(super::OpenAiLibrary::Python); } )* }
        mod javascript { $( #[test] fn $name() { super::$name(super::OpenAiLibrary::JavaScript); } )* }
    };
}

both_libraries! {
    models_are_listed
    chats_are_answered_whole
    chats_are_streamed
    a_client_that_leaves_frees_the_model
    texts_go_on
    embeddings_are_right
    errors_are_those_of_the_library
}

#[test]
fn clients_use_the_models_that_their_lines_name() {
    let clients = "[[client]]\nkey = \"laptop\"\nmodels = [\"protocol-openai/tid*\"]\n\n\
                   [[client]]\nkey = \"phone\"\ntools = [\"*\"]\n";
    let site = Site::with(clients, "[access]\nkeys = true\n");
    let state = site.shown("state");
    let key =
        |name: &str| site.node.tidegate(&["access", "add-key", name, "--state", &state]).unwrap().trim().to_owned();
    let client = |key: &str| OpenAi::start(OpenAiLibrary::Python, &site.host, key).unwrap();

    let mut laptop = client(&key("laptop"));
    assert_eq!(laptop.step(&json!({"do": "models"})).unwrap()["models"], json!(["tides"]));
    let answer = laptop.step(&chat("when", &json!({}))).unwrap();
    assert_eq!(answer["result"]["choices"][0]["message"]["content"], "high water at noon", "{answer}");
    assert_eq!(laptop.step(&chat("when", &json!({"model": "lost"}))).unwrap()["error"]["status"], 404);

    let mut phone = client(&key("phone"));
    assert_eq!(phone.step(&json!({"do": "models"})).unwrap()["models"], json!([]));
    assert_eq!(phone.step(&chat("when", &json!({}))).unwrap()["error"]["status"], 404);
    assert_eq!(client("tg_nobody").step(&json!({"do": "models"})).unwrap()["error"]["status"], 401);

    let audit = std::fs::read_to_string(site.node.path("state/audit.jsonl")).unwrap();
    let events: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |event: &str, principal: &str| {
        events.iter().any(|one| {
            let text = one.to_string();
            text.contains(event) && text.contains(principal)
        })
    };
    assert!(of("model-used", "key:laptop") && !of("model-used", "key:phone"), "{audit}");
    assert!(of("forbidden", "key:laptop") && of("forbidden", "key:phone"), "{audit}");
}
