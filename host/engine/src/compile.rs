//! The host's side of a compilation.

use std::hash::{Hash, Hasher};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ring::digest;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::cache::Cache;
use crate::config::{Compiler, EngineConfig};
use crate::engine::{Engine, EngineError};
use crate::layout::{self, Layout};
use crate::load::{Image, LoadError, Loaded, Origin, blocking, deserialize};
use crate::wire::{Hello, MARKER, MAX_LINE, Outcome, PROTOCOL, Probe, Sandbox, TASK, Task};

/// Time for the child to say hello: it reads its own executable and closes doors, a few milliseconds. Ten seconds are
/// for an overloaded board; without a bound a program that never calls the hook would hold the load for ever.
const HELLO: Duration = Duration::from_secs(10);
/// Bytes kept of what the child writes to standard error.
const STDERR: u64 = 8 * 1024;

/// What an engine that compiles keeps for it.
pub(crate) struct Compiling {
    compiler: Option<Compiler>,
    task: Task,
    /// As many children at once as there are processors.
    turns: Semaphore,
    cache: Option<Arc<Cache>>,
}

/// Native code, and what it cost.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) code: Vec<u8>,
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    pub(crate) sandbox: Sandbox,
}

enum Answer {
    Code { code: Vec<u8>, cpu_micros: u64 },
    Probe(Probe),
}

impl Compiling {
    /// Opens the cache; no child starts yet.
    pub(crate) fn new(
        config: &EngineConfig,
        layout: &Layout,
        wasmtime: &wasmtime::Engine,
    ) -> Result<Self, EngineError> {
        let limits = &config.compile_limits;
        let cache = match &config.cache_dir {
            Some(path) => {
                let cache =
                    Cache::open(path, &config.host_key, fingerprint(wasmtime), config.cache_bytes, limits.output)
                        .map_err(|source| EngineError::CacheDir { path: path.clone(), source })?;
                Some(Arc::new(cache))
            }
            None => None,
        };
        let target = layout::interpreted(config.target).map(str::to_owned);
        let task =
            Task { layout: layout.clone(), stack: config.pool.stack, limits: limits.clone(), target, probe: false };
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { compiler: config.compiler.clone(), task, turns: Semaphore::new(cores), cache })
    }

    fn compiler(&self) -> Result<&Compiler, LoadError> {
        self.compiler.as_ref().ok_or(LoadError::NoCompiler)
    }
}

impl Engine {
    /// A component from the cache, or compiled in a child. `bytes` are a component, `digest` is theirs.
    pub(crate) async fn compiled(&self, bytes: &[u8], digest: [u8; 32]) -> Result<Loaded, LoadError> {
        let Compiling { task, turns, cache, .. } = self.compiling();
        if let Some(cache) = cache
            && let Some(image) = self.look_up(Arc::clone(cache), digest).await?
        {
            return Ok(image.loaded(Origin::Cache));
        }
        let compiler = self.compiling().compiler()?;
        let Compiled { code, cpu, wall, sandbox } = {
            let _permit = turns.acquire().await.map_err(|_| LoadError::Stopping)?;
            compile(compiler, task, bytes).await?
        };
        let (engine, cache) = (self.clone(), cache.clone());
        let image = blocking(move || {
            let image = deserialize(&engine, &code)?;
            if let Some(cache) = cache {
                cache.write(&digest, &code);
            }
            Ok(image)
        })
        .await?;
        Ok(image.loaded(Origin::Compiled { cpu, wall, sandbox }))
    }

    /// Starts a compile child, and has it try what it must not be able to do. For `doctor` and tests.
    ///
    /// # Errors
    /// There is no compiler, or the child does not start or answer.
    pub async fn probe_compiler(&self) -> Result<(Sandbox, Probe), LoadError> {
        let Compiling { task, .. } = self.compiling();
        match ask(self.compiling().compiler()?, &Task { probe: true, ..task.clone() }, &[]).await? {
            (sandbox, Answer::Probe(probe)) => Ok((sandbox, probe)),
            _ => Err(broken("it answered a question that nobody asked")),
        }
    }

    async fn look_up(&self, cache: Arc<Cache>, digest: [u8; 32]) -> Result<Option<Image>, LoadError> {
        let engine = self.clone();
        blocking(move || {
            let Some(entry) = cache.read(&digest) else {
                return Ok(None);
            };
            match deserialize(&engine, entry.code()) {
                Ok(image) => Ok(Some(image)),
                Err(error) => {
                    cache.remove(&digest, &error.to_string());
                    Ok(None)
                }
            }
        })
        .await
    }
}

/// Compiles one component in a child.
pub(crate) async fn compile(compiler: &Compiler, task: &Task, component: &[u8]) -> Result<Compiled, LoadError> {
    let started = Instant::now();
    let (sandbox, answer) = ask(compiler, task, component).await?;
    match answer {
        Answer::Code { code, cpu_micros } => {
            Ok(Compiled { code, cpu: Duration::from_micros(cpu_micros), wall: started.elapsed(), sandbox })
        }
        Answer::Probe(_) => Err(broken("it answered a question that nobody asked")),
    }
}

async fn ask(compiler: &Compiler, task: &Task, component: &[u8]) -> Result<(Sandbox, Answer), LoadError> {
    let mut child = spawn(compiler, task)?;
    let Some(mut stderr) = child.stderr.take() else { return Err(broken("it has no standard error")) };
    let mut said = Vec::new();
    let complaints = async {
        // Kept up to a bound, then thrown away, so that the child never waits for us.
        let _ = (&mut stderr).take(STDERR).read_to_end(&mut said).await;
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    };
    let talk = timeout(task.limits.wall, async {
        let answer = async {
            let answer = converse(&mut child, compiler, task, component).await;
            if answer.is_err() {
                // Not one more byte is wanted; this also ends its standard error.
                let _ = child.start_kill();
            }
            answer
        };
        tokio::join!(answer, complaints).0
    });
    let Ok(answer) = talk.await else {
        let _ = child.kill().await;
        return Err(LoadError::CompileWall { limit: task.limits.wall });
    };
    // It has closed its pipes, or was killed: it is about to end.
    let status = child.wait().await.map_err(|source| cannot_start(compiler, source))?;
    match answer {
        Ok(answer) => Ok(answer),
        Err(Broken::Load(error)) => Err(error),
        Err(Broken::NoHello) => Err(no_hook(compiler, &said)),
        Err(Broken::Silent) => Err(died(status, &said, task)),
    }
}

fn spawn(compiler: &Compiler, task: &Task) -> Result<Child, LoadError> {
    let task = serde_json::to_string(task).map_err(|error| broken(&error.to_string()))?;
    Command::new(&compiler.program)
        .args(&compiler.args)
        .arg(MARKER)
        .env_clear()
        .env(TASK, task)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| cannot_start(compiler, source))
}

/// Why there is no answer.
enum Broken {
    /// Known already.
    Load(LoadError),
    /// The program is no compile child.
    NoHello,
    /// It said hello and ended without an answer: how it ended says why.
    Silent,
}

async fn converse(
    child: &mut Child,
    compiler: &Compiler,
    task: &Task,
    component: &[u8],
) -> Result<(Sandbox, Answer), Broken> {
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Broken::NoHello);
    };
    let mut stdout = BufReader::new(stdout);
    let hello = match timeout(HELLO, line::<Hello>(&mut stdout)).await {
        Ok(Some(hello)) if hello.tidegate_compile_child == PROTOCOL => hello,
        Ok(Some(_)) => {
            let program = compiler.program.clone();
            return Err(Broken::Load(LoadError::OtherVersion { program }));
        }
        Ok(None) | Err(_) => return Err(Broken::NoHello),
    };
    let send = async {
        // A child that ends early says why on stdout, or by how it ended.
        let _ = stdin.write_all(component).await;
        drop(stdin);
    };
    let (answer, ()) = tokio::join!(receive(&mut stdout, task), send);
    Ok((hello.sandbox, answer?))
}

async fn receive(stdout: &mut BufReader<ChildStdout>, task: &Task) -> Result<Answer, Broken> {
    let (bytes, cpu_micros) = match line::<Outcome>(stdout).await.ok_or(Broken::Silent)? {
        Outcome::Code { bytes, cpu_micros } => (bytes, cpu_micros),
        Outcome::Probe(probe) => return Ok(Answer::Probe(probe)),
        Outcome::Invalid { message } => return Err(Broken::Load(invalid(message, task))),
        Outcome::Setup { message } => return Err(Broken::Load(broken(&message))),
    };
    let limit = task.limits.output;
    if bytes > limit {
        return Err(Broken::Load(LoadError::CompileOutput { limit, bytes }));
    }
    let mut code = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
    let read = stdout.take(bytes).read_to_end(&mut code).await.map_err(|_| Broken::Silent)?;
    if read as u64 == bytes { Ok(Answer::Code { code, cpu_micros }) } else { Err(Broken::Silent) }
}

/// One line of JSON; nothing if there is none, or another, or it is too long.
async fn line<T: DeserializeOwned>(stdout: &mut BufReader<ChildStdout>) -> Option<T> {
    let mut line = Vec::new();
    stdout.take(MAX_LINE).read_until(b'\n', &mut line).await.ok()?;
    serde_json::from_slice(&line).ok()
}

fn invalid(message: String, task: &Task) -> LoadError {
    // Where the compiler can, it reports that it got no memory instead of aborting.
    if message.contains("out of memory") || message.contains("Cannot allocate memory") {
        return LoadError::CompileMemory { limit: task.limits.memory };
    }
    LoadError::Invalid { message }
}

fn died(status: ExitStatus, said: &[u8], task: &Task) -> LoadError {
    let said = String::from_utf8_lossy(said);
    if said.contains("memory allocation of") {
        return LoadError::CompileMemory { limit: task.limits.memory };
    }
    match status.signal() {
        Some(libc::SIGXCPU) => LoadError::CompileCpu { limit: task.limits.cpu },
        Some(signal) => LoadError::CompilerCrashed { how: format!("by signal {signal}{}", quoted(&said)) },
        None => {
            let code = status.code().unwrap_or_default();
            LoadError::CompilerCrashed { how: format!("with exit code {code}{}", quoted(&said)) }
        }
    }
}

fn quoted(said: &str) -> String {
    let last: String = said.lines().take(3).collect::<Vec<_>>().join("; ").chars().take(400).collect();
    if last.is_empty() { String::new() } else { format!(" after `{last}`") }
}

fn no_hook(compiler: &Compiler, said: &[u8]) -> LoadError {
    LoadError::NotACompiler { program: compiler.program.clone(), said: quoted(&String::from_utf8_lossy(said)) }
}

fn cannot_start(compiler: &Compiler, source: std::io::Error) -> LoadError {
    LoadError::CannotStart { program: compiler.program.clone(), source }
}

fn broken(what: &str) -> LoadError {
    LoadError::CompilerCrashed { how: format!("before it started: {what}") }
}

/// What compiled code depends on besides the component: version, target, flags and features of the runtime.
fn fingerprint(engine: &wasmtime::Engine) -> [u8; 32] {
    struct Sha(digest::Context);
    impl Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut sha = Sha(digest::Context::new(&digest::SHA256));
    engine.precompile_compatibility_hash().hash(&mut sha);
    let mut hash = [0; 32];
    hash.copy_from_slice(sha.0.finish().as_ref());
    hash
}
