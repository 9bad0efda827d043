//! From a verified bundle and its grant to a component that is ready for calls.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Instant;

use tidegate_attestation::{VerifiedBundle, VerifiedNative};
use tidegate_audit::Audit;
use tidegate_bundle::State;
use tidegate_capability::{
    Capability, ComponentInfo, Ctx, Interface, LinkError, Linker, PrepareError, Prepared, Verdict,
};
use tidegate_engine::Engine;
use tidegate_grant::Grant;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component as Code, InstancePre};

use crate::actor::Actor;
use crate::admission::Admission;
use crate::component::Start;
use crate::exports::ExportError;
use crate::{Component, Definitions, DefinitionsError, Exports, ImportedInterface};

/// A component cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It imports more than its grant.
    #[error("it imports more than it is granted{}", listed(.0))]
    Refused(Vec<Refusal>),
    /// Its code cannot be compiled, or not within the limits.
    #[error(transparent)]
    Compile(#[from] tidegate_engine::LoadError),
    /// This host cannot offer an interface.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// An import has another type than the interface of that name has here.
    #[error("an import does not fit the interface of that name: {0}")]
    Mismatch(String),
    /// An export has another type than the interface of that name has here.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Something that policy grants is not there.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// It exports nothing that could be called.
    #[error("it exports nothing that could be called{}", reasons(.0))]
    Nothing(Vec<String>),
    /// What it says it offers cannot be served.
    #[error(transparent)]
    Definitions(#[from] DefinitionsError),
}

/// An import that is not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The interface.
    pub interface: String,
    /// What one adds to the component's `[[grant]]` to permit it; nothing if no line would.
    pub permit: Option<String>,
}

/// What loading needs.
pub(crate) struct Loader<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) capabilities: &'a [Arc<dyn Capability>],
    pub(crate) audit: &'a Audit,
}

impl Loader<'_> {
    /// Checks imports before anything is compiled, compiles, links what is granted and nothing else.
    /// Native code in place of compiling changes nothing else: what was checked is the component.
    pub(crate) async fn load(
        &self,
        bundle: VerifiedBundle,
        native: Option<VerifiedNative>,
        grant: Grant,
    ) -> Result<Component, LoadError> {
        let began = Instant::now();
        let names = bundle.bundle().imports().to_vec();
        let imports = self.check(&names, &grant)?;
        let digest = bundle.digest();
        let loaded = match &native {
            Some(native) => self.engine.load_native(digest.as_bytes(), native).await?,
            None => self.engine.load(bundle.bytes(), digest.as_bytes()).await?,
        };
        let cached = matches!(loaded.origin, tidegate_engine::Origin::Cache);
        let code = loaded.component;
        let pre = self.link(&code, &imports)?;
        let export_names: Vec<String> =
            code.component_type().exports(self.engine.wasmtime()).map(|(name, _)| name.to_owned()).collect();
        let exports = Exports::find(&pre, &export_names, || tidegate_reflect::tools(&code, self.engine.wasmtime()))?;
        if let Some(foreign) = exports.foreign.as_ref().filter(|foreign| foreign.functions.is_empty()) {
            let reasons = foreign.refused.iter().map(|refused| format!("{}: {}", refused.export, refused.reason));
            return Err(LoadError::Nothing(reasons.collect()));
        }
        let info = ComponentInfo {
            name: bundle.reference().name.as_str().into(),
            grant: Arc::new(grant),
            audit: self.audit.clone(),
        };
        let prepared = self.prepare(&info)?;
        let manifest = bundle.manifest().cloned();
        let stateful = manifest.as_ref().is_some_and(|manifest| manifest.state == State::Stateful);
        let component = Component {
            reference: bundle.reference().clone(),
            digest: bundle.digest(),
            signer: bundle.signer().clone(),
            manifest,
            admission: Admission::new(info.grant.limits.concurrency),
            info,
            imports,
            start: Start { cached, took: began.elapsed() },
            native: native.map(|native| native.signer().clone()),
            pre,
            image: loaded.image,
            exports: Arc::new(exports),
            prepared,
            engine: self.engine.clone(),
            actor: stateful.then(Actor::default),
            definitions: RwLock::new(Arc::new(Definitions::default())),
            schemas: RwLock::default(),
            export_names,
            guard: OnceLock::new(),
        };
        Ok(component)
    }

    fn check(&self, names: &[String], grant: &Grant) -> Result<Vec<ImportedInterface>, LoadError> {
        let mut imports = Vec::new();
        let mut refused = Vec::new();
        for name in names {
            let interface = Interface::parse(name);
            let verdict = self.capabilities.iter().find_map(|capability| capability.check(interface, grant));
            match verdict {
                Some(Verdict::Missing(permit)) => {
                    refused.push(Refusal { interface: name.clone(), permit: Some(permit) });
                }
                Some(verdict) => imports.push(ImportedInterface { name: name.clone(), verdict }),
                None => refused.push(Refusal { interface: name.clone(), permit: None }),
            }
        }
        if refused.is_empty() { Ok(imports) } else { Err(LoadError::Refused(refused)) }
    }

    fn link(&self, code: &Code, imports: &[ImportedInterface]) -> Result<InstancePre<Ctx>, LoadError> {
        let mut linker = Linker::new(self.engine.wasmtime());
        // What the compiled code imports is what counts: a name that the check did not see would not be linked, and
        // instantiation would fail.
        for (name, item) in code.component_type().imports(self.engine.wasmtime()) {
            if !imports.iter().any(|import| import.name == name) {
                continue;
            }
            let interface = Interface::parse(name);
            if is_types_only(&item.ty, self.engine) {
                linker.instance(name).map_err(|source| LinkError::new(interface, source))?;
                continue;
            }
            let owner =
                self.capabilities.iter().find(|capability| capability.check(interface, &Grant::default()).is_some());
            if let Some(capability) = owner {
                capability.link(interface, &mut linker)?;
            }
        }
        linker.instantiate_pre(code).map_err(|error| LoadError::Mismatch(format!("{error:#}")))
    }

    fn prepare(&self, info: &ComponentInfo) -> Result<Vec<Arc<dyn Prepared>>, PrepareError> {
        self.capabilities.iter().map(|capability| capability.prepare(info)).collect()
    }
}

/// Whether an imported instance holds types and no function: then there is nothing to grant.
fn is_types_only(item: &ComponentItem, engine: &Engine) -> bool {
    match item {
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(engine.wasmtime()).all(|(_, item)| matches!(item.ty, ComponentItem::Type(_)))
        }
        _ => false,
    }
}

fn listed(refused: &[Refusal]) -> String {
    refused.iter().fold(String::new(), |mut text, refusal| {
        let _ = match &refusal.permit {
            Some(permit) => write!(text, "\n  `{}`: its `[[grant]]` would need `{permit}`", refusal.interface),
            None => write!(text, "\n  `{}`: this host does not offer it to anybody", refusal.interface),
        };
        text
    })
}

fn reasons(reasons: &[String]) -> String {
    reasons.iter().fold(String::new(), |text, reason| format!("{text}\n  {reason}"))
}
