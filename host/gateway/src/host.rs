//! A running host.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidegate_attestation::{HostKey, TrustRoot};
use tidegate_audit::{Audit, Event};
use tidegate_bindings::types::event::ClientFeatures;
use tidegate_bundle::CodeTarget;
#[cfg(feature = "compile")]
use tidegate_engine::Engine;
use tidegate_engine::give_back;
use tidegate_freshness::{Floor, Floors, FloorsError};
use tidegate_grant::Principal;
use tidegate_metrics::{Metrics, Now};
use tidegate_reference::{ComponentName, Version};
use tidegate_router::{Request, Router, Target, ToolTarget};
use tidegate_rules::Policy;
use tidegate_source_dir::{ReadError, Sourced, Store, StoreError, find, read_component};
use tidegate_supervisor::{Component, Supervisor};
use tokio::sync::Semaphore;

use crate::admit::{AdmitError, Admitted};
use crate::builder::Builder;
use crate::call::ToolCall;
use crate::files::StatePaths;
use crate::report::{ComponentReport, Listing, RefusedReport};

/// How long a component that was taken out or replaced may finish its calls. Their deadlines end them anyway.
const RETIRE: Duration = Duration::from_secs(24 * 3600);

/// Components that are read and admitted at once, or as many as there are processors if these are more: each is held in memory
/// meanwhile, and a directory may have a thousand.
const AT_ONCE: usize = 4;

/// Longest reason for a change of a version floor, in bytes: one line of the audit log.
const MAX_REASON: usize = 500;

/// A host: signed components, and the calls to them. Cheap to clone; the last clone that goes ends it.
#[derive(Clone)]
pub struct Host {
    pub(crate) node: Arc<Node>,
}

/// What a host consists of.
pub(crate) struct Node {
    pub(crate) paths: StatePaths,
    pub(crate) host_key: HostKey,
    pub(crate) store: Store,
    pub(crate) floors: Floors,
    /// The file with what a person approved; none: everything that signature and policy let in.
    pub(crate) lock: Option<PathBuf>,
    pub(crate) trust: TrustRoot,
    pub(crate) policy: Policy,
    pub(crate) development: bool,
    /// What native code must be for, if this node runs it in place of compiling.
    pub(crate) native: Option<CodeTarget>,
    /// For `Host::health`.
    #[cfg(feature = "compile")]
    pub(crate) engine: Engine,
    pub(crate) supervisor: Arc<Supervisor>,
    pub(crate) router: Router,
    pub(crate) audit: Audit,
    pub(crate) metrics: Arc<Metrics>,
    #[cfg(feature = "models")]
    pub(crate) models: crate::models::NodeModels,
}

/// What loading several components gave.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Let in, in order.
    pub components: Vec<ComponentReport>,
    /// Not let in, and why: the others serve all the same.
    pub refused: Vec<RefusedReport>,
}

/// A component cannot be removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// There is none of that name.
    #[error("there is no component `{0}`")]
    Unknown(String),
    /// It cannot be taken from the disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A version floor was not changed.
#[derive(Debug, thiserror::Error)]
pub enum RollBackError {
    /// Nothing of that name ever served here.
    #[error("this node has no version floor for `{0}`: nothing has to be rolled back")]
    Unknown(String),
    /// The policy does not name that signer.
    #[error("no policy names the signer `{0}`: add it to the policy first")]
    UnknownSigner(String),
    /// Nobody could understand later why it was done.
    #[error("say why, in at most {MAX_REASON} characters on one line: the reason goes into the audit log")]
    NoReason,
    /// The floors.
    #[error(transparent)]
    Floors(#[from] FloorsError),
}

impl Host {
    /// Builds a host that keeps what it must keep in the directory `state`.
    pub fn builder(state: impl AsRef<Path>) -> Builder {
        Builder::new(state.as_ref())
    }

    pub(crate) fn new(node: Node) -> Self {
        Self { node: Arc::new(node) }
    }

    /// Loads what was installed by [`Host::add`], in the order of addition. Everything is verified again.
    ///
    /// # Errors
    /// When the installed components cannot be listed. What is wrong with single ones stands in the answer.
    pub async fn load_installed(&self) -> Result<Loaded, StoreError> {
        let found = self.node.store.installed()?.into_iter().map(|name| {
            let label = name.to_string();
            (label, move |node: &Node| {
                let installed = node.store.get(&name, node.native.as_slice()).map_err(|error| chain(&error))?;
                let installed = installed.ok_or_else(|| "it was removed just now".to_owned())?;
                Ok(Sourced { bundle: installed.bundle, receipt: installed.receipt, native: installed.native })
            })
        });
        Ok(self.load_all(found.collect()).await)
    }

    /// Loads a component file, or all of a directory, without installing them: they are gone when the host ends.
    ///
    /// # Errors
    /// When the path cannot be read. What is wrong with single components stands in the answer.
    pub async fn load(&self, path: &Path) -> Result<Loaded, ReadError> {
        let found = find(path)?.into_iter().map(|found| {
            let label = found.path().display().to_string();
            (label, move |node: &Node| found.read(node.native.as_slice()).map_err(|error| chain(&error)))
        });
        Ok(self.load_all(found.collect()).await)
    }

    /// Loads what was found. The catalog is made once, behind the last: to make it anew for each would take a thousand
    /// components a thousand times.
    async fn load_all<F>(&self, found: Vec<(String, F)>) -> Loaded
    where
        F: Fn(&Node) -> Result<Sourced, String> + Send + Sync + 'static,
    {
        let mut found: Vec<_> = found.into_iter().map(|(what, read)| (what, Arc::new(read))).collect();
        let mut loaded = (Vec::new(), Vec::new());
        if cfg!(feature = "models") {
            // What others offer may follow from what a backend says. All are read twice rather than held in memory at once.
            found = self.load_those(found, Some(is_backend), &mut loaded).await;
        }
        self.load_those(found, None, &mut loaded).await;
        let (serving, refused) = loaded;
        self.node.router.update();
        #[cfg(feature = "models")]
        self.models_changed(&serving).await;
        let catalog = self.node.router.catalog();
        let components = serving.iter().map(|component| ComponentReport::new(component, &catalog)).collect();
        serving.iter().for_each(|component| component.rest());
        give_back();
        Loaded { components, refused }
    }

    /// Reads a few at once, admits those that are `wanted` (all, where nothing is said) and gives the others back. They start in
    /// the order in which they were found.
    async fn load_those<F>(
        &self,
        found: Vec<(String, Arc<F>)>,
        wanted: Option<fn(&Sourced) -> bool>,
        (serving, refused): &mut (Vec<Arc<Component>>, Vec<RefusedReport>),
    ) -> Vec<(String, Arc<F>)>
    where
        F: Fn(&Node) -> Result<Sourced, String> + Send + Sync + 'static,
    {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let turns = Arc::new(Semaphore::new(processors.max(AT_ONCE)));
        let admitting = found.into_iter().map(|(what, read)| {
            let (node, turns, again) = (Arc::clone(&self.node), Arc::clone(&turns), Arc::clone(&read));
            let task = tokio::spawn(async move {
                let _turn = turns.acquire().await;
                let sourced = read(&node);
                // What cannot be read is reported when all are wanted.
                if wanted.is_some_and(|wanted| !sourced.as_ref().is_ok_and(wanted)) {
                    return None;
                }
                let admitted = match sourced {
                    Ok(sourced) => node.admit(sourced).await.map_err(|error| chain(&error)),
                    Err(reason) => Err(reason),
                };
                Some(admitted)
            });
            (what, again, task)
        });
        let mut others = Vec::new();
        for (what, read, task) in admitting.collect::<Vec<_>>() {
            let admitted = match task.await {
                Ok(Some(admitted)) => admitted,
                Ok(None) => {
                    others.push((what, read));
                    continue;
                }
                Err(_) => Err("the host failed to load it".to_owned()),
            };
            match admitted
                .and_then(|admitted| self.replace(&admitted).map(|()| admitted).map_err(|error| chain(&error)))
            {
                Ok(admitted) => serving.push(admitted.component),
                Err(reason) => refused.push(RefusedReport { what, reason }),
            }
        }
        others
    }

    /// Verifies a component file, installs it for good, and lets it serve: in place of an earlier one of its name, whose
    /// calls go on to their end.
    ///
    /// # Errors
    /// When it is refused or cannot be kept; then nothing has changed.
    pub async fn add(&self, path: &Path) -> Result<ComponentReport, AdmitError> {
        let sourced = read_component(path, self.node.native.as_slice())?;
        let admitted = self.node.admit(sourced).await?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs());
        let reference = admitted.component.reference();
        self.node.store.install(&admitted.bundle, reference, &admitted.proof, admitted.native.as_ref(), since)?;
        // A crash in between leaves the new component with the old floor, which rises at the next start.
        self.start(&admitted)?;
        #[cfg(feature = "models")]
        self.models_changed(std::slice::from_ref(&admitted.component)).await;
        let report = ComponentReport::new(&admitted.component, &self.node.router.catalog());
        admitted.component.rest();
        drop(admitted);
        give_back();
        Ok(report)
    }

    /// Takes a component out, from the running host and from the disk. Its calls go on to their end.
    ///
    /// # Errors
    /// When there is none of that name, or the disk fails.
    pub fn remove(&self, name: &str) -> Result<(), RemoveError> {
        let unknown = || RemoveError::Unknown(name.to_owned());
        let parsed: ComponentName = name.parse().map_err(|_| unknown())?;
        let installed = self.node.store.remove(&parsed)?;
        let running = self.node.supervisor.remove(name);
        self.node.router.update();
        match running {
            Some(component) => self.retire(component),
            None if !installed => return Err(unknown()),
            None => {}
        }
        Ok(())
    }

    /// Lowers the version floor of a component, or gives its name to another signer of the policy, because a person wants
    /// it so; `reason` goes into the audit log. What serves goes on. Gives the floor that was there.
    ///
    /// # Errors
    /// There is no floor for that name, there is no reason, or the floors cannot be written.
    pub fn roll_back(
        &self,
        name: &str,
        version: &Version,
        signer: Option<&str>,
        reason: &str,
    ) -> Result<Floor, RollBackError> {
        let unknown = || RollBackError::Unknown(name.to_owned());
        let parsed: ComponentName = name.parse().map_err(|_| unknown())?;
        if reason.trim().is_empty() || reason.len() > MAX_REASON || reason.chars().any(char::is_control) {
            return Err(RollBackError::NoReason);
        }
        if let Some(signer) = signer.filter(|signer| !self.node.policy.knows_signer(signer)) {
            return Err(RollBackError::UnknownSigner(signer.to_owned()));
        }
        let before = self.node.floors.get(&parsed)?.ok_or_else(unknown)?;
        // Written first: what is done without a record would be worse than a record of what was not done.
        self.node.audit.emit(Event::RolledBack {
            component: name.to_owned(),
            from: before.version.to_string(),
            to: version.to_string(),
            signer: signer.unwrap_or(&before.signer).to_owned(),
            reason: reason.to_owned(),
        });
        self.node.floors.roll_back(&parsed, version, signer)?.ok_or_else(unknown)
    }

    /// The version floors of this node, by name.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn floors(&self) -> Result<Vec<(String, Floor)>, FloorsError> {
        self.node.floors.list()
    }

    /// Prepares a call of a tool by the node's owner, by the name under which [`Host::tools`] lists it. `arguments`: a JSON
    /// object.
    #[must_use]
    pub fn call_tool(&self, name: &str, arguments: &str) -> ToolCall {
        self.call_tool_as(&Principal::owner(), name, arguments)
    }

    /// Prepares a call of a tool on behalf of somebody, who may use what their `reach` says.
    #[must_use]
    pub fn call_tool_as(&self, principal: &Principal, name: &str, arguments: &str) -> ToolCall {
        let request = Request {
            target: Target::Tool(ToolTarget { name: name.to_owned(), arguments: arguments.to_owned(), meta: None }),
            answers: Vec::new(),
            state: None,
            client: ClientFeatures::empty(),
            trace: None,
        };
        ToolCall::new(self.node.router.call(principal, request))
    }

    /// The tools of all components.
    #[must_use]
    pub fn tools(&self) -> Vec<crate::ToolReport> {
        self.node.router.catalog().tools.iter().map(|entry| crate::ToolReport::new(&entry.definition)).collect()
    }

    /// The components that serve.
    #[must_use]
    pub fn components(&self) -> Vec<ComponentReport> {
        let catalog = self.node.router.catalog();
        catalog.components().iter().map(|component| ComponentReport::new(component, &catalog)).collect()
    }

    /// The components that serve, with `refused` beside them.
    #[must_use]
    pub fn listing(&self, refused: Vec<RefusedReport>) -> Listing {
        Listing { development: self.node.development, components: self.components(), refused }
    }

    /// What the node counted since it started, as OpenMetrics text.
    #[must_use]
    pub fn metrics(&self) -> String {
        let catalog = self.node.router.catalog();
        let calls = catalog.components().iter().map(|component| (component.name().to_owned(), component.calls()));
        self.node.metrics.text(&Now { components: calls.collect(), memory: resident_memory() })
    }

    /// What policy says.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.node.policy
    }

    /// Where this host keeps things.
    #[must_use]
    pub fn state(&self) -> &StatePaths {
        &self.node.paths
    }

    /// Lets a component serve. Its version is the floor from here on, on the disk before the first call.
    fn start(&self, admitted: &Admitted) -> Result<(), AdmitError> {
        self.replace(admitted)?;
        self.node.router.update();
        Ok(())
    }

    /// Starts it, in place of an earlier one of its name. Clients see it once the router has looked again.
    fn replace(&self, admitted: &Admitted) -> Result<(), AdmitError> {
        self.node.raise_floor(&admitted.component)?;
        if let Some(earlier) = self.node.supervisor.start(Arc::clone(&admitted.component)) {
            self.retire(earlier);
        }
        Ok(())
    }

    fn retire(&self, component: Arc<Component>) {
        let supervisor = Arc::clone(&self.node.supervisor);
        tokio::spawn(async move { supervisor.retire(&component, RETIRE).await });
    }
}

/// Memory of this process in bytes: `VmRSS` of `/proc/self/status`, see proc(5).
fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Whether it computes models.
fn is_backend(sourced: &Sourced) -> bool {
    sourced.bundle.exports().iter().any(|export| export.starts_with("tidegate:model/backend@"))
}

/// An error and its causes on one line, for reports that are no errors any more.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Files that a builder or caller names, made absolute so that a host in another directory finds them.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
