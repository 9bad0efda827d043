//! Native code that was compiled elsewhere and signed.

use tidegate_attestation::VerifiedNative;
use tidegate_bundle::{CodeLayout, CodeTarget, NATIVE_ENGINE, NativeStatement};

use crate::engine::Engine;
use crate::load::{ELF, LoadError, Loaded, Origin, blocking, deserialize};

/// The runtime's version. Code of another one does not run, not even of one that the runtime itself would take: how code and
/// runtime call each other may differ in the smallest of versions.
pub const VERSION: &str = "48.0.8";

/// Why native code cannot run here, although somebody vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NativeMismatch {
    /// It was made from another component.
    #[error("the native code was made from another component than the one that was verified")]
    OtherComponent,
    /// Another processor.
    #[error(
        "the native code was made for {made}, and this node runs code for {here}: compile the component for it with \
         `tidegate build --target {here}`"
    )]
    Target {
        /// What it was made for.
        made: CodeTarget,
        /// What runs here.
        here: CodeTarget,
    },
    /// Another version of the compiler.
    #[error(
        "the native code was made by {NATIVE_ENGINE} {made}, and this host has {VERSION}: compile the component again with a \
         `tidegate build` of this host's version, or install the host that fits"
    )]
    Engine {
        /// Who made it.
        made: String,
    },
    /// Another layout of memories.
    #[error(
        "the native code expects memories that lie `{made}`, and here they lie `{here}`: set `layout = \"{made}\"` in \
         `[engine]`, or compile the component again with `--layout {here}`"
    )]
    Layout {
        /// What it was made for.
        made: CodeLayout,
        /// What is here.
        here: CodeLayout,
    },
    /// Whatever was signed, it is no compiled component.
    #[error("what was signed as native code is none: compile the component again with `tidegate build --target {0}`")]
    NotCode(CodeTarget),
    /// The process may not run it: a service manager or the kernel forbids memory that can be written first and executed then.
    #[error(
        "this process may not make memory executable, which native code needs: set `code = \"pulley\"` in `[engine]` and use \
         native code for {}, or permit it (`MemoryDenyWriteExecute=` in a systemd unit)",
        CodeTarget::pulley()
    )]
    NotExecutable,
    /// The runtime refuses it.
    #[error(
        "the native code does not fit this host's engine: {message}; compile the component again with a `tidegate build` of \
         this host's version"
    )]
    Configuration {
        /// What does not fit.
        message: String,
    },
}

/// Whether an engine for `target`, whose memories lie as `layout` says (none: whichever is asked for), runs what a statement
/// describes.
///
/// # Errors
/// The first thing that does not fit.
pub fn check_native(
    statement: &NativeStatement,
    target: CodeTarget,
    layout: Option<CodeLayout>,
) -> Result<(), NativeMismatch> {
    if statement.target != target {
        return Err(NativeMismatch::Target { made: statement.target, here: target });
    }
    if statement.engine.to_string() != VERSION {
        return Err(NativeMismatch::Engine { made: statement.engine.to_string() });
    }
    match layout.filter(|layout| *layout != statement.layout) {
        Some(here) => Err(NativeMismatch::Layout { made: statement.layout, here }),
        None => Ok(()),
    }
}

impl Engine {
    /// Makes a component of native code that a signer with the role `native-code` vouches for. `component` is the SHA-256 of
    /// the component that the code is to stand for: it must have been made from that one. Nothing is compiled.
    ///
    /// # Errors
    /// [`LoadError::Native`] says what does not fit, and what to do.
    pub async fn load_native(&self, component: &[u8; 32], native: &VerifiedNative) -> Result<Loaded, LoadError> {
        let statement = native.statement();
        if statement.component_digest.as_bytes() != component {
            return Err(NativeMismatch::OtherComponent.into());
        }
        check_native(statement, self.target(), Some(self.layout().code()))?;
        if !native.code().starts_with(ELF) {
            return Err(NativeMismatch::NotCode(statement.target).into());
        }
        let (engine, code) = (self.clone(), native.code().clone());
        let image = blocking(move || deserialize(&engine, &code)).await.map_err(|error| match error {
            LoadError::Code { message } if message.contains("memory executable") => {
                NativeMismatch::NotExecutable.into()
            }
            LoadError::Code { message } => NativeMismatch::Configuration { message }.into(),
            other => other,
        })?;
        Ok(image.loaded(Origin::Signed))
    }
}
