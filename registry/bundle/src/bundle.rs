//! The bundle itself.

use std::fmt;
use std::sync::Arc;

use tidegate_reference::Digest;
use wasmparser::{ComponentExportSectionReader, ComponentImportSectionReader, ComponentTypeRef, TypeBounds};

use crate::manifest::{MANIFEST_SECTION, Manifest};
use crate::sections::{Section, SectionError, check_preamble, id, sections};

/// Largest component, in bytes: it is held in memory while it is hashed, verified and compiled.
pub const MAX_COMPONENT_BYTES: u64 = 256 * 1024 * 1024;
/// Most signatures of one bundle: each costs a parse and some public-key operations.
pub const MAX_SIGNATURES: usize = 8;

/// A component's bytes, read once and never changed, with the signature files that came along.
///
/// What it says about itself (manifest, imports, exports) is what its bytes say; nobody has vouched for it yet.
/// Cloning is cheap.
#[derive(Clone)]
pub struct Bundle {
    component: Arc<[u8]>,
    signatures: Arc<[Vec<u8>]>,
    digest: Digest,
    manifest: Option<Arc<Manifest>>,
    imports: Arc<[String]>,
    exports: Arc<[String]>,
    origin: Option<Arc<str>>,
}

/// Why bytes make no bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The component's bytes.
    #[error(transparent)]
    Component(#[from] SectionError),
    /// More than [`MAX_SIGNATURES`].
    #[error("the component has {0} signatures, at most {MAX_SIGNATURES} are taken")]
    ManySignatures(usize),
}

impl Bundle {
    /// A bundle of a component's bytes and its signature files' bytes (none: unsigned). Computes the digest, reads the
    /// outermost level and parses the manifest; compiles and validates nothing.
    ///
    /// # Errors
    /// The bytes are empty, too big, native code, a core module, damaged, or hold a wrong manifest or more than one.
    pub fn new(component: impl Into<Arc<[u8]>>, signatures: Vec<Vec<u8>>) -> Result<Self, BundleError> {
        let component = component.into();
        let bytes = u64::try_from(component.len()).unwrap_or(u64::MAX);
        if bytes > MAX_COMPONENT_BYTES {
            return Err(SectionError::TooBig { bytes, max: MAX_COMPONENT_BYTES }.into());
        }
        if signatures.len() > MAX_SIGNATURES {
            return Err(BundleError::ManySignatures(signatures.len()));
        }
        let outline = Outline::read(&component)?;
        Ok(Self {
            digest: Digest::of(&component),
            signatures: signatures.into(),
            manifest: outline.manifest.map(Arc::new),
            imports: outline.imports.into(),
            exports: outline.exports.into(),
            origin: None,
            component,
        })
    }

    /// The same bundle, remembering where it came from (a file's name, a reference): errors use it. No trust follows
    /// from it.
    #[must_use]
    pub fn with_origin(mut self, origin: &str) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// Where it came from, if that is known.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Its origin, or else its digest: what to call it in a message.
    #[must_use]
    pub fn label(&self) -> String {
        self.origin.as_deref().map_or_else(|| self.digest.to_string(), str::to_owned)
    }

    /// The component's bytes.
    #[must_use]
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.component
    }

    /// The digest of [`Bundle::bytes`].
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Size of the component in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        u64::try_from(self.component.len()).unwrap_or(u64::MAX)
    }

    /// The bytes of each signature file.
    #[must_use]
    pub fn signatures(&self) -> &[Vec<u8>] {
        &self.signatures
    }

    /// What it offers and requests; foreign components have no manifest.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_deref()
    }

    /// Names of the outermost component's imports, such as `wasi:clocks/wall-clock@0.2.12`, in its order, without types
    /// that it defines itself.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// Names of the outermost component's exports, in its order.
    #[must_use]
    pub fn exports(&self) -> &[String] {
        &self.exports
    }
}

// === impl Bundle ===

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("origin", &self.origin)
            .field("digest", &self.digest)
            .field("size", &self.component.len())
            .field("signatures", &self.signatures.len())
            .finish_non_exhaustive()
    }
}

/// What one walk over the outermost sections finds.
struct Outline {
    manifest: Option<Manifest>,
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Outline {
    fn read(component: &[u8]) -> Result<Self, SectionError> {
        check_preamble(component)?;
        let (mut manifests, mut imports, mut exports) = (Vec::new(), Vec::new(), Vec::new());
        for section in sections(component, 0)? {
            match section.id {
                id::IMPORT => {
                    for import in ComponentImportSectionReader::new(section.reader())? {
                        let import = import?;
                        let name = plain(import.name.name, &section)?;
                        // A world's own types (`enum`, `flags`) are imports whose definition stands beside them: there is
                        // nothing to give. A resource is something to give.
                        if !matches!(import.ty, ComponentTypeRef::Type(TypeBounds::Eq(_))) {
                            imports.push(name);
                        }
                    }
                }
                id::EXPORT => {
                    for export in ComponentExportSectionReader::new(section.reader())? {
                        exports.push(plain(export?.name.name, &section)?);
                    }
                }
                _ => {
                    if let Some((MANIFEST_SECTION, text)) = section.custom()? {
                        manifests.push(text);
                    }
                }
            }
        }
        let manifest = match manifests.as_slice() {
            [] => None,
            [text] => Some(Manifest::from_section(text)?),
            many => return Err(SectionError::ManyManifests(many.len())),
        };
        Ok(Self { manifest, imports, exports })
    }
}

/// Names are shown in terminals before anything has validated them: only printable ASCII, as WIT has it.
fn plain(name: &str, section: &Section<'_>) -> Result<String, SectionError> {
    if name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        Ok(name.to_owned())
    } else {
        let message = "an import or export has a name with characters that no WIT name has".to_owned();
        Err(SectionError::Damaged { offset: section.offset, message })
    }
}

#[cfg(test)]
mod tests;
