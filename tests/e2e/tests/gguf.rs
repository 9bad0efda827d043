//! A language model in GGUF, computed by the shipped backend in the real host: what clients get is what llama.cpp says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tidegate_e2e::{Node, OpenAi, OpenAiLibrary, components, grant};

const PROMPT: &str = "Every component is";
/// What llama.cpp goes on with, greedily: `runs[0].greedy` of the goldens as text.
const GREEDY: &str = " asurs. The line, and the log | 3 |\n| key | 32564 164 | 164 | 164 |";

fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/llama/tiny")
}

/// A node with the shipped components that know models, and the tiny model in two variants.
fn node() -> Node {
    let node = Node::empty().unwrap();
    for name in ["protocol-openai", "model-gguf", "tool-models"] {
        node.add(&components().unwrap().join(name).with_extension("wasm")).unwrap();
    }
    let grants = [
        grant("protocol-openai", "gateway = true\nmodels = [\"tiny\"]"),
        grant("tool-models", "models = [\"tiny\"]"),
        grant("model-gguf", "limits = { memory = \"256MiB\", deadline = \"1m\" }"),
    ];
    let policy =
        "version = 1\n\n[signers.tests]\npublic-key-file = \"tests.pub\"\nroles = [\"component\", \"model\"]\n\n";
    std::fs::write(node.path("policy.toml"), [policy, &grants.concat()].concat()).unwrap();

    let folder = node.path("tiny");
    std::fs::create_dir(&folder).unwrap();
    let mut manifest = "name = \"tiny\"\nversion = \"1.0.0\"\nformat = \"gguf\"\nlicence = \"Apache-2.0\"\n".to_owned();
    for kind in ["q8_0", "q4_0"] {
        let file = format!("tiny-{kind}.gguf");
        std::fs::copy(tiny().join(&file), folder.join(&file)).unwrap();
        manifest += &format!("\n[[variants]]\nname = \"{}\"\nfiles = [\"{file}\"]\n", kind.replace('_', "-"));
    }
    std::fs::write(folder.join("model.toml"), manifest).unwrap();
    let shown = |name: &str| node.path(name).display().to_string();
    node.tidegate(&["sign", "--key", &shown("tests.key"), &shown("tiny")]).unwrap();
    let (state, policy) = (shown("state"), shown("policy.toml"));
    node.tidegate(&["model", "add", &shown("tiny"), "--state", &state, "--policy", &policy]).unwrap();
    node
}

#[test]
fn a_model_says_to_clients_what_llama_cpp_says() {
    let node = node();
    let host = node.serve().unwrap();
    let mut client = OpenAi::start(OpenAiLibrary::Python, &host, "unused").unwrap();

    let greedy = json!({"model": "tiny", "prompt": PROMPT, "temperature": 0, "max_tokens": 48});
    let answer = client.step(&json!({"do": "complete", "with": greedy})).unwrap();
    assert_eq!(answer["result"]["choices"][0]["text"], GREEDY, "{answer}");
    assert_eq!(answer["result"]["usage"]["ran"], "sandboxed");

    // Two integers whatever the model would like to say, by a schema.
    let schema = json!({"type": "object", "additionalProperties": false, "required": ["high", "low"],
        "properties": {"high": {"type": "integer"}, "low": {"type": "integer"}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "tide", "schema": schema}});
    let chat = json!({"model": "tiny", "messages": [{"role": "user", "content": "tides?"}], "temperature": 0,
        "max_tokens": 150, "response_format": format});
    let answer = client.step(&json!({"do": "chat", "with": chat})).unwrap();
    let text = answer["result"]["choices"][0]["message"]["content"].as_str().unwrap();
    let said: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {answer}"));
    assert!(said["high"].is_i64() && said["low"].is_i64() && said.as_object().unwrap().len() == 2, "{said}");

    let embed = json!({"model": "tiny", "input": PROMPT, "encoding_format": "float"});
    let answer = client.step(&json!({"do": "embed", "with": embed})).unwrap();
    let ours = numbers(&answer["result"]["data"][0]["embedding"]);
    let goldens: Value = serde_json::from_slice(&std::fs::read(tiny().join("tiny-goldens.json")).unwrap()).unwrap();
    let theirs = numbers(&goldens["models"]["q8_0"]["embedding"]);
    let (length, dot) = (|of: &[f64]| dot(of, of).sqrt(), dot(&ours, &theirs));
    assert!(dot / (length(&ours) * length(&theirs)) > 0.9999, "{answer}");
    client.close().unwrap();
    host.stop().unwrap();
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap_or_else(|| panic!("no list: {list}")).iter().map(|number| number.as_f64().unwrap()).collect()
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}
