//! Native code beside a component, as it is told about.

use serde::Serialize;
use tidegate::attestation::{TrustRoot, VerifiedBundle, verify_native};
use tidegate::bundle::{CodeLayout, CodeTarget, NativeFile};
use tidegate::{SignerReport, check_native};

use crate::failure::{Exit, Failure};
use crate::output::{self, Style, printable};

/// What there is to say about native code beside a component.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NativeReport {
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

impl NativeReport {
    /// Verifies native code, and looks whether a host on this machine could run it; `layout`: if it is set for this node.
    #[must_use]
    pub fn new(component: &VerifiedBundle, file: NativeFile, trust: &TrustRoot, layout: Option<CodeLayout>) -> Self {
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
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// One line, and another that says what is wrong.
    pub fn print(&self, style: Style) {
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
