//! Puts a host together.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidegate_audit::{Audit, Sink};
use tidegate_cap_host::SecretSource;
use tidegate_capability::Capability;
use tidegate_engine::{CompileLimits, Compiler, Engine, EngineConfig, EngineError, HostKey as EngineKey, Pool};
use tidegate_freshness::{Floors, FloorsError};
use tidegate_grant::Limits;
use tidegate_metrics::Metrics;
use tidegate_router::{ContextCapability, GatewayCapability, Later, Router, RouterConfig};
use tidegate_rules::Policy;
use tidegate_source_dir::{Store, StoreError};
use tidegate_supervisor::Supervisor;

use crate::code::Code;
use crate::files::{FilesError, StatePaths};
use crate::host::{Host, Node};
use crate::trust::{TrustedKeysError, trust_root};

/// Builds a [`Host`].
#[must_use]
pub struct Builder {
    state: PathBuf,
    policy: Policy,
    development: bool,
    sinks: Vec<Arc<dyn Sink>>,
    secrets: SecretSource,
    compiler: Option<Compiler>,
    compile_limits: CompileLimits,
    code: Code,
    extra_roots: Vec<u8>,
    seal_key: Option<PathBuf>,
    lock: Option<PathBuf>,
    models_memory: u64,
}

/// A host cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The state directory cannot be used.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The installed components cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The version floors cannot be opened.
    #[error(transparent)]
    Floors(#[from] FloorsError),
    /// A signer of the policy cannot be believed.
    #[error(transparent)]
    Trust(#[from] TrustedKeysError),
    /// The runtime cannot start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// What components or clients left here cannot be opened.
    #[error(transparent)]
    Durable(#[from] tidegate_durable::OpenError),
    /// The models of the node cannot be listed.
    #[cfg(feature = "models")]
    #[error(transparent)]
    Models(#[from] tidegate_source_dir::ModelStoreError),
    /// The certificates given for outgoing TLS cannot be used.
    #[error(transparent)]
    Roots(#[from] tidegate_cap_http::RootsError),
}

impl Builder {
    pub(crate) fn new(state: &Path) -> Self {
        Self {
            state: state.to_owned(),
            policy: Policy::default(),
            development: false,
            sinks: Vec::new(),
            secrets: SecretSource::default(),
            compiler: cfg!(feature = "compile").then(Compiler::default),
            compile_limits: CompileLimits::default(),
            code: Code::default(),
            extra_roots: Vec::new(),
            seal_key: None,
            lock: None,
            models_memory: 512 << 20,
        }
    }

    /// Whom to believe and what to grant. Without it: nobody, nothing.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Also runs components without a signature that were built on this machine, as signer `local-build`. For
    /// development; every listing says so.
    pub fn development(mut self, development: bool) -> Self {
        self.development = development;
        self
    }

    /// Writes audit events to one more sink.
    pub fn audit(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Where secrets come from.
    pub fn secrets(mut self, secrets: SecretSource) -> Self {
        self.secrets = secrets;
        self
    }

    /// The program that compiles components, in place of this executable.
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.compiler = Some(compiler);
        self
    }

    /// Bounds on compiling one component.
    pub fn compile_limits(mut self, limits: CompileLimits) -> Self {
        self.compile_limits = limits;
        self
    }

    /// What kind of code runs, and who compiles it. Without it: this processor's, compiled here.
    pub fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// Memory that all loaded models may have together, in bytes. Without it: 512 MiB. A build without the feature `models` has
    /// none.
    pub fn models_memory(mut self, bytes: u64) -> Self {
        self.models_memory = bytes;
        self
    }

    /// Certificates (PEM) that outgoing TLS believes beside the public ones.
    pub fn extra_roots(mut self, pem: Vec<u8>) -> Self {
        self.extra_roots = pem;
        self
    }

    /// Lets in only what the lock in this file approves; see [`crate::read_lock`]. It is read at each admission.
    pub fn locked_by(mut self, lock: PathBuf) -> Self {
        self.lock = Some(lock);
        self
    }

    /// A file of 32 bytes under which values that pass through clients are sealed, in place of the host's own key: the same
    /// for all hosts that answer behind one address.
    pub fn seal_key(mut self, file: PathBuf) -> Self {
        self.seal_key = Some(file);
        self
    }

    /// Builds the host, without components: see [`Host::load_installed`] and [`Host::add`].
    ///
    /// # Errors
    /// As [`BuildError`] says; nothing runs then.
    pub async fn build(self) -> Result<Host, BuildError> {
        let paths = StatePaths::open(&self.state)?;
        let host_key = paths.load_host_key()?;
        let store = Store::open(&paths.root)?;
        let trust = trust_root(&self.policy)?;
        let compiler = self.compiler.filter(|_| self.code.compile);
        // What cannot be compiled here must have been compiled elsewhere.
        let native = compiler.is_none().then_some(self.code.target);
        let engine = EngineConfig {
            pool: Pool {
                instances: self.policy.pool.instances,
                stack: self.policy.pool.stack,
                max_memory: Limits::MAX_MEMORY,
                max_table_elements: Limits::MAX_TABLE_ELEMENTS,
                max_core_instances_per_component: Limits::MAX_INSTANCES,
            },
            target: self.code.target,
            layout: self.code.layout(compiler.is_some()),
            cache_dir: compiler.is_some().then(|| paths.cache()),
            cache_bytes: 1 << 30,
            code_dir: Some(paths.root.clone()),
            host_key: EngineKey(*host_key.as_bytes()),
            compiler,
            compile_limits: self.compile_limits,
            epoch_period: Duration::from_millis(1),
        };
        // Side by side: each file waits for the disk, and the engine sets up its pool.
        let (engine, floors, kv, mailboxes, system) = std::thread::scope(|scope| {
            let floors = scope.spawn(|| Floors::open(&paths.root));
            let kv = scope.spawn(|| tidegate_cap_kv::Kv::open(&paths.root));
            let mailboxes = scope.spawn(|| tidegate_mailbox_store::Store::open(&paths.mailboxes(), now()));
            let system = scope.spawn(tidegate_cap_system::System::new);
            let engine = Engine::new(engine);
            (engine, joined(floors), joined(kv), joined(mailboxes), joined(system))
        });
        let (floors, engine) = (floors?, engine?);
        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")));
        let mut sinks = self.sinks;
        sinks.push(Arc::clone(&metrics) as Arc<dyn Sink>);
        let audit = Audit::new(sinks);
        let later = Later::default();
        #[cfg(feature = "models")]
        let models = crate::models::NodeModels::open(&paths.root, self.models_memory, &audit)?;
        let capabilities: Vec<Arc<dyn Capability>> = vec![
            #[cfg(feature = "models")]
            Arc::new(models.capability()),
            Arc::new(ContextCapability),
            Arc::new(GatewayCapability::new(later.clone())),
            Arc::new(tidegate_cap_wasi::Wasi::new()),
            Arc::new(tidegate_cap_host::Host::new(self.secrets)),
            Arc::new(kv?),
            Arc::new(tidegate_cap_http::Http::new(&self.extra_roots)?),
            Arc::new(system),
        ];
        let supervisor = Arc::new(Supervisor::new(engine.clone(), capabilities, audit.clone()));
        #[cfg(feature = "models")]
        models.models.connect(&supervisor);
        let config = RouterConfig {
            seal_key: match &self.seal_key {
                Some(file) => seal_key(&StatePaths::read_seal_key(file)?),
                None => seal_key(host_key.as_bytes()),
            },
            mailboxes: Some(Arc::new(mailboxes?)),
            limits: self.policy.client_limits,
        };
        let router = Router::new(Arc::clone(&supervisor), audit.clone(), &later, config, random);
        let host = Host::new(Node {
            #[cfg(feature = "models")]
            models,
            paths,
            host_key,
            store,
            floors,
            lock: self.lock,
            trust,
            policy: self.policy,
            development: self.development,
            native,
            #[cfg(feature = "compile")]
            engine,
            supervisor,
            router,
            audit,
            metrics,
        });
        #[cfg(feature = "models")]
        host.load_models()?;
        Ok(host)
    }
}

/// The key under which a node seals what its clients carry: that of a secret which may have other uses, but not the secret.
fn seal_key(secret: &[u8; 32]) -> [u8; 32] {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    let tag = ring::hmac::sign(&key, b"tidegate seal v1");
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

/// What a thread gave; its panic is the caller's.
fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Seconds since 1970; 0 with a clock before that.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// 128 random bits.
fn random() -> Option<[u8; 16]> {
    use ring::rand::{SecureRandom as _, SystemRandom};
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(bytes)
}
