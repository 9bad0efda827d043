//! How a model gets in, and what people see of the models of a node.

use std::path::Path;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tidegate_attestation::{ModelError, VerifiedModel, verify_model};
use tidegate_audit::{Audit, Event};
use tidegate_freshness::{Floors, FloorsError, Stale};
use tidegate_models::{Known, Models, ModelsCapability, ModelsConfig, describe_failure, types};
use tidegate_reference::ComponentName;
use tidegate_source_dir::{BlobError, ModelFolder, ModelStore, ModelStoreError};
use tidegate_supervisor::Component;

use crate::builder::BuildError;
use crate::control::{Fault, Reply};
use crate::host::{Host, chain};
use crate::locking::{self, LockingError, read_lock};
use crate::model_report::{ModelDetails, ModelListing, ModelPort, ModelReport, VariantReport};
use crate::report::{RefusedReport, SignerReport};

/// The models of a node, and what decides which come in.
pub(crate) struct NodeModels {
    pub(crate) models: Models,
    store: ModelStore,
    /// Floors of their own: a model and a component may have one name.
    floors: Floors,
    refused: Mutex<Vec<RefusedReport>>,
}

/// A model was not let in.
#[derive(Debug, thiserror::Error)]
pub enum ModelAddError {
    /// Its files cannot be read, or are not what was signed; or it cannot be kept.
    #[error(transparent)]
    Store(#[from] ModelStoreError),
    /// Its signature does not hold, or nobody we believe made it.
    #[error(transparent)]
    Verify(#[from] ModelError),
    /// It is older than what was here before, or somebody else's.
    #[error("the model `{model}` is refused")]
    Stale {
        /// Its name.
        model: String,
        /// Why.
        source: Stale,
    },
    /// Whether it is too old cannot be told.
    #[error(transparent)]
    Floors(#[from] FloorsError),
    /// It is not what a person approved, or the lock cannot be used.
    #[error("the model `{model}` is refused")]
    NotLocked {
        /// Its name.
        model: String,
        /// Why.
        source: LockingError,
    },
    /// There is none of that name.
    #[error("there is no model `{0}`: `tidegate model list` shows what is there")]
    Unknown(String),
}

impl NodeModels {
    /// Opens the models of a node, without looking at them.
    pub(crate) fn open(state: &Path, memory: u64, audit: &Audit) -> Result<Self, BuildError> {
        let store = ModelStore::open(state)?;
        let floors = Floors::open(&state.join("models"))?;
        let models = Models::new(ModelsConfig { store: store.clone(), memory, audit: audit.clone() });
        Ok(Self { models, store, floors, refused: Mutex::default() })
    }

    pub(crate) fn capability(&self) -> ModelsCapability {
        ModelsCapability::new(&self.models)
    }

    fn check_floor(&self, model: &VerifiedModel) -> Result<(), ModelAddError> {
        let Some(signer) = model.signer().name() else { return Ok(()) };
        match self.floors.check(&model.reference(), signer)? {
            Some(source) => Err(ModelAddError::Stale { model: model.manifest().name.to_string(), source }),
            None => Ok(()),
        }
    }
}

impl Host {
    /// Verifies the installed models again and offers them.
    pub(crate) fn load_models(&self) -> Result<(), ModelStoreError> {
        let models = &self.node.models;
        let (mut good, mut refused) = (Vec::new(), Vec::new());
        for listed in models.store.list()? {
            let name = listed.name.to_string();
            let verified = listed.stored.map_err(ModelAddError::from).and_then(|stored| {
                let verified = verify_model(&name, &stored.manifest, Some(&stored.signature), &self.node.trust)?;
                if verified.manifest().name != listed.name {
                    return Err(ModelStoreError::Damaged { name: listed.name, source: None }.into());
                }
                models.check_floor(&verified)?;
                self.check_model_lock(&verified)?;
                Ok(verified)
            });
            match verified {
                Ok(verified) => good.push(verified),
                Err(error) => {
                    let reason = chain(&error);
                    let component = format!("model {name}");
                    self.node.audit.emit(Event::Refused { component, digest: None, reason: reason.clone() });
                    refused.push(RefusedReport { what: name, reason });
                }
            }
        }
        models.models.set(good);
        *models.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
        Ok(())
    }

    /// Verifies a model and keeps it, in place of an earlier one of its name. `path`: its folder, or the manifest in it.
    ///
    /// # Errors
    /// When it is refused or cannot be kept; then nothing has changed.
    pub async fn add_model(&self, path: &Path) -> Result<ModelReport, ModelAddError> {
        let added = self.keep_model(path).await;
        if let Err(error) = &added {
            let component = format!("model {}", path.display());
            self.node.audit.emit(Event::Refused { component, digest: None, reason: chain(error) });
        }
        let name = added?;
        self.load_models()?;
        self.users_of_models().await;
        let known = self.node.models.models.get(name.as_str());
        let known = known.ok_or_else(|| ModelAddError::Unknown(name.to_string()))?;
        Ok(self.report(&known))
    }

    async fn keep_model(&self, path: &Path) -> Result<ComponentName, ModelAddError> {
        let (host, path) = (self.clone(), path.to_owned());
        // Copying and hashing takes as long as the disk does.
        let kept = tokio::task::spawn_blocking(move || {
            let folder = ModelFolder::read(&path)?;
            let label = path.display().to_string();
            let verified = verify_model(&label, &folder.manifest, folder.signature.as_deref(), &host.node.trust)?;
            let models = &host.node.models;
            models.check_floor(&verified)?;
            host.check_model_lock(&verified)?;
            let since = SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs());
            let name = verified.manifest().name.clone();
            models.store.install(&name, &folder, verified.files(), since)?;
            if let Some(signer) = verified.signer().name() {
                models.floors.raise(&verified.reference(), signer)?;
            }
            Ok(name)
        });
        kept.await.unwrap_or_else(|_| Err(ModelAddError::Unknown("the host failed to keep it".to_owned())))
    }

    fn check_model_lock(&self, model: &VerifiedModel) -> Result<(), ModelAddError> {
        let Some(path) = &self.node.lock else { return Ok(()) };
        let checked = read_lock(path).and_then(|lock| locking::check_model(model, &lock));
        checked.map_err(|source| ModelAddError::NotLocked { model: model.manifest().name.to_string(), source })
    }

    /// Takes a model out. Who works with it now may finish.
    ///
    /// # Errors
    /// When there is none of that name, or the disk fails.
    pub async fn remove_model(&self, name: &str) -> Result<(), ModelAddError> {
        let unknown = || ModelAddError::Unknown(name.chars().take(80).flat_map(char::escape_debug).collect());
        let parsed: ComponentName = name.parse().map_err(|_| unknown())?;
        if !self.node.models.store.remove(&parsed)? {
            return Err(unknown());
        }
        self.node.audit.emit(Event::Removed { component: format!("model {name}") });
        self.load_models()?;
        self.users_of_models().await;
        Ok(())
    }

    /// The models of this node.
    #[must_use]
    pub fn models(&self) -> ModelListing {
        let models = &self.node.models.models;
        ModelListing {
            memory: models.budget(),
            used: models.used(),
            models: models.all().iter().map(|known| self.report(known)).collect(),
            refused: self.node.models.refused.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// What a model is, by its backend's word.
    pub(crate) async fn inspect_model(&self, name: &str) -> Reply {
        let Some(known) = self.node.models.models.get(name) else {
            let name = name.chars().take(80).flat_map(char::escape_debug).collect();
            return Err::<ModelReport, _>(ModelAddError::Unknown(name)).into();
        };
        match self.node.models.models.describe(&known).await {
            Ok(description) => Reply::Model(Box::new(details(self.report(&known), description))),
            Err(failure) => {
                let fault = match &failure {
                    tidegate_models::Failure::NotFound(_) | tidegate_models::Failure::NoBackend(_) => Fault::NotFound,
                    tidegate_models::Failure::DoesNotFit(_) => Fault::Refused,
                    tidegate_models::Failure::Busy(_) => Fault::Host,
                    _ => Fault::Component,
                };
                Reply::Failed { fault, message: describe_failure(&failure) }
            }
        }
    }

    /// After components came: those that use models say again what they offer, if a backend or one of them is among these.
    pub(crate) async fn models_changed(&self, components: &[Arc<Component>]) {
        let matters = |component: &Arc<Component>| component.exports().model.is_some() || uses_models(component);
        if components.iter().any(matters) {
            self.users_of_models().await;
        }
    }

    /// Components that use models offer what the models are good for: they are asked again.
    async fn users_of_models(&self) {
        for component in self.node.supervisor.set().components.iter().filter(|component| uses_models(component)) {
            if let Err(error) = self.node.router.refresh(component).await {
                tracing::warn!(component = component.name(), %error, "it offers what it did before");
            }
        }
    }

    fn report(&self, known: &Known) -> ModelReport {
        let summary = self.node.models.models.summary(known);
        let manifest = known.model().manifest();
        let variant = |candidate: &tidegate_models::Candidate| VariantReport {
            name: candidate.variant.clone(),
            size: candidate.size,
            needs: candidate.needs,
        };
        ModelReport {
            name: summary.name,
            version: summary.version,
            digest: known.model().digest().to_string(),
            signer: SignerReport::new(known.model().signer()),
            format: summary.format,
            description: manifest.description.clone(),
            licence: manifest.licence.clone(),
            backend: manifest.backend.as_ref().map(ToString::to_string),
            labels: manifest.labels.clone(),
            variants: known.variants().iter().map(variant).collect(),
            variant: summary.variant,
            loaded: known.memory(),
            locked: locking::locked_model(known.model()),
        }
    }
}

fn uses_models(component: &Component) -> bool {
    component.imports().iter().any(|import| import.name.starts_with("tidegate:model/models@"))
}

fn details(model: ModelReport, description: types::Description) -> ModelDetails {
    let port = |port: &types::Port| ModelPort { name: port.name.clone(), shape: tidegate_models::describe_port(port) };
    ModelDetails {
        model,
        title: description.title,
        architecture: description.architecture,
        quantisation: description.quantisation,
        parameters: description.parameters,
        inputs: description.inputs.iter().map(port).collect(),
        outputs: description.outputs.iter().map(port).collect(),
        context_length: description.context_length,
        embedding_length: description.embedding_length,
        tokenizer: description
            .tokenizer
            .map(|tokenizer| format!("{}, {} tokens", tokenizer.kind, tokenizer.vocabulary)),
        labels: description.labels,
        licence: description.licence,
        capabilities: tidegate_models::describe_capabilities(description.capabilities),
        memory: description.memory,
        metadata: description.metadata,
    }
}

impl From<Result<ModelReport, ModelAddError>> for Reply {
    fn from(added: Result<ModelReport, ModelAddError>) -> Self {
        match added {
            Ok(report) => Self::ModelAdded(Box::new(report)),
            Err(error) => failed(&error),
        }
    }
}

impl From<Result<(), ModelAddError>> for Reply {
    fn from(removed: Result<(), ModelAddError>) -> Self {
        match removed {
            Ok(()) => Self::Removed,
            Err(error) => failed(&error),
        }
    }
}

fn failed(error: &ModelAddError) -> Reply {
    let fault = match error {
        ModelAddError::Unknown(_) | ModelAddError::Store(ModelStoreError::NotThere(_)) => Fault::NotFound,
        ModelAddError::Store(ModelStoreError::OtherFile { .. } | ModelStoreError::Blob(BlobError::Changed(_)))
        | ModelAddError::Verify(_)
        | ModelAddError::Stale { .. }
        | ModelAddError::NotLocked { .. } => Fault::Refused,
        ModelAddError::Store(ModelStoreError::File(_) | ModelStoreError::NoFile(_) | ModelStoreError::TooBig(_)) => {
            Fault::Usage
        }
        ModelAddError::Store(_) | ModelAddError::Floors(_) => Fault::Host,
    };
    Reply::Failed { fault, message: chain(error) }
}
