//! Bytes to a component: from the cache, or through the compile child.

use std::path::PathBuf;
use std::time::Duration;

use ring::digest;
use rustix::mm::{Advice, madvise};
use tracing::debug;
use wasmtime::component::Component;

use crate::code_file::{CodeFile, PLACE};
use crate::engine::Engine;
use crate::native::NativeMismatch;
use crate::text::bytes as size;
#[cfg(feature = "compile")]
use crate::wire::Sandbox;

/// First bytes of native code (ELF): an AOT-compiled component is one.
pub(crate) const ELF: &[u8] = b"\x7fELF";
/// First bytes of a component: magic, version 13, layer 1.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
/// First bytes of a core module: magic, version 1, layer 0.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// Bytes hashed before other tasks get their turn: about 1 ms.
const HASH_CHUNK: usize = 1 << 20;

/// A component, ready to be linked.
#[derive(Debug)]
pub struct Loaded {
    /// The component.
    pub component: Component,
    /// Where its code is from.
    pub origin: Origin,
    /// Its memory.
    pub image: Image,
}

/// A component, and where its code lies in memory.
#[derive(Debug, Clone)]
pub struct Image {
    component: Component,
    mapped: bool,
}

/// Where code is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The cache.
    Cache,
    /// Somebody else compiled and signed it.
    Signed,
    /// A compile child, just now.
    #[cfg(feature = "compile")]
    Compiled {
        /// CPU time of the child.
        cpu: Duration,
        /// Time from start to end.
        wall: Duration,
        /// What the child had given up; weaker on old kernels.
        sandbox: Sandbox,
    },
}

/// Why a component was not loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The component is native code.
    #[error(
        "this is native code, not a component: name the `.wasm` file, beside which native code may lie with a signature"
    )]
    NativeCode,
    /// There is no compiler here.
    #[error(
        "this host has no compiler: compile the component for it where there is one, with `tidegate build --target`, \
         and add the signed result"
    )]
    NoCompiler,
    /// The component is a core module.
    #[error(
        "this is a core module, not a component: build it for `wasm32-wasip2`, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// The component is none.
    #[error("this is not a WebAssembly component: it does not start with a component's magic bytes")]
    NotWasm,
    /// The caller's digest is another one.
    #[error("the bytes do not have the digest that was verified")]
    Digest,
    /// The component is not valid, or uses what is switched off.
    #[error("the component is not valid: {message}")]
    Invalid {
        /// What is wrong, by the compiler.
        message: String,
    },
    /// The component needs more than a slot of the pool has.
    #[error("the component does not fit a slot of the pool: {message}")]
    DoesNotFit {
        /// What is too large.
        message: String,
    },
    /// The component is too large.
    #[error("the component has {}, more than the compile limit of {} (setting `compile.input`)", size(*.bytes), size(*.limit))]
    CompileInput {
        /// The limit in bytes.
        limit: u64,
        /// Its size.
        bytes: u64,
    },
    /// The component makes the compiler use too much memory.
    #[error("compiling it takes more than {} of memory (setting `compile.memory`)", size(*.limit))]
    CompileMemory {
        /// The limit in bytes.
        limit: u64,
    },
    /// The component makes the compiler use too much CPU time.
    #[error("compiling it takes more than {limit:?} of CPU time (setting `compile.cpu`)")]
    CompileCpu {
        /// The limit.
        limit: Duration,
    },
    /// The compiler took too long.
    #[error("compiling it takes longer than {limit:?} (setting `compile.wall`)")]
    CompileWall {
        /// The limit.
        limit: Duration,
    },
    /// The component becomes too much code.
    #[error("compiled it has {}, more than the compile limit of {} (setting `compile.output`)", size(*.bytes), size(*.limit))]
    CompileOutput {
        /// The limit in bytes.
        limit: u64,
        /// Its size.
        bytes: u64,
    },
    /// The compiler crashed on the component.
    #[error("the compiler ended {how}; the host is not affected")]
    CompilerCrashed {
        /// How.
        how: String,
    },
    /// The compiler does not start.
    #[error("cannot start the compiler `{}`: check that the file exists and may be executed", .program.display())]
    CannotStart {
        /// Its path.
        program: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The program started is no compiler.
    #[error(
        "`{}` did not answer as compiler{said}: call `tidegate_engine::worker::run_if_asked()` first thing in its `main`",
        .program.display()
    )]
    NotACompiler {
        /// Its path.
        program: PathBuf,
        /// What it wrote to standard error instead.
        said: String,
    },
    /// The program started is a compiler of another version.
    #[error("`{}` is another version than this host: install both from the same release", .program.display())]
    OtherVersion {
        /// Its path.
        program: PathBuf,
    },
    /// The code that the compiler handed back does not load.
    #[error("the compiled code does not load: {message}")]
    Code {
        /// Why not.
        message: String,
    },
    /// Native code that was compiled elsewhere cannot run here.
    #[error(transparent)]
    Native(#[from] NativeMismatch),
    /// The host is stopping.
    #[error("the host is stopping")]
    Stopping,
}

impl Engine {
    /// Makes a component of verified bytes: from the cache, or compiled in a child. `digest` is their SHA-256, which
    /// is checked again. The bytes themselves never reach a compiler in this process.
    ///
    /// # Errors
    /// See [`LoadError`]. A cache that cannot be read or written is no error: it is logged.
    pub async fn load(&self, bytes: &[u8], digest: &[u8; 32]) -> Result<Loaded, LoadError> {
        look(bytes, self.limits().input)?;
        if sha256(bytes).await != *digest {
            return Err(LoadError::Digest);
        }
        #[cfg(feature = "compile")]
        return self.compiled(bytes, *digest).await;
        #[cfg(not(feature = "compile"))]
        Err(LoadError::NoCompiler)
    }
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| LoadError::Stopping)?
}

pub(crate) fn look(bytes: &[u8], limit: u64) -> Result<(), LoadError> {
    if bytes.starts_with(ELF) {
        return Err(LoadError::NativeCode);
    }
    if bytes.starts_with(MODULE) {
        return Err(LoadError::CoreModule);
    }
    if !bytes.starts_with(COMPONENT) {
        return Err(LoadError::NotWasm);
    }
    let length = bytes.len() as u64;
    if length > limit {
        return Err(LoadError::CompileInput { limit, bytes: length });
    }
    Ok(())
}

pub(crate) async fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for chunk in bytes.chunks(HASH_CHUNK) {
        context.update(chunk);
        if chunk.len() == HASH_CHUNK {
            tokio::task::yield_now().await;
        }
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Makes a component of native code, mapped from a file where that is possible: then `code` is not needed any more.
#[allow(unsafe_code, reason = "native code can only be trusted, not checked")]
pub(crate) fn deserialize(engine: &Engine, code: &[u8]) -> Result<Image, LoadError> {
    let file = CodeFile::new(code, engine.code_dir());
    let file = file.inspect_err(|error| debug!(%error, "code is copied into memory: no file to map it from")).ok();
    let (engine, mapped) = (engine.wasmtime(), file.is_some());
    // SAFETY: `code` is one of three. What our own compile child handed back through a pipe that only it and we hold. A
    // cache entry whose HMAC under this host's key covers exactly this buffer, the component's digest, the engine's version
    // and its configuration. Or the bytes of a `VerifiedNative`, which exists only if a signer whom policy believes in
    // native code signed the digest of exactly this buffer as the output of this very version's compiler; the node's owner
    // vouches with that policy line. It is in memory of ours, so nobody changes it after the check; what `CodeFile` says
    // keeps its copy as it was written.
    let made = match file {
        Some(file) => unsafe { Component::deserialize_file(engine, file.path()) },
        None => unsafe { Component::deserialize(engine, code) },
    };
    made.map(|component| Image { component, mapped }).map_err(|error| {
        let message = chain(&error);
        if message.contains("exceeds the") { LoadError::DoesNotFit { message } } else { LoadError::Code { message } }
    })
}

impl Image {
    pub(crate) fn loaded(self, origin: Origin) -> Loaded {
        Loaded { component: self.component.clone(), origin, image: self }
    }

    /// Takes the pages of code and data out of the process, to which they come back as they are used: to load a component needs
    /// more of them than to call it.
    #[allow(unsafe_code, reason = "advice on memory that the runtime owns")]
    pub fn rest(&self) {
        // What was copied would be lost.
        if !self.mapped {
            return;
        }
        let image = self.component.image_range();
        let length = (image.end as usize).saturating_sub(image.start as usize);
        // SAFETY: the range is a private mapping of a `CodeFile` and stays one while we hold the component. The runtime has it
        // read-only and has written nothing to it (what it would have to change in code, it refuses to load), so every page
        // comes back from the file as it was.
        let _ = unsafe { madvise(image.start.cast_mut().cast(), length, Advice::LinuxDontNeed) };
    }
}

/// The causes in words, without the path under which the file was opened: it would lead nobody anywhere.
fn chain(error: &wasmtime::Error) -> String {
    let causes = error.chain().map(ToString::to_string).filter(|cause| !cause.contains(PLACE));
    causes.collect::<Vec<_>>().join(": ")
}
