//! What a component offers, found once at load.

use tidegate_bindings::completion::CompleterIndices;
use tidegate_bindings::model_backend::ModelBackendIndices;
use tidegate_bindings::prompts::PromptProviderIndices;
use tidegate_bindings::resources::ResourceProviderIndices;
use tidegate_bindings::stream::StreamProtocolIndices;
use tidegate_bindings::tool::ToolIndices;
use tidegate_capability::Ctx;
use tidegate_reflect::Reflected;
use wasmtime::component::InstancePre;
use wasmtime_wasi_http::p2::bindings::ProxyIndices;

/// What a component offers. Each is there if the component exports its interface.
pub struct Exports {
    /// `tidegate:tool/tools`.
    pub tools: Option<ToolIndices>,
    /// `tidegate:tool/resources`.
    pub resources: Option<ResourceProviderIndices>,
    /// `tidegate:tool/prompts`.
    pub prompts: Option<PromptProviderIndices>,
    /// `tidegate:tool/completion`.
    pub completion: Option<CompleterIndices>,
    /// `wasi:http/incoming-handler`.
    pub http: Option<ProxyIndices>,
    /// `tidegate:protocol/byte-stream`.
    pub stream: Option<StreamProtocolIndices>,
    /// `tidegate:model/backend`.
    pub model: Option<ModelBackendIndices>,
    /// The exported functions of a component that knows nothing of Tidegate.
    pub foreign: Option<Reflected>,
}

/// An interface is exported, but not as this host understands it.
#[derive(Debug, thiserror::Error)]
#[error("its export `{interface}` does not fit the interface of this host's version")]
pub struct ExportError {
    interface: String,
    source: wasmtime::Error,
}

impl Exports {
    /// Looks at what a component exports. `names`: its exports, with versions.
    pub(crate) fn find(
        pre: &InstancePre<Ctx>,
        names: &[String],
        foreign: impl FnOnce() -> Reflected,
    ) -> Result<Self, ExportError> {
        let exports = Self {
            tools: find(names, "tidegate:tool/tools@0.1", || ToolIndices::new(pre))?,
            resources: find(names, "tidegate:tool/resources@0.1", || ResourceProviderIndices::new(pre))?,
            prompts: find(names, "tidegate:tool/prompts@0.1", || PromptProviderIndices::new(pre))?,
            completion: find(names, "tidegate:tool/completion@0.1", || CompleterIndices::new(pre))?,
            http: find(names, "wasi:http/incoming-handler@0.2", || ProxyIndices::new(pre))?,
            stream: find(names, "tidegate:protocol/byte-stream@0.1", || StreamProtocolIndices::new(pre))?,
            model: find(names, "tidegate:model/backend@0.1", || ModelBackendIndices::new(pre))?,
            foreign: None,
        };
        let foreign = exports.is_empty().then(foreign);
        Ok(Self { foreign, ..exports })
    }

    /// Whether it serves clients itself.
    #[must_use]
    pub fn is_protocol(&self) -> bool {
        self.http.is_some() || self.stream.is_some()
    }

    fn is_empty(&self) -> bool {
        self.tools.is_none()
            && self.resources.is_none()
            && self.prompts.is_none()
            && self.completion.is_none()
            && self.model.is_none()
            && !self.is_protocol()
    }
}

fn find<T>(
    names: &[String],
    interface: &str,
    indices: impl FnOnce() -> wasmtime::Result<T>,
) -> Result<Option<T>, ExportError> {
    match names.iter().find(|name| name.starts_with(interface)) {
        None => Ok(None),
        Some(name) => indices().map(Some).map_err(|source| ExportError { interface: name.clone(), source }),
    }
}
