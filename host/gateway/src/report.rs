//! What people and programs are told about components, tools and results.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_attestation::Signer;
use tidegate_bindings::types::content::{Body, Content, ResourceContents};
use tidegate_bindings::types::tools::{Output, Tool};
use tidegate_capability::Verdict;
use tidegate_grant::{Requests, format_bytes, format_duration};
use tidegate_lock::Locked;
use tidegate_router::Catalog;
use tidegate_supervisor::Component;

/// Everything that serves, and what was refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Listing {
    /// Components built on this machine run without a signature.
    pub development: bool,
    /// In the order of their addition.
    pub components: Vec<ComponentReport>,
    /// What was found and not let in.
    pub refused: Vec<RefusedReport>,
}

/// A component.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ComponentReport {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Digest of its bytes.
    pub digest: String,
    /// Who vouches for it.
    pub signer: SignerReport,
    /// `tool`, `protocol`, ...
    pub kind: String,
    /// What its author says it is.
    pub description: Option<String>,
    /// Whether one instance keeps something between calls.
    pub stateful: bool,
    /// HTTP paths that it answers.
    pub paths: Vec<String>,
    /// Its tools.
    pub tools: Vec<ToolReport>,
    /// Addresses of its resources and resource templates.
    pub resources: Vec<String>,
    /// Names of its prompts.
    pub prompts: Vec<String>,
    /// What it may do, one line each, and which policy line says so.
    pub may: Vec<MayReport>,
    /// What its manifest asks for; none: it has no manifest.
    pub requests: Option<Requests>,
    /// The interfaces it imports, and why it has each.
    pub imports: Vec<ImportReport>,
    /// Exported functions that are no tools, and why.
    pub left_out: Vec<String>,
    /// Its limits, as a policy writes them.
    pub limits: Vec<(String, String)>,
    /// Whether its native code came from the cache.
    pub cached: bool,
    /// Who signed the native code that runs; none: this host compiled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<SignerReport>,
    /// Microseconds from verified bytes to ready.
    pub microseconds: u64,
    /// Calls that run or wait.
    pub calls: u32,
    /// What a lock says of it.
    pub locked: Option<Locked>,
    /// Why a lock cannot say anything of it.
    pub unlockable: Option<String>,
}

/// Who vouches for a component.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct SignerReport {
    /// The signer's name in the policy; `local-build` in development mode.
    pub name: String,
    /// Fingerprint of the key, if a key signed.
    pub fingerprint: Option<String>,
    /// The name in the certificate, if a certificate was signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Who vouched for that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

/// A tool.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ToolReport {
    /// The name to call it by.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of its arguments.
    pub input_schema: Value,
    /// JSON Schema of its structured result.
    pub output_schema: Option<Value>,
}

/// Something a component may do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MayReport {
    /// For people.
    pub what: String,
    /// The policy line, `FILE:LINE`.
    pub by: String,
}

/// An imported interface.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImportReport {
    /// Its name.
    pub name: String,
    /// Why the component has it.
    pub why: String,
}

/// Something that was not let in.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct RefusedReport {
    /// A path or a name.
    pub what: String,
    /// Why, and what to do.
    pub reason: String,
}

/// What a tool produced.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OutputReport {
    /// Blocks.
    pub content: Vec<ContentReport>,
    /// The structured result.
    pub structured: Option<Value>,
    /// The tool says that it failed.
    pub is_error: bool,
}

/// A block.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum ContentReport {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// An image.
    Image {
        /// Media type.
        mime_type: String,
        /// Base64.
        data: String,
    },
    /// A sound.
    Audio {
        /// Media type.
        mime_type: String,
        /// Base64.
        data: String,
    },
    /// A resource to read.
    Link {
        /// Its address.
        uri: String,
        /// Its name.
        name: String,
    },
    /// A resource with its body.
    Embedded {
        /// Its address.
        uri: String,
        /// Text, if it is text.
        text: Option<String>,
        /// Base64, if it is not.
        blob: Option<String>,
    },
}

impl ComponentReport {
    /// Reports on a component; its tools under the names that `catalog` gives them.
    pub(crate) fn new(component: &Component, catalog: &Catalog) -> Self {
        let definitions = component.definitions();
        let limits = component.limits();
        let locked = crate::locking::locked(component);
        let own = catalog.tools.iter().filter(|entry| entry.component == component.name());
        let left_out = component.exports().foreign.iter().flat_map(|foreign| &foreign.refused);
        Self {
            name: component.name().to_owned(),
            version: component.reference().version.to_string(),
            digest: component.digest().to_string(),
            signer: SignerReport::new(component.signer()),
            kind: component.kind().to_string(),
            description: component.manifest().map(|manifest| manifest.description.clone()),
            stateful: component.is_stateful(),
            paths: component
                .manifest()
                .and_then(|manifest| manifest.http.clone())
                .map_or(Vec::new(), |http| http.paths),
            tools: own.map(|entry| ToolReport::new(&entry.definition)).collect(),
            resources: definitions
                .resources
                .iter()
                .map(|entry| entry.uri.clone())
                .chain(definitions.templates.iter().map(|template| template.uri_template.clone()))
                .collect(),
            prompts: definitions.prompts.iter().map(|prompt| prompt.name.clone()).collect(),
            may: component
                .grant()
                .lines()
                .into_iter()
                .map(|line| MayReport { what: line.what, by: line.origin.to_string() })
                .collect(),
            requests: component.manifest().map(|manifest| manifest.requests.clone()),
            imports: component.imports().iter().map(ImportReport::new).collect(),
            left_out: left_out.map(|refused| format!("{}: {}", refused.export, refused.reason)).collect(),
            limits: [
                ("memory", format_bytes(limits.memory)),
                ("table-elements", limits.table_elements.to_string()),
                ("instances", limits.instances.to_string()),
                ("host-call", format_bytes(limits.host_call)),
                ("output", format_bytes(limits.output)),
                ("deadline", format_duration(limits.deadline)),
                ("concurrency", limits.concurrency.to_string()),
            ]
            .map(|(key, value)| (key.to_owned(), value))
            .to_vec(),
            cached: component.start().cached,
            native: component.native().map(SignerReport::new),
            microseconds: u64::try_from(component.start().took.as_micros()).unwrap_or(u64::MAX),
            calls: component.calls(),
            unlockable: locked.as_ref().err().map(|error| crate::host::chain(error)),
            locked: locked.ok(),
        }
    }
}

impl SignerReport {
    /// Reports on a signer.
    #[must_use]
    pub fn new(signer: &Signer) -> Self {
        let name = crate::admit::signer_name(signer).to_owned();
        let nothing = Self { name, fingerprint: None, identity: None, issuer: None };
        match signer.clone() {
            Signer::PinnedKey { fingerprint, .. } => Self { fingerprint: Some(fingerprint), ..nothing },
            Signer::Identity { identity, issuer, .. } => {
                Self { identity: Some(identity), issuer: Some(issuer), ..nothing }
            }
            Signer::LocalBuild => nothing,
        }
    }

    /// What proved it: a key's fingerprint, or an identity and its issuer; none for a local build.
    #[must_use]
    pub fn proof(&self) -> Option<String> {
        match (&self.fingerprint, &self.identity, &self.issuer) {
            (Some(fingerprint), ..) => Some(fingerprint.clone()),
            (None, Some(identity), Some(issuer)) => Some(format!("{identity}, by {issuer}")),
            _ => None,
        }
    }
}

impl ToolReport {
    pub(crate) fn new(tool: &Tool) -> Self {
        let schema = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        Self {
            name: tool.name.clone(),
            description: tool.description.clone(),
            input_schema: schema(&tool.input_schema),
            output_schema: tool.output_schema.as_deref().map(schema),
        }
    }
}

impl ImportReport {
    fn new(import: &tidegate_supervisor::ImportedInterface) -> Self {
        let why = match &import.verdict {
            Verdict::Free(reason) => (*reason).to_owned(),
            Verdict::Granted(origin) => format!("granted by {origin}"),
            Verdict::Missing(permit) => format!("missing: {permit}"),
        };
        Self { name: import.name.clone(), why }
    }
}

impl From<Output> for OutputReport {
    fn from(output: Output) -> Self {
        Self {
            content: output.content.into_iter().map(ContentReport::from).collect(),
            structured: output.structured.and_then(|json| serde_json::from_str(&json).ok()),
            is_error: output.is_error,
        }
    }
}

impl From<Content> for ContentReport {
    fn from(content: Content) -> Self {
        match content {
            Content::Text(text) => Self::Text { text: text.text },
            Content::Image(media) => Self::Image { mime_type: media.mime_type, data: STANDARD.encode(media.data) },
            Content::Audio(media) => Self::Audio { mime_type: media.mime_type, data: STANDARD.encode(media.data) },
            Content::Link(entry) => Self::Link { uri: entry.uri, name: entry.name },
            Content::Embedded(embedded) => {
                let ResourceContents { uri, body, .. } = embedded.contents;
                match body {
                    Body::Text(text) => Self::Embedded { uri, text: Some(text), blob: None },
                    Body::Blob(blob) => Self::Embedded { uri, text: None, blob: Some(STANDARD.encode(blob)) },
                }
            }
        }
    }
}
