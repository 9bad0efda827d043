//! A component, its manifest and its signatures as bytes with a digest; and the formats of signatures.
//!
//! Pure: no clock, no IO. Nothing here is believed: who signed is decided in `tidegate-attestation`.

mod bundle;
mod claim;
mod envelope;
mod evidence;
mod json;
mod manifest;
mod model;
mod model_statement;
mod native;
mod native_statement;
mod requests;
mod sections;
mod sigstore;
mod statement;
mod strip;

pub use bundle::{Bundle, BundleError, MAX_COMPONENT_BYTES, MAX_SIGNATURES};
pub use claim::{CYCLONEDX_PREDICATE, Claim, ClaimKind, INDEX_PREDICATE, PROVENANCE_PREDICATE, SPDX_PREDICATE};
pub use envelope::{DSSE_PAYLOAD_TYPE, Envelope, pre_authentication_encoding};
pub use evidence::{CertificateMaterial, MAX_LOG_ENTRIES, MAX_TIMESTAMPS};
pub use json::{JsonError, check_strict_json};
pub use manifest::{
    ComponentKind, HttpManifest, MANIFEST_SECTION, MAX_MANIFEST_BYTES, Manifest, ManifestError, ManifestProblem, State,
};
pub use model::{MAX_MODEL_FILES, MAX_MODEL_PARTS, MODEL_MANIFEST, ModelManifest, ModelVariant};
pub use model_statement::{MODEL_PREDICATE, ModelStatement};
pub use native::{COMPACT_MEMORY, CodeLayout, CodeTarget, LayoutError, MAX_NATIVE_BYTES, NativeFile, TargetError};
pub use native_statement::{NATIVE_ENGINE, NATIVE_PREDICATE, NativeStatement};
pub use sections::{SectionError, embed_manifest};
pub use sigstore::{MAX_SIGNATURE_BYTES, SIGSTORE_MEDIA_TYPE, SignatureBundle, SignatureError, VerificationMaterial};
pub use statement::{COMPONENT_PREDICATE, MAX_SUBJECTS, Predicate, STATEMENT_TYPE, Statement, Subject};
pub use strip::strip;
