//! Tools and their schemas, from the descriptions of models.

use serde_json::{Value, json};

use crate::Usable;
use crate::answer::ANOMALY;
use crate::bindings::tidegate::model::types::{Capabilities, Dimension, Element, Port};
use crate::bindings::tidegate::types::tools::{Annotations, TaskSupport, Tool};

/// Every tool that one of the models is good for.
pub(crate) fn tools(models: &[Usable]) -> Vec<Tool> {
    let able = |flag: Capabilities| -> Vec<&Usable> {
        models.iter().filter(|model| model.description.capabilities.contains(flag)).collect()
    };
    let mut tools = Vec::new();
    let embed = able(Capabilities::EMBED);
    if !embed.is_empty() {
        tools.push(embed_text(&embed));
    }
    let classify = able(Capabilities::CLASSIFY);
    if !classify.is_empty() {
        tools.push(classify_tool(&classify));
    }
    let generate = able(Capabilities::GENERATE);
    if !generate.is_empty() {
        tools.push(generate_tool(&generate));
    }
    let infer = able(Capabilities::INFER);
    if !infer.is_empty() {
        tools.push(infer_tool(&infer));
    }
    let anomaly: Vec<_> = infer.into_iter().filter(|model| is_for_anomalies(model)).collect();
    if !anomaly.is_empty() {
        tools.push(anomaly_tool(&anomaly));
    }
    tools
}

/// A model that is labelled so gives its input back as well as it can: what it cannot give back is unusual.
fn is_for_anomalies(model: &Usable) -> bool {
    model.summary.labels.iter().any(|(key, label)| key == "task" && label == ANOMALY)
}

fn embed_text(models: &[&Usable]) -> Tool {
    let lengths = each(models, |model| model.description.embedding_length.map(|length| format!("{length} numbers")));
    tool(
        "embed_text",
        "Embed text",
        format!(
            "Turns texts into vectors for search and comparison: texts that mean the like have vectors that point the like. {lengths}"
        ),
        models,
        json!({
            "texts": { "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": 256,
                       "description": "What to embed." },
            "normalize": { "type": "boolean", "default": true, "description": "Scale each vector to length 1." },
        }),
        &["texts"],
    )
}

fn classify_tool(models: &[&Usable]) -> Tool {
    let labels = each(models, |model| {
        let labels = &model.description.labels;
        (!labels.is_empty()).then(|| labels.iter().take(64).cloned().collect::<Vec<_>>().join(", "))
    });
    tool(
        "classify",
        "Classify",
        format!("Says which classes a text, or inputs of the model, belong to, best first. {labels}"),
        models,
        json!({
            "text": { "type": "string", "description": "The text. Leave it out to give `inputs`." },
            "inputs": inputs(models),
            "top": { "type": "integer", "minimum": 0, "maximum": 10_000, "default": 5, "description": "How many classes; 0: all." },
        }),
        &[],
    )
}

fn generate_tool(models: &[&Usable]) -> Tool {
    let about = each(models, |model| model.summary.description.clone());
    let has = |flag| models.iter().any(|model| model.description.capabilities.contains(flag));
    let mut properties = json!({
        "prompt": { "type": "string", "description": "What the text goes on from." },
        "max_tokens": { "type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 256, "description": "Longest answer in tokens." },
        "stop": { "type": "array", "items": { "type": "string", "minLength": 1, "maxLength": 256 }, "maxItems": 16,
                  "description": "The text ends before any of these." },
        "temperature": { "type": "number", "minimum": 0, "maximum": 10, "description": "0: always the likeliest token." },
        "top_k": { "type": "integer", "minimum": 0, "maximum": 1_000_000, "description": "Choose among so many likeliest tokens; 0: all." },
        "top_p": { "type": "number", "minimum": 0, "maximum": 1, "description": "Choose among the likeliest tokens of this probability." },
        "repetition_penalty": { "type": "number", "minimum": 0.01, "maximum": 10, "description": "1: none." },
        "seed": { "type": "integer", "minimum": 0, "description": "The same seed gives the same text." },
    });
    if let Some(properties) = properties.as_object_mut() {
        if has(Capabilities::CHAT) {
            let message = json!({ "type": "object", "required": ["role", "content"], "additionalProperties": false,
                "properties": { "role": { "enum": ["system", "user", "assistant", "tool"] }, "content": { "type": "string" } } });
            let about = "A conversation, in place of `prompt`.";
            properties.insert(
                "messages".to_owned(),
                json!({ "type": "array", "items": message, "minItems": 1, "maxItems": 1_000, "description": about }),
            );
        }
        if has(Capabilities::JSON_CONSTRAINT) {
            let about = "The text is JSON that is valid under this JSON Schema.";
            properties.insert("json_schema".to_owned(), json!({ "type": "object", "description": about }));
        }
        if has(Capabilities::GRAMMAR_CONSTRAINT) {
            let about = "The text is one of this grammar, in the notation of GGML (GBNF).";
            properties.insert("grammar".to_owned(), json!({ "type": "string", "description": about }));
        }
    }
    let about =
        format!("Generates text with a model of this node; the text so far is reported while it grows. {about}");
    tool("generate", "Generate text", about, models, properties, &[])
}

fn infer_tool(models: &[&Usable]) -> Tool {
    let ports = each(models, |model| {
        let list = |ports: &[Port]| ports.iter().map(words).collect::<Vec<_>>().join(", ");
        Some(format!("takes {}, gives {}", list(&model.description.inputs), list(&model.description.outputs)))
    });
    let names = json!({ "type": "array", "items": { "type": "string" }, "maxItems": 256, "description": "Which outputs; without: all." });
    tool(
        "infer",
        "Run a model",
        format!("Computes outputs of a model from its inputs, as nested arrays of numbers. {ports}"),
        models,
        json!({ "inputs": inputs(models), "outputs": names }),
        &["inputs"],
    )
}

fn anomaly_tool(models: &[&Usable]) -> Tool {
    let about = each(models, |model| model.summary.description.clone());
    tool(
        "detect_anomaly",
        "Detect an anomaly",
        format!("Says how unusual values are: the mean square of what the model cannot give back of them. {about}"),
        models,
        json!({
            "values": { "type": "array", "items": { "type": "number" }, "minItems": 1, "maxItems": 1_000_000,
                        "description": "One set of values, in the model's order." },
            "threshold": { "type": "number", "minimum": 0, "description": "Beyond it values are unusual; without: the model's own." },
        }),
        &["values"],
    )
}

/// The schema of `inputs`: exact where there is one model, else any.
fn inputs(models: &[&Usable]) -> Value {
    let [only] = models else {
        return json!({ "type": "object", "description": "Tensors by name: nested arrays of numbers." });
    };
    let ports = &only.description.inputs;
    let properties = ports.iter().map(|port| (port.name.clone(), nested(port))).collect::<serde_json::Map<_, _>>();
    let required: Vec<_> = ports.iter().map(|port| port.name.clone()).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// The schema of a tensor as nested arrays.
fn nested(port: &Port) -> Value {
    let mut schema = match port.element {
        Element::Boolean => json!({ "type": "boolean" }),
        Element::F32 | Element::F16 | Element::Bf16 | Element::F64 => json!({ "type": "number" }),
        _ => json!({ "type": "integer" }),
    };
    for dimension in port.shape.iter().rev() {
        schema = match dimension {
            Dimension::Fixed(length) => {
                json!({ "type": "array", "items": schema, "minItems": length, "maxItems": length })
            }
            Dimension::Dynamic(name) if name.is_empty() => json!({ "type": "array", "items": schema }),
            Dimension::Dynamic(name) => json!({ "type": "array", "items": schema, "description": name }),
        };
    }
    schema
}

/// A port in words: `x f32 [rows, 4]`.
fn words(port: &Port) -> String {
    let shape: Vec<_> = port
        .shape
        .iter()
        .map(|dimension| match dimension {
            Dimension::Fixed(length) => length.to_string(),
            Dimension::Dynamic(name) if name.is_empty() => "?".to_owned(),
            Dimension::Dynamic(name) => name.clone(),
        })
        .collect();
    let element = format!("{:?}", port.element).to_lowercase();
    format!("{} {} [{}]", port.name, element.trim_start_matches("element::"), shape.join(", "))
}

/// What is to be said of each model: `name: words.`
fn each(models: &[&Usable], words: impl Fn(&Usable) -> Option<String>) -> String {
    let said = models
        .iter()
        .filter_map(|model| Some(format!("{}: {}.", model.summary.name, words(model)?.trim_end_matches('.'))));
    said.collect::<Vec<_>>().join(" ")
}

/// A tool over some models: `model` says which, where there is a choice.
fn tool(
    name: &str,
    title: &str,
    description: String,
    models: &[&Usable],
    mut properties: Value,
    required: &[&str],
) -> Tool {
    let names: Vec<_> = models.iter().map(|model| model.summary.name.clone()).collect();
    if let (Some(properties), Some(first)) = (properties.as_object_mut(), names.first()) {
        let about = "Which model.";
        properties.insert("model".to_owned(), json!({ "enum": names, "default": first, "description": about }));
    }
    let schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    Tool {
        name: name.to_owned(),
        title: Some(title.to_owned()),
        description: description.trim_end().to_owned(),
        input_schema: schema.to_string(),
        output_schema: None,
        annotations: Some(Annotations {
            title: None,
            read_only: Some(true),
            destructive: Some(false),
            idempotent: Some(name != "generate"),
            open_world: Some(false),
        }),
        icons: Vec::new(),
        task: if name == "generate" { TaskSupport::Optional } else { TaskSupport::Forbidden },
        meta: None,
    }
}
