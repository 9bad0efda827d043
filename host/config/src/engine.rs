//! What kind of code a host runs, and who compiles it.

use std::fmt;
use std::str::FromStr;

use tidegate_bundle::{CodeLayout, CodeTarget};

use crate::setting::Setting;

/// What kind of code runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// Code of this processor, or of the interpreter.
    pub code: Setting<CodeKind>,
    /// Whether this host compiles components. If not, they need native code that a signer with the role `native-code` signed.
    pub compile: Setting<bool>,
    /// How memories lie in the address space; none: the host chooses.
    pub layout: Setting<Option<CodeLayout>>,
}

/// What kind of code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// Code of this processor. The default.
    Native,
    /// Code of the runtime's interpreter: no memory that can be executed is needed, and it runs on processors that no compiler
    /// is made for. An order of magnitude slower.
    Pulley,
}

impl CodeKind {
    /// What code must be for, to run on this node.
    #[must_use]
    pub const fn target(self) -> CodeTarget {
        match self {
            Self::Native => CodeTarget::here(),
            Self::Pulley => CodeTarget::pulley(),
        }
    }
}

// === impl CodeKind ===

impl fmt::Display for CodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Native => "native",
            Self::Pulley => "pulley",
        })
    }
}

impl FromStr for CodeKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "native" => Ok(Self::Native),
            "pulley" => Ok(Self::Pulley),
            other => Err(format!("`{other}` is not one of `native` and `pulley`")),
        }
    }
}

/// `auto`, or a layout.
pub(crate) fn layout(text: &str) -> Result<Option<CodeLayout>, String> {
    match text {
        "auto" => Ok(None),
        text => text.parse().map(Some).map_err(|error| format!("{error}, or `auto`")),
    }
}
