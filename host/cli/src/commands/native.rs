//! Native code: compiled and signed in one step.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use tidegate::bundle::{Bundle, CodeLayout, CodeTarget, NativeFile, NativeStatement};
use tidegate::reference::{Digest, Reference};
use tidegate::source::{SIGNATURE_SUFFIX, native_path};
use tidegate::{Compiler, ENGINE_VERSION, EngineLoadError, precompile};

use crate::commands::block_on;
use crate::commands::sign::{with_suffix, write_atomically};
use crate::commands::signer::Signer;
use crate::failure::{Blame as _, Exit, Failure, Result};
use crate::settings::Settings;

/// What native code is wanted.
#[derive(Debug, Default, Args)]
pub(crate) struct NativeArgs {
    /// Compile native code for this target too, and sign it: x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu,
    /// riscv64gc-unknown-linux-gnu, pulley64, pulley32.
    #[arg(long, value_name = "TARGET", value_delimiter = ',')]
    pub(crate) target: Vec<CodeTarget>,
    /// How memories lie where it runs: generous, compact, compact:SIZE [default: generous, for pulley compact].
    #[arg(long, value_name = "LAYOUT", requires = "target")]
    layout: Option<CodeLayout>,
}

/// Native code that was just compiled and signed.
pub(crate) struct Made {
    pub(crate) file: NativeFile,
    pub(crate) statement: NativeStatement,
}

impl NativeArgs {
    /// Compiles and signs at once: nobody can read machine code, so a signature says who compiled, and nothing that lay on a
    /// disk in between is signed.
    pub(crate) fn make(
        &self,
        settings: &Settings,
        bundle: &Bundle,
        reference: &Reference,
        sign: impl Fn(Vec<u8>) -> Result<Vec<u8>>,
    ) -> Result<Vec<Made>> {
        let limits = settings.compile_limits();
        let engine = ENGINE_VERSION.parse().context("the engine has no version")?;
        let mut made = Vec::new();
        for target in &self.target {
            let layout = self.layout.unwrap_or(target.layout());
            let compiled = block_on(async {
                let compiler = Compiler::default();
                Ok(precompile(&compiler, &limits, bundle.bytes(), *target, layout).await)
            })?;
            let code = compiled.map_err(|error| blame_compiler(error, *target))?.code;
            let statement = NativeStatement {
                code: Digest::of(&code),
                component: reference.clone(),
                component_digest: bundle.digest(),
                target: *target,
                engine: Clone::clone(&engine),
                layout,
            };
            let signature = sign(statement.to_json())?;
            let file = NativeFile::new(*target, code, Some(signature), &format!("{reference} for {target}"));
            made.push(Made { file, statement });
        }
        Ok(made)
    }

    /// The same, into files beside the component's. What was there is replaced.
    pub(crate) fn write(
        &self,
        settings: &Settings,
        component: &Path,
        bundle: &Bundle,
        reference: &Reference,
        signer: &Signer,
    ) -> Result<Vec<(PathBuf, Made)>> {
        let mut written = Vec::new();
        for made in self.make(settings, bundle, reference, |statement| Ok(signer.sign(statement)?.file))? {
            let path = native_path(component, made.file.target());
            // The signature first: with the old code it is refused, and says that the code was exchanged.
            let files = [
                (with_suffix(&path, SIGNATURE_SUFFIX), made.file.signature().unwrap_or_default()),
                (path.clone(), &**made.file.code()),
            ];
            for (path, bytes) in files {
                write_atomically(&path, bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
            }
            written.push((path, made));
        }
        Ok(written)
    }
}

impl Made {
    /// For people and programs.
    pub(crate) fn report(&self, path: &Path) -> serde_json::Value {
        serde_json::json!({
            "file": path,
            "target": self.file.target().name(),
            "size": self.file.code().len(),
            "digest": self.file.digest().to_string(),
            "engine": self.statement.engine.to_string(),
            "layout": self.statement.layout.to_string(),
        })
    }
}

/// Removes native code of a component that is another one now: a host would refuse it.
pub(crate) fn remove_beside(component: &Path) -> Result<()> {
    for target in CodeTarget::ALL {
        let code = native_path(component, target);
        for path in [with_suffix(&code, SIGNATURE_SUFFIX), code] {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove `{}`", path.display())).blame(Exit::Host);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn blame_compiler(error: EngineLoadError, target: CodeTarget) -> Failure {
    if let (CodeTarget::Riscv64, EngineLoadError::CompilerCrashed { .. }) = (target, &error) {
        let advice = "the code generator for RISC-V has no short copies of a fixed length yet, which compilers of components like to \
                      make; `--target pulley64` runs there, more slowly";
        return Failure::new(Exit::Host, anyhow::Error::from(error).context(advice));
    }
    let exit = match error {
        EngineLoadError::CannotStart { .. }
        | EngineLoadError::NotACompiler { .. }
        | EngineLoadError::OtherVersion { .. }
        | EngineLoadError::CompilerCrashed { .. }
        | EngineLoadError::Stopping => Exit::Host,
        _ => Exit::Component,
    };
    Failure::new(exit, error)
}
