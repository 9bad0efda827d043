//! What a model is, written by its publisher: `model.toml`, beside the model's files.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Deserialize;
use tidegate_reference::{ComponentName, Reference, Version, read_exactly};

use crate::manifest::{
    MAX_MANIFEST_BYTES, ManifestError, ManifestProblem, at, check_count, check_name, check_once, check_text, position,
    value,
};

/// The file that describes a model, in the folder of its files.
pub const MODEL_MANIFEST: &str = "model.toml";
/// Most files of a model, all variants together.
pub const MAX_MODEL_FILES: usize = 128;
/// Most files of one variant, those of all variants included: parts that a backend sees.
pub const MAX_MODEL_PARTS: usize = 32;
/// The variant of a model that names no variants.
const ONLY_VARIANT: &str = "default";

/// A model's manifest. Unknown keys are errors. The host reads nothing else of a model: formats are read in a sandbox.
///
/// ```toml
/// name = "stories"
/// version = "1.0.0"
/// format = "gguf"
/// description = "Short stories in plain English."
/// licence = "Apache-2.0"
/// labels = { task = "generate", language = "en" }
///
/// [[variants]]
/// name = "q8-0"
/// files = ["stories-q8_0.gguf"]
///
/// [[variants]]
/// name = "q4-0"
/// files = ["stories-q4_0.gguf"]
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ModelManifest {
    /// The model's name.
    pub name: ComponentName,
    /// Its version.
    pub version: Version,
    /// Its format, by which a backend is found: `gguf`, `onnx`, `tflite`.
    pub format: String,
    /// One or two sentences for people, up to 1,000 characters.
    #[serde(default)]
    pub description: String,
    /// An SPDX expression.
    #[serde(default)]
    pub licence: Option<String>,
    /// The backend that it wants, by name, if not any that reads the format will do.
    #[serde(default)]
    pub backend: Option<ComponentName>,
    /// For people and for choosing: `task = "embed"`. Up to 32.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// For the backend, in its own words. Up to 16 KiB as JSON.
    #[serde(default)]
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Files of every variant, beside the variant's own: a tokenizer for example. Without variants: all files, of which the
    /// first is the model itself.
    #[serde(default)]
    pub files: Vec<String>,
    /// Forms of the same model, of which a node takes the largest that fits its memory.
    #[serde(default)]
    pub variants: Vec<ModelVariant>,
}

/// One form of a model: a quantisation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ModelVariant {
    /// Its name: `q4-0`.
    pub name: String,
    /// Its own files, the model itself first.
    pub files: Vec<String>,
    /// Memory that it needs when loaded, `180MiB`; without it, its files and 32 MiB are reckoned.
    #[serde(default)]
    pub memory: Option<String>,
}

/// What is reckoned beside the files of a variant that does not say how much memory it needs, in bytes: a context of usual
/// length, and the backend itself.
const BESIDE_FILES: u64 = 32 << 20;

impl ModelManifest {
    /// Name and version together.
    #[must_use]
    pub fn reference(&self) -> Reference {
        Reference::new(self.name.clone(), self.version.clone())
    }

    /// From the bytes of a file.
    ///
    /// # Errors
    /// As [`ManifestError`] says.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooBig(bytes.len()));
        }
        std::str::from_utf8(bytes).map_err(|error| ManifestError::NotUtf8(error.valid_up_to()))?.parse()
    }

    /// Every file of the model, each once.
    #[must_use]
    pub fn all_files(&self) -> Vec<&str> {
        let variants = self.variants.iter().flat_map(|variant| &variant.files);
        let mut files: Vec<&str> = self.files.iter().chain(variants).map(String::as_str).collect();
        files.sort_unstable();
        files.dedup();
        files
    }

    /// The files of a variant, in the order in which a backend sees them.
    #[must_use]
    pub fn parts<'m>(&'m self, variant: &'m ModelVariant) -> Vec<&'m str> {
        let own = variant.files.iter().map(String::as_str);
        own.chain(self.files.iter().map(String::as_str).filter(|file| !variant.files.iter().any(|own| own == file)))
            .collect()
    }

    fn check(&mut self) -> Result<(), ManifestError> {
        at("format", check_name(&self.format))?;
        at("description", check_text(&self.description, 1_000))?;
        at("licence", check_text(self.licence.as_deref().unwrap_or_default(), 200))?;
        at("labels", check_count(self.labels.len(), 0, 32))?;
        for (key, label) in &self.labels {
            at("labels", check_name(key).and_then(|()| check_text(label, 200)))?;
        }
        let settings = serde_json::to_string(&self.settings).unwrap_or_default();
        if settings.len() > 16 << 10 {
            return Err(value("settings", ManifestProblem::Text(16 << 10)));
        }
        if self.variants.is_empty() {
            let files = std::mem::take(&mut self.files);
            self.variants.push(ModelVariant { name: ONLY_VARIANT.to_owned(), files, memory: None });
        }
        at("variants", check_count(self.variants.len(), 1, 32))?;
        at("variants", check_once(self.variants.iter().map(|variant| &variant.name)))?;
        at("files", self.files.iter().try_for_each(|file| check_file(file)))?;
        at("files", check_once(self.files.iter()))?;
        for variant in &self.variants {
            at("variants.name", check_name(&variant.name))?;
            at("variants.files", check_count(variant.files.len(), 1, MAX_MODEL_PARTS))?;
            at("variants.files", variant.files.iter().try_for_each(|file| check_file(file)))?;
            at("variants.files", check_once(variant.files.iter()))?;
            at("variants.files", check_count(self.parts(variant).len(), 1, MAX_MODEL_PARTS))?;
            if variant.memory.is_some() && variant.stated_memory().is_none() {
                return Err(value("variants.memory", ManifestProblem::Memory));
            }
        }
        at("variants", check_count(self.all_files().len(), 1, MAX_MODEL_FILES))
    }
}

impl ModelVariant {
    /// Bytes of memory that a node reckons with, if the files have `size` bytes together.
    #[must_use]
    pub fn needs(&self, size: u64) -> u64 {
        self.stated_memory().unwrap_or_else(|| size.saturating_add(BESIDE_FILES))
    }

    fn stated_memory(&self) -> Option<u64> {
        let text = self.memory.as_deref()?;
        let (number, unit) = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1u64 << 30)]
            .iter()
            .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)))?;
        number.parse::<u64>().ok()?.checked_mul(unit)
    }
}

// === impl ModelManifest ===

impl FromStr for ModelManifest {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        let mut manifest: Self = toml::Deserializer::parse(text).and_then(read_exactly).map_err(|error| {
            let (line, column) = position(text, error.span());
            let message = error.message().trim_end_matches('.').replace('\n', ", ").escape_debug().to_string();
            ManifestError::Syntax { line, column, message }
        })?;
        manifest.check()?;
        Ok(manifest)
    }
}

/// A file's name, never a path: what leads elsewhere is refused before anything is opened.
pub(crate) fn check_file(name: &str) -> Result<(), ManifestProblem> {
    check_name(name)?;
    if name.starts_with('.') || name == MODEL_MANIFEST {
        return Err(ManifestProblem::Name(name.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
