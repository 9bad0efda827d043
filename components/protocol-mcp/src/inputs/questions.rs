//! Questions as JSON.

use crate::bindings::tidegate::types::content::Content;
use crate::bindings::tidegate::types::event::ClientFeatures;
use crate::bindings::tidegate::types::input::{
    Message, MessageContent, NamedQuestion, Question, Questions, Sample, ToolChoice,
};
use crate::content;
use crate::errors::{MISSING_CAPABILITY, RpcError};
use crate::json::Writer;
use crate::revision::{NEWEST, Revision};

/// The error for questions that the client has not said it can answer; it names what is missing.
pub(crate) fn missing(questions: &Questions, features: ClientFeatures) -> Option<RpcError> {
    let needed = questions.questions.iter().fold(ClientFeatures::empty(), |all, one| {
        all | match &one.question {
            Question::Form(_) => ClientFeatures::ELICIT_FORM,
            Question::Visit(_) => ClientFeatures::ELICIT_URL,
            Question::Sample(sample) if sample.tools.is_empty() => ClientFeatures::SAMPLING,
            Question::Sample(_) => ClientFeatures::SAMPLING | ClientFeatures::SAMPLING_TOOLS,
            Question::Roots => ClientFeatures::ROOTS,
        }
    });
    let missing = needed & !features;
    if missing.is_empty() {
        return None;
    }
    let mut data = Writer::default();
    data.begin_object().key("requiredCapabilities").begin_object();
    let mut names = Vec::new();
    if missing.intersects(ClientFeatures::ELICIT_FORM | ClientFeatures::ELICIT_URL) {
        names.push("elicitation");
        data.key("elicitation").begin_object();
        for (name, feature) in [("form", ClientFeatures::ELICIT_FORM), ("url", ClientFeatures::ELICIT_URL)] {
            if missing.contains(feature) {
                data.key(name).raw("{}");
            }
        }
        data.end_object();
    }
    if missing.intersects(ClientFeatures::SAMPLING | ClientFeatures::SAMPLING_TOOLS) {
        names.push("sampling");
        let tools = missing.contains(ClientFeatures::SAMPLING_TOOLS);
        data.key("sampling").raw(if tools { "{\"tools\":{}}" } else { "{}" });
    }
    if missing.contains(ClientFeatures::ROOTS) {
        names.push("roots");
        data.key("roots").raw("{}");
    }
    data.end_object().end_object();
    let message = format!("the call must ask what the client did not say it can answer: `{}`", names.join("`, `"));
    Some(RpcError::new(MISSING_CAPABILITY, message).data(data.finish()).status(400))
}

/// All questions as an object of requests.
pub(crate) fn requests(questions: &Questions, revision: &Revision) -> String {
    let mut writer = Writer::with_capacity(512);
    writer.begin_object();
    for one in &questions.questions {
        writer.key(&one.id).begin_object();
        question(&mut writer, one, revision);
        writer.end_object();
    }
    writer.end_object();
    writer.finish()
}

/// The members `method` and `params` of a question.
pub(crate) fn question(writer: &mut Writer, named: &NamedQuestion, revision: &Revision) {
    match &named.question {
        Question::Form(form) => {
            writer.field("method", "elicitation/create").key("params").begin_object();
            if revision.lenient_arguments {
                // `mode` came with the second kind of elicitation, in the same revision.
                writer.field("mode", "form");
            }
            writer.field("message", &form.message).key("requestedSchema").raw(&form.schema).end_object();
        }
        Question::Visit(visit) => {
            writer.field("method", "elicitation/create").key("params").begin_object().field("mode", "url");
            writer.field("message", &visit.message).field("url", &visit.url);
            if !revision.is_modern() {
                writer.field("elicitationId", &named.id);
            }
            writer.end_object();
        }
        Question::Sample(sample) => {
            writer.field("method", "sampling/createMessage").key("params").begin_object();
            sample_members(writer, sample);
            writer.end_object();
        }
        Question::Roots => {
            writer.field("method", "roots/list").key("params").raw("{}");
        }
    }
}

fn sample_members(writer: &mut Writer, sample: &Sample) {
    writer.key("messages").begin_array();
    for one in &sample.messages {
        message(writer, one);
    }
    writer.end_array().key("maxTokens").integer(sample.max_tokens);
    writer.maybe("systemPrompt", sample.system_prompt.as_deref());
    if let Some(temperature) = sample.temperature {
        writer.key("temperature").number(temperature);
    }
    if !sample.stop_sequences.is_empty() {
        writer.key("stopSequences").begin_array();
        for sequence in &sample.stop_sequences {
            writer.string(sequence);
        }
        writer.end_array();
    }
    if let Some(wish) = &sample.preferences {
        writer.key("modelPreferences").begin_object().key("hints").begin_array();
        for hint in &wish.hints {
            writer.begin_object().field("name", hint).end_object();
        }
        writer.end_array();
        let weights =
            [("costPriority", wish.cost), ("speedPriority", wish.speed), ("intelligencePriority", wish.intelligence)];
        for (name, weight) in weights {
            if let Some(weight) = weight {
                writer.key(name).number(weight);
            }
        }
        writer.end_object();
    }
    if !sample.tools.is_empty() {
        writer.key("tools").begin_array();
        for tool in &sample.tools {
            writer.begin_object().field("name", &tool.name).maybe("description", tool.description.as_deref());
            writer.key("inputSchema").raw(&tool.input_schema).end_object();
        }
        writer.end_array();
    }
    if let Some(choice) = sample.tool_choice {
        let mode = match choice {
            ToolChoice::Auto => "auto",
            ToolChoice::Required => "required",
            ToolChoice::None => "none",
        };
        writer.key("toolChoice").begin_object().field("mode", mode).end_object();
    }
    writer.maybe_raw("metadata", sample.metadata.as_deref());
}

fn message(writer: &mut Writer, message: &Message) {
    writer.begin_object().field("role", content::role(message.role)).key("content");
    // One block stands alone: clients from before sampling with tools know no arrays.
    match message.content.as_slice() {
        [one] => block(writer, one),
        several => {
            writer.begin_array();
            for one in several {
                block(writer, one);
            }
            writer.end_array();
        }
    }
    writer.end_object();
}

fn block(writer: &mut Writer, part: &MessageContent) {
    match part {
        MessageContent::Text(text) => content::content(writer, &Content::Text(text.clone()), &NEWEST),
        MessageContent::Image(image) => content::media(writer, "image", image),
        MessageContent::Audio(audio) => content::media(writer, "audio", audio),
        MessageContent::ToolUse(one) => {
            writer.begin_object().field("type", "tool_use").field("id", &one.id).field("name", &one.name);
            writer.key("input").raw(&one.arguments).end_object();
        }
        MessageContent::ToolAnswer(one) => {
            writer.begin_object().field("type", "tool_result").field("toolUseId", &one.id).key("content").begin_array();
            for inner in &one.content {
                content::content(writer, inner, &NEWEST);
            }
            writer.end_array().maybe_raw("structuredContent", one.structured.as_deref());
            writer.key("isError").boolean(one.is_error).end_object();
        }
    }
}
