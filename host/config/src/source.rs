//! `[[source]]`: registries and mirrors whose index must be signed.

use std::path::PathBuf;

use tidegate_rules::document::Value;

use crate::file::Reader;

/// A `[[source]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// `oci://HOST`, an `https://` address, or the absolute path of a folder; as it was written otherwise.
    pub place: String,
    /// The public key, PEM, that its index must be signed with.
    pub index_key: PathBuf,
}

impl Reader<'_, '_> {
    pub(crate) fn sources(&mut self, value: &Value<'_>) -> Option<Vec<SourceConfig>> {
        let items = self.document.array(value, "source")?;
        Some(items.iter().filter_map(|item| self.source(item)).collect())
    }

    fn source(&mut self, value: &Value<'_>) -> Option<SourceConfig> {
        let table = self.document.table(value, "source")?;
        self.document.check_keys(table, "[[source]]", &["place", "index-key"]);
        let (place, _) = self.document.required_string(table, "place", "[[source]]", value.span())?;
        let place = match place.contains("://") {
            true => place.to_owned(),
            false => self.path(table.get("place")?, "place")?.display().to_string(),
        };
        // Without a key the lines would say nothing, and look as if they did.
        let _ = self.document.required_string(table, "index-key", "[[source]]", value.span())?;
        Some(SourceConfig { place, index_key: self.path(table.get("index-key")?, "index-key")? })
    }
}
