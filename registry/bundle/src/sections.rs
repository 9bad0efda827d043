//! The outermost level of a component file: its preamble and its sections.
//!
//! Source of the format: the component model's `Binary.md` and the core specification's "Modules". A file is an 8-byte
//! preamble (magic, version, layer) and then sections: one byte of id, a LEB128 length, the contents.

use wasmparser::{BinaryReader, BinaryReaderError, CustomSectionReader};

use crate::manifest::{MANIFEST_SECTION, Manifest, ManifestError};

/// Why bytes are not a component that this program takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SectionError {
    /// No bytes at all.
    #[error("the file is empty: build the component again")]
    Empty,
    /// More than [`crate::MAX_COMPONENT_BYTES`].
    #[error("the component has {bytes} bytes, at most {max} are taken")]
    TooBig {
        /// Its size.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// An ELF file: native code, as `wasmtime compile` makes it.
    #[error(
        "this is native code (ELF, perhaps a `.cwasm`) under the name of a component: name the `.wasm` that it was compiled \
         from, beside which native code may lie as `X.TARGET.cwasm`"
    )]
    NativeCode,
    /// A core module.
    #[error(
        "this is a core module, not a component: build it for the target `wasm32-wasip2`, or wrap it with \
         `wasm-tools component new`"
    )]
    CoreModule,
    /// The text format.
    #[error("this is WebAssembly text: translate it with `wasm-tools parse`")]
    Text,
    /// Anything else.
    #[error("this is not a component: it does not begin as one (`\\0asm`, version 13, layer 1)")]
    NotAComponent,
    /// A section that cannot be read.
    #[error("the component is damaged or cut short at byte {offset}: {message}")]
    Damaged {
        /// Where, from the beginning of the file.
        offset: u64,
        /// What is wrong there.
        message: String,
    },
    /// More than one manifest: readers could disagree on which one counts.
    #[error("the component has {0} sections `tidegate:manifest`, one is allowed: ask its publisher for a clean build")]
    ManyManifests(usize),
    /// Components inside components inside ... deeper than any tool makes them.
    #[error("components are nested more than {0} levels deep")]
    TooDeep(usize),
    /// The manifest's text.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// What came out of a change is no valid component.
    #[error("the changed component does not validate: {0}")]
    Invalid(String),
}

impl From<BinaryReaderError> for SectionError {
    fn from(error: BinaryReaderError) -> Self {
        Self::Damaged { offset: error.offset(), message: error.message().to_owned() }
    }
}

/// Section ids of a component, as far as they matter here.
pub(crate) mod id {
    pub(crate) const CUSTOM: u8 = 0;
    pub(crate) const CORE_MODULE: u8 = 1;
    pub(crate) const COMPONENT: u8 = 4;
    pub(crate) const IMPORT: u8 = 10;
    pub(crate) const EXPORT: u8 = 11;
}

pub(crate) const COMPONENT_PREAMBLE: [u8; PREAMBLE_BYTES] = *b"\0asm\x0d\0\x01\0";
pub(crate) const MODULE_PREAMBLE: [u8; PREAMBLE_BYTES] = *b"\0asm\x01\0\0\0";
pub(crate) const PREAMBLE_BYTES: usize = 8;

/// One section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section<'a> {
    pub(crate) id: u8,
    /// Where its contents begin in the file.
    pub(crate) offset: u64,
    pub(crate) contents: &'a [u8],
}

impl<'a> Section<'a> {
    pub(crate) fn reader(&self) -> BinaryReader<'a> {
        BinaryReader::new(self.contents, self.offset)
    }

    /// Name and data, if it is a custom section.
    pub(crate) fn custom(&self) -> Result<Option<(&'a str, &'a [u8])>, SectionError> {
        if self.id != id::CUSTOM {
            return Ok(None);
        }
        let section = CustomSectionReader::new(self.reader())?;
        Ok(Some((section.name(), section.data())))
    }
}

/// Replaces the manifest of `component` (or adds one): the last section of the outermost component.
///
/// # Errors
/// The text is no manifest, or the bytes are no component.
pub fn embed_manifest(component: &[u8], manifest_toml: &str) -> Result<Vec<u8>, SectionError> {
    manifest_toml.parse::<Manifest>()?;
    check_preamble(component)?;
    let mut out = Vec::with_capacity(component.len() + manifest_toml.len() + 32);
    out.extend_from_slice(&COMPONENT_PREAMBLE);
    for section in sections(component, 0)? {
        if !matches!(section.custom()?, Some((MANIFEST_SECTION, _))) {
            write_section(&mut out, section.id, section.contents);
        }
    }
    let mut contents = Vec::with_capacity(manifest_toml.len() + 32);
    write_leb128(&mut contents, MANIFEST_SECTION.len());
    contents.extend_from_slice(MANIFEST_SECTION.as_bytes());
    contents.extend_from_slice(manifest_toml.as_bytes());
    write_section(&mut out, id::CUSTOM, &contents);
    Ok(out)
}

/// Looks at the first bytes only.
pub(crate) fn check_preamble(bytes: &[u8]) -> Result<(), SectionError> {
    if bytes.is_empty() {
        Err(SectionError::Empty)
    } else if bytes.starts_with(&COMPONENT_PREAMBLE) {
        Ok(())
    } else if bytes.starts_with(b"\x7fELF") {
        Err(SectionError::NativeCode)
    } else if bytes.starts_with(&MODULE_PREAMBLE) {
        Err(SectionError::CoreModule)
    } else if bytes.trim_ascii_start().starts_with(b"(component") || bytes.trim_ascii_start().starts_with(b"(module") {
        Err(SectionError::Text)
    } else {
        Err(SectionError::NotAComponent)
    }
}

/// The sections after the preamble of a component or module that begins at byte `base` of the file. Nested components
/// and modules are one section each; they are not looked into.
pub(crate) fn sections(bytes: &[u8], base: u64) -> Result<Vec<Section<'_>>, SectionError> {
    let mut reader = BinaryReader::new(bytes, base);
    reader.read_bytes(PREAMBLE_BYTES)?;
    let mut sections = Vec::new();
    while !reader.eof() {
        let id = reader.read_u8()?;
        let length = reader.read_var_u32()?;
        let offset = reader.original_position();
        let contents = reader.read_bytes(usize::try_from(length).unwrap_or(usize::MAX))?;
        sections.push(Section { id, offset, contents });
    }
    Ok(sections)
}

pub(crate) fn write_section(out: &mut Vec<u8>, id: u8, contents: &[u8]) {
    out.push(id);
    write_leb128(out, contents.len());
    out.extend_from_slice(contents);
}

fn write_leb128(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests;
