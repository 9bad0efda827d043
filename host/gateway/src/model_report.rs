//! Models for people and programs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_lock::Locked;

use crate::report::{RefusedReport, SignerReport};

/// The models of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ModelListing {
    /// Memory that all loaded models may have together, in bytes.
    pub memory: u64,
    /// Memory that they have now.
    pub used: u64,
    /// The models, ordered by name.
    pub models: Vec<ModelReport>,
    /// Installed, and not let in any more: changed, or by somebody who is not believed now.
    pub refused: Vec<RefusedReport>,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ModelReport {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Digest of the whole, as its signature has it.
    pub digest: String,
    /// Who vouches for it.
    pub signer: SignerReport,
    /// Its format.
    pub format: String,
    /// What it is for.
    pub description: String,
    /// Its licence.
    pub licence: Option<String>,
    /// The backend that it wants.
    pub backend: Option<String>,
    /// Labels of its manifest.
    pub labels: BTreeMap<String, String>,
    /// Its variants, largest first.
    pub variants: Vec<VariantReport>,
    /// The variant that this node takes, as far as it is known; empty: none fits.
    pub variant: String,
    /// Memory that it has now, in bytes; 0: it is not loaded.
    pub loaded: u64,
    /// What a lock says of it.
    pub locked: Locked,
}

/// A variant of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VariantReport {
    /// Its name.
    pub name: String,
    /// Bytes of its files.
    pub size: u64,
    /// Memory that is reckoned for it, in bytes.
    pub needs: u64,
}

/// What a backend says of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ModelDetails {
    /// What its manifest says.
    pub model: ModelReport,
    /// Name that the file gives itself.
    pub title: Option<String>,
    /// Architecture.
    pub architecture: String,
    /// How weights are stored.
    pub quantisation: Option<String>,
    /// How many parameters it has.
    pub parameters: Option<u64>,
    /// Inputs.
    pub inputs: Vec<ModelPort>,
    /// Outputs.
    pub outputs: Vec<ModelPort>,
    /// Most tokens of one text.
    pub context_length: Option<u32>,
    /// Numbers in an embedding.
    pub embedding_length: Option<u32>,
    /// Family and size of the tokenizer: `bpe, 32000 tokens`.
    pub tokenizer: Option<String>,
    /// Names of classes.
    pub labels: Vec<String>,
    /// Licence that the file names.
    pub licence: Option<String>,
    /// What can be asked of it.
    pub capabilities: Vec<String>,
    /// Memory that it needs when loaded, in bytes.
    pub memory: u64,
    /// More of what the file says.
    pub metadata: Vec<(String, String)>,
}

/// An input or output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ModelPort {
    /// Its name.
    pub name: String,
    /// Element and shape: `f32 [batch, 128]`.
    pub shape: String,
}
