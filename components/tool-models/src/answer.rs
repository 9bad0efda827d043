//! What the tools answer. What a model refuses is an answer too: the client's model should see it.

use serde_json::{Value, json};

use crate::arguments::{self, Anomaly, Classify, Embed, Infer};
use crate::bindings::tidegate::model::models::{self, Failure};
use crate::bindings::tidegate::model::types::{Capabilities, EmbedOptions, Error, Port, Shortage, Subject, Usage};
use crate::bindings::tidegate::types::content::{Content, Text};
use crate::bindings::tidegate::types::tools::Output;
use crate::tensor;

/// The label of models that find what is unusual: `task = "anomaly"`.
pub(crate) const ANOMALY: &str = "anomaly";

pub(crate) fn embed(text: &str) -> Result<Output, String> {
    let arguments: Embed = arguments::read(text)?;
    let model = arguments::model(arguments.model, Capabilities::EMBED)?;
    let options = EmbedOptions { normalize: arguments.normalize, dimensions: None, truncate: false };
    Ok(match models::embed(&model, &arguments.texts, options) {
        Ok(embeddings) => {
            let length = embeddings.vectors.first().map_or(0, Vec::len);
            let value = json!({ "model": model, "dimensions": length, "vectors": embeddings.vectors, "usage": usage(&embeddings.usage) });
            done(value.to_string(), value)
        }
        Err(failure) => failed(&failure),
    })
}

pub(crate) fn classify(text: &str) -> Result<Output, String> {
    let arguments: Classify = arguments::read(text)?;
    let model = arguments::model(arguments.model, Capabilities::CLASSIFY)?;
    let subject = match (arguments.text, arguments.inputs) {
        (Some(text), None) => Subject::Text(text),
        (None, Some(inputs)) => Subject::Tensors(tensor::inputs(&inputs, &ports(&model))?),
        _ => return Err("give either `text` or `inputs`".to_owned()),
    };
    Ok(match models::classify(&model, &subject, arguments.top) {
        Ok(found) => {
            let classes: Vec<_> =
                found.classes.iter().map(|class| json!({ "label": class.label, "score": class.score })).collect();
            let lines: Vec<_> = found.classes.iter().map(|class| format!("{} {}", class.label, class.score)).collect();
            done(lines.join("\n"), json!({ "model": model, "classes": classes, "usage": usage(&found.usage) }))
        }
        Err(failure) => failed(&failure),
    })
}

pub(crate) fn infer(text: &str) -> Result<Output, String> {
    let arguments: Infer = arguments::read(text)?;
    let model = arguments::model(arguments.model, Capabilities::INFER)?;
    let inputs = tensor::inputs(&arguments.inputs, &ports(&model))?;
    Ok(match models::infer(&model, &inputs, &arguments.outputs) {
        Ok(found) => {
            let outputs: serde_json::Map<_, _> =
                found.outputs.iter().map(|output| (output.name.clone(), tensor::output(output))).collect();
            let value = json!({ "model": model, "outputs": outputs, "usage": usage(&found.usage) });
            done(value.to_string(), value)
        }
        Err(failure) => failed(&failure),
    })
}

pub(crate) fn detect_anomaly(text: &str) -> Result<Output, String> {
    let arguments: Anomaly = arguments::read(text)?;
    let found = crate::usable().into_iter().find(|model| match &arguments.model {
        Some(named) => model.summary.name == *named,
        None => model.summary.labels.iter().any(|(key, label)| key == "task" && label == ANOMALY),
    });
    let found = found.ok_or("no model here finds what is unusual")?;
    let (model, input) = (found.summary.name, found.description.inputs.first().ok_or("the model has no input")?);
    // One set of values: whatever dimensions are left open have length 1.
    let mut nested = json!(arguments.values);
    for _ in 1..input.shape.len() {
        nested = json!([nested]);
    }
    let given: serde_json::Map<_, _> = [(input.name.clone(), nested)].into_iter().collect();
    let inputs = tensor::inputs(&given, std::slice::from_ref(input))?;
    let own = found.summary.labels.iter().find(|(key, _)| key == "threshold").and_then(|(_, text)| text.parse().ok());
    let threshold: Option<f64> = arguments.threshold.or(own);
    Ok(match models::infer(&model, &inputs, &[]) {
        Ok(given_back) => {
            let back = given_back.outputs.first().map(tensor::numbers).unwrap_or_default();
            if back.len() != arguments.values.len() {
                return Ok(said(format!(
                    "the model gives {} values back of {}: it finds nothing unusual",
                    back.len(),
                    arguments.values.len()
                )));
            }
            let squares = back.iter().zip(&arguments.values).map(|(back, value)| (back - value).powi(2)).sum::<f64>();
            let score = squares / back.len().max(1) as f64;
            let unusual = threshold.map(|threshold| score > threshold);
            let text = match unusual {
                Some(true) => format!("unusual: {score}"),
                Some(false) => format!("usual: {score}"),
                None => format!("score {score}, and no threshold to compare it with"),
            };
            done(
                text,
                json!({ "model": model, "score": score, "threshold": threshold, "anomaly": unusual, "usage": usage(&given_back.usage) }),
            )
        }
        Err(failure) => failed(&failure),
    })
}

fn ports(model: &str) -> Vec<Port> {
    models::describe(model).map(|description| description.inputs).unwrap_or_default()
}

pub(crate) fn usage(usage: &Usage) -> Value {
    json!({ "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, "ran": usage.ran })
}

pub(crate) fn done(text: String, structured: Value) -> Output {
    Output {
        content: vec![Content::Text(Text { text, annotations: None, meta: None })],
        structured: Some(structured.to_string()),
        is_error: false,
        meta: None,
    }
}

pub(crate) fn failed(failure: &Failure) -> Output {
    said(match failure {
        Failure::NotFound(text) | Failure::NoBackend(text) | Failure::Busy(text) | Failure::Failed(text) => {
            text.clone()
        }
        Failure::DoesNotFit(shortage) => format!("the model does not fit: {}", short(shortage, "bytes of memory")),
        Failure::Refused(error) => refused(error),
    })
}

fn said(text: String) -> Output {
    Output {
        content: vec![Content::Text(Text { text, annotations: None, meta: None })],
        structured: None,
        is_error: true,
        meta: None,
    }
}

fn short(shortage: &Shortage, of: &str) -> String {
    format!("it needs {} {of}, and there are {}", shortage.needed, shortage.available)
}

fn refused(error: &Error) -> String {
    match error {
        Error::UnsupportedFormat(what) => format!("the backend does not read this format: {what}"),
        Error::UnsupportedArchitecture(name) => format!("the backend does not compute the architecture `{name}`"),
        Error::UnsupportedOperator(operator) => {
            format!("the backend has no operator `{}` {}", operator.name, operator.place)
        }
        Error::UnsupportedFeature(what) => format!("the model or its backend cannot do this: {what}"),
        Error::Malformed(defect) => {
            format!("the model's file `{}` is broken in {}: {}", defect.part, defect.place, defect.problem)
        }
        Error::UnknownTensor(name) => format!("the model has no tensor `{name}`"),
        Error::MissingTensor(name) => format!("the input `{name}` is missing"),
        Error::ShapeMismatch(misfit) => {
            format!("the input `{}` takes {:?}, not {:?}", misfit.tensor, misfit.expected.shape, misfit.shape)
        }
        Error::ContextExceeded(shortage) => short(shortage, "tokens"),
        Error::InvalidArgument(text) | Error::Unreadable(text) => text.clone(),
        Error::OutOfMemory(shortage) => short(shortage, "bytes of memory"),
        Error::Cancelled => "it was cancelled".to_owned(),
        Error::Deadline => "it took longer than the backend may".to_owned(),
        Error::Other(text) => format!("the backend failed: {text}"),
    }
}
