//! Native code: compiled and signed in one step, and told about.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use tidegate::attestation::{TrustRoot, VerifiedBundle, verify_native};
use tidegate::bundle::{Bundle, CodeLayout, CodeTarget, NativeFile, NativeStatement};
use tidegate::reference::{Digest, Reference};
use tidegate::source::{SIGNATURE_SUFFIX, native_path};
use tidegate::{Compiler, ENGINE_VERSION, EngineLoadError, SignerReport, check_native, precompile};

use crate::commands::block_on;
use crate::commands::sign::{with_suffix, write_atomically};
use crate::commands::signer::Signer;
use crate::failure::{Blame as _, Exit, Failure, Result};
use crate::output::{self, Style, printable};
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

/// What there is to say about native code beside a component.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct NativeReport {
    /// Its file.
    file: String,
    /// What it is for.
    target: String,
    /// Bytes.
    size: usize,
    /// Digest of its bytes.
    digest: String,
    /// Who vouches for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<SignerReport>,
    /// The engine that made it, and runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<String>,
    /// How it expects memories to lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    layout: Option<String>,
    /// Why nobody who is believed vouches for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    /// Why a host on this machine does not run it.
    #[serde(skip_serializing_if = "Option::is_none")]
    elsewhere: Option<String>,
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

impl NativeReport {
    /// Verifies native code, and looks whether a host on this machine could run it; `layout`: if it is set for this node.
    pub(crate) fn new(
        component: &VerifiedBundle,
        file: NativeFile,
        trust: &TrustRoot,
        layout: Option<CodeLayout>,
    ) -> Self {
        let mut report = Self {
            file: file.origin().to_owned(),
            target: file.target().to_string(),
            size: file.code().len(),
            digest: file.digest().to_string(),
            signer: None,
            engine: None,
            layout: None,
            refused: None,
            elsewhere: None,
        };
        match verify_native(component, file, trust) {
            Ok(verified) => {
                let statement = verified.statement();
                let here = [CodeTarget::here(), CodeTarget::pulley()].into_iter();
                let here = here.clone().find(|here| *here == statement.target).unwrap_or(CodeTarget::here());
                report.signer = Some(SignerReport::new(verified.signer()));
                report.engine = Some(format!("wasmtime {}", statement.engine));
                report.layout = Some(statement.layout.to_string());
                report.elsewhere = check_native(statement, here, layout).err().map(|error| error.to_string());
            }
            Err(error) => report.refused = Some(Failure::new(Exit::Refused, error).text()),
        }
        report
    }

    /// Whether nobody who is believed vouches for it.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// One line, and another that says what is wrong.
    pub(crate) fn print(&self, style: Style) {
        let Self { target, refused, elsewhere, .. } = self;
        if let Some(reason) = refused {
            output::line(format_args!(
                "  native code  {target}: {}",
                style.bad(format!("refused: {}", printable(reason)))
            ));
            return;
        }
        let by = self.signer.as_ref().map(|signer| format!("{} {}", signer.name, signer.proof().unwrap_or_default()));
        let engine = self.engine.as_deref().unwrap_or_default();
        let layout = self.layout.as_deref().unwrap_or_default();
        let by = printable(&by.unwrap_or_default());
        output::line(format_args!("  native code  {target}: {engine}, {layout}, signed by {by}"));
        match elsewhere {
            None => output::line("               runs on this machine"),
            Some(reason) => output::line(format_args!("               not on this machine: {}", style.dim(reason))),
        }
    }
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
