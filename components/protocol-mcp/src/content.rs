//! Content and definitions: from WIT values to MCP's JSON, in the words of a revision.

use crate::bindings::tidegate::types::content::{
    Annotations, Body, Content, Icon, Media, ResourceContents, ResourceEntry, Role, Severity,
};
use crate::bindings::tidegate::types::prompts::{Expansion, Prompt};
use crate::bindings::tidegate::types::resources::Template;
use crate::bindings::tidegate::types::tools::{Output, TaskSupport, Tool};
use crate::json::Writer;
use crate::revision::Revision;

/// The members of a tool's result, without `_meta`.
pub(crate) fn output(writer: &mut Writer, output: &Output, revision: &Revision) {
    writer.key("content").begin_array();
    for block in &output.content {
        content(writer, block, revision);
    }
    let structured = output.structured.as_deref();
    if let (true, Some(json)) = (output.content.is_empty(), structured) {
        // Clients that know no structured results, and models, read the text.
        writer.begin_object().field("type", "text").field("text", json).end_object();
    }
    writer.end_array();
    if let Some(json) = structured.filter(|json| revision.any_structure || (revision.structured && is_object(json))) {
        writer.key("structuredContent").raw(json);
    }
    if output.is_error {
        writer.key("isError").boolean(true);
    }
}

fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{')
}

/// One block.
pub(crate) fn content(writer: &mut Writer, block: &Content, revision: &Revision) {
    match block {
        Content::Text(text) => {
            writer.begin_object().field("type", "text").field("text", &text.text);
            hints(writer, text.annotations.as_ref());
            writer.maybe_raw("_meta", text.meta.as_deref()).end_object();
        }
        Content::Image(image) => media(writer, "image", image),
        Content::Audio(audio) if revision.audio => media(writer, "audio", audio),
        Content::Audio(audio) => {
            let text = format!("[{}, {} bytes: this revision of MCP has no sound]", audio.mime_type, audio.data.len());
            writer.begin_object().field("type", "text").field("text", &text).end_object();
        }
        Content::Link(entry) if revision.structured => {
            writer.begin_object().field("type", "resource_link");
            resource_members(writer, entry, revision);
            writer.end_object();
        }
        Content::Link(entry) => {
            let text = format!("{}: {}", entry.title.as_deref().unwrap_or(&entry.name), entry.uri);
            writer.begin_object().field("type", "text").field("text", &text).end_object();
        }
        Content::Embedded(embedded) => {
            writer.begin_object().field("type", "resource").key("resource");
            contents(writer, &embedded.contents);
            hints(writer, embedded.annotations.as_ref());
            writer.end_object();
        }
    }
}

/// An image or a sound.
pub(crate) fn media(writer: &mut Writer, kind: &str, media: &Media) {
    writer.begin_object().field("type", kind).key("data").base64(&media.data).field("mimeType", &media.mime_type);
    hints(writer, media.annotations.as_ref());
    writer.maybe_raw("_meta", media.meta.as_deref()).end_object();
}

/// A resource with its body.
pub(crate) fn contents(writer: &mut Writer, contents: &ResourceContents) {
    writer.begin_object().field("uri", &contents.uri).maybe("mimeType", contents.mime_type.as_deref());
    match &contents.body {
        Body::Text(text) => writer.field("text", text),
        Body::Blob(bytes) => writer.key("blob").base64(bytes),
    };
    writer.maybe_raw("_meta", contents.meta.as_deref()).end_object();
}

/// A resource without its body.
pub(crate) fn resource(writer: &mut Writer, entry: &ResourceEntry, revision: &Revision) {
    writer.begin_object();
    resource_members(writer, entry, revision);
    writer.end_object();
}

fn resource_members(writer: &mut Writer, entry: &ResourceEntry, revision: &Revision) {
    writer.field("uri", &entry.uri).field("name", &entry.name);
    title(writer, entry.title.as_deref(), revision);
    writer.maybe("description", entry.description.as_deref()).maybe("mimeType", entry.mime_type.as_deref());
    if let Some(size) = entry.size {
        writer.key("size").integer(size);
    }
    hints(writer, entry.annotations.as_ref());
    icons(writer, &entry.icons, revision);
    writer.maybe_raw("_meta", entry.meta.as_deref());
}

/// A family of resources.
pub(crate) fn template(writer: &mut Writer, template: &Template, revision: &Revision) {
    writer.begin_object().field("uriTemplate", &template.uri_template).field("name", &template.name);
    title(writer, template.title.as_deref(), revision);
    writer.maybe("description", template.description.as_deref()).maybe("mimeType", template.mime_type.as_deref());
    hints(writer, template.annotations.as_ref());
    icons(writer, &template.icons, revision);
    writer.maybe_raw("_meta", template.meta.as_deref()).end_object();
}

/// A tool's definition.
pub(crate) fn tool(writer: &mut Writer, tool: &Tool, revision: &Revision) {
    writer.begin_object().field("name", &tool.name);
    title(writer, tool.title.as_deref(), revision);
    writer.field("description", &tool.description).key("inputSchema").raw(&tool.input_schema);
    if let Some(schema) = tool.output_schema.as_deref().filter(|schema| fits(schema, revision)) {
        writer.key("outputSchema").raw(schema);
    }
    if let (true, Some(hints)) = (revision.tool_hints, &tool.annotations) {
        writer.key("annotations").begin_object().maybe("title", hints.title.as_deref());
        let flags = [
            ("readOnlyHint", hints.read_only),
            ("destructiveHint", hints.destructive),
            ("idempotentHint", hints.idempotent),
            ("openWorldHint", hints.open_world),
        ];
        for (name, flag) in flags {
            if let Some(flag) = flag {
                writer.key(name).boolean(flag);
            }
        }
        writer.end_object();
    }
    if revision.tasks && tool.task != TaskSupport::Forbidden {
        // Never `required`: whoever asks for no task gets the result in the call, whose stream it can leave and resume.
        writer.key("execution").begin_object().field("taskSupport", "optional").end_object();
    }
    icons(writer, &tool.icons, revision);
    writer.maybe_raw("_meta", tool.meta.as_deref()).end_object();
}

/// Whether a client of that revision accepts the output schema: legacy ones know only objects.
fn fits(schema: &str, revision: &Revision) -> bool {
    #[derive(serde::Deserialize)]
    struct Root<'a> {
        #[serde(borrow, rename = "type", default)]
        kind: Option<&'a serde_json::value::RawValue>,
    }
    revision.any_structure
        || (revision.structured
            && serde_json::from_str::<Root<'_>>(schema)
                .is_ok_and(|root| root.kind.is_some_and(|kind| kind.get() == "\"object\"")))
}

/// A prompt's definition.
pub(crate) fn prompt(writer: &mut Writer, prompt: &Prompt, revision: &Revision) {
    writer.begin_object().field("name", &prompt.name);
    title(writer, prompt.title.as_deref(), revision);
    writer.maybe("description", prompt.description.as_deref()).key("arguments").begin_array();
    for argument in &prompt.arguments {
        writer.begin_object().field("name", &argument.name);
        title(writer, argument.title.as_deref(), revision);
        writer.maybe("description", argument.description.as_deref());
        writer.key("required").boolean(argument.required).end_object();
    }
    writer.end_array();
    icons(writer, &prompt.icons, revision);
    writer.maybe_raw("_meta", prompt.meta.as_deref()).end_object();
}

/// The members of a prompt's result.
pub(crate) fn expansion(writer: &mut Writer, expansion: &Expansion, revision: &Revision) {
    writer.maybe("description", expansion.description.as_deref()).key("messages").begin_array();
    for message in &expansion.messages {
        writer.begin_object().field("role", role(message.role)).key("content");
        content(writer, &message.content, revision);
        writer.end_object();
    }
    writer.end_array();
}

fn title(writer: &mut Writer, title: Option<&str>, revision: &Revision) {
    if revision.titles {
        writer.maybe("title", title);
    }
}

fn icons(writer: &mut Writer, icons: &[Icon], revision: &Revision) {
    if icons.is_empty() || !revision.icons {
        return;
    }
    writer.key("icons").begin_array();
    for icon in icons {
        writer.begin_object().field("src", &icon.src).maybe("mimeType", icon.mime_type.as_deref());
        if !icon.sizes.is_empty() {
            writer.key("sizes").begin_array();
            for size in &icon.sizes {
                writer.string(size);
            }
            writer.end_array();
        }
        writer.maybe("theme", icon.theme.as_deref()).end_object();
    }
    writer.end_array();
}

fn hints(writer: &mut Writer, annotations: Option<&Annotations>) {
    let Some(annotations) = annotations else { return };
    writer.key("annotations").begin_object();
    if !annotations.audience.is_empty() {
        writer.key("audience").begin_array();
        for one in &annotations.audience {
            writer.string(role(*one));
        }
        writer.end_array();
    }
    if let Some(priority) = annotations.priority {
        writer.key("priority").number(priority);
    }
    writer.maybe("lastModified", annotations.last_modified.as_deref()).end_object();
}

/// A role's name.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

const SEVERITIES: [(&str, Severity); 8] = [
    ("debug", Severity::Debug),
    ("info", Severity::Info),
    ("notice", Severity::Notice),
    ("warning", Severity::Warning),
    ("error", Severity::Error),
    ("critical", Severity::Critical),
    ("alert", Severity::Alert),
    ("emergency", Severity::Emergency),
];

/// A severity's name.
pub(crate) fn severity_name(severity: Severity) -> &'static str {
    SEVERITIES.iter().find(|(_, one)| *one == severity).map_or("info", |(name, _)| name)
}

/// The severity of that name.
pub(crate) fn severity(name: &str) -> Option<Severity> {
    SEVERITIES.iter().find(|(one, _)| *one == name).map(|(_, severity)| *severity)
}

/// Whether `severity` is as urgent as `least`, or more.
pub(crate) fn is_at_least(severity: Severity, least: Severity) -> bool {
    let rank = |wanted: Severity| SEVERITIES.iter().position(|(_, one)| *one == wanted);
    rank(severity) >= rank(least)
}
