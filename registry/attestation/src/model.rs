//! Models: who vouches for their files. A model is data, so nothing of it runs; but what it answers is acted upon.

use std::collections::BTreeMap;

use tidegate_bundle::{MODEL_MANIFEST, ManifestError, ModelManifest, ModelStatement, SignatureBundle, SignatureError};
use tidegate_reference::{Digest, Reference};

use crate::key::PrivateKey;
use crate::sign::{SignError, sign_statement};
use crate::signer::find_signer;
use crate::trust::{Role, TrustRoot};
use crate::verified::Signer;
use crate::verify::VerifyError;

/// A model that a trusted signer vouches for: its manifest, and the digest that each of its files must have. Only
/// [`verify_model`] makes one. The files themselves are verified where they are read: they are too large to be held.
#[derive(Debug, Clone)]
pub struct VerifiedModel {
    manifest: ModelManifest,
    digest: Digest,
    files: BTreeMap<String, Digest>,
    signer: Signer,
}

/// Why a model is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Nobody signed, or the signature did not come along.
    #[error(
        "the model `{0}` has no signature: put the publisher's `.sigstore.json` beside its manifest, or sign it yourself \
         with `tidegate sign {0}`"
    )]
    Unsigned(String),
    /// The signature file cannot be read; see the source.
    #[error("the signature of the model `{model}` is not taken")]
    BadFile {
        /// What messages call it.
        model: String,
        /// Why.
        source: SignatureError,
    },
    /// Nobody we believe made the signature.
    #[error(
        "the model `{model}` is signed by nobody that this node trusts; the signature names the key `{hint}`, which proves \
         nothing: if you have that public key from its owner, compare the fingerprint and add to the policy file\n\
         [signers.NAME]\npublic-key-file = \"NAME.pub\"\nroles = [\"model\"]"
    )]
    UnknownSigner {
        /// What messages call it.
        model: String,
        /// The fingerprint that the signer claims.
        hint: String,
    },
    /// The signature does not hold.
    #[error(transparent)]
    Signature(VerifyError),
    /// A signer whom policy believes in other things only.
    #[error(
        "the model `{model}` is signed by `{signer}`, who may not sign models: add `\"model\"` to `roles` under \
         `[signers.{signer}]` in the policy file if it should"
    )]
    Role {
        /// What messages call it.
        model: String,
        /// How policy calls the signer.
        signer: String,
    },
    /// The manifest was changed or exchanged.
    #[error(
        "the manifest of the model `{model}` is not what `{signer}` signed: its digest is {digest}, which the signature does \
         not name; get the model again from the publisher"
    )]
    OtherManifest {
        /// What messages call it.
        model: String,
        /// How policy calls the signer.
        signer: String,
        /// What it hashes to.
        digest: Digest,
    },
    /// The manifest is none.
    #[error("the manifest of the model `{model}` is not taken")]
    Manifest {
        /// What messages call it.
        model: String,
        /// Why.
        source: ManifestError,
    },
    /// The manifest names files that nobody signed.
    #[error("the model `{model}` has the file `{file}`, for which `{signer}` does not vouch: sign the model again")]
    NotSigned {
        /// What messages call it.
        model: String,
        /// The file.
        file: String,
        /// How policy calls the signer.
        signer: String,
    },
}

/// Verifies a model's manifest: its signature must be by a pinned key or an identity of a signer with the role `model`, over a
/// statement that names the digest of this very manifest, and a digest for each file that the manifest names. `label` is
/// what messages call the model.
///
/// # Errors
/// As [`ModelError`] says. Nothing in the manifest is believed, or even read, before the signature is verified.
pub fn verify_model(
    label: &str,
    manifest: &[u8],
    signature: Option<&[u8]>,
    trust: &TrustRoot,
) -> Result<VerifiedModel, ModelError> {
    let model = || label.to_owned();
    let bad_file = |source| ModelError::BadFile { model: model(), source };
    let file = signature.ok_or_else(|| ModelError::Unsigned(model()))?;
    let signature = SignatureBundle::parse(file).map_err(bad_file)?;
    // What a certificate's signature is over: the statement. Its subject is read again, strictly, below.
    let claimed = ModelStatement::parse(&signature.envelope.payload).map_err(bad_file)?;
    let found = find_signer(label, claimed.digest(), file, &signature, trust).map_err(|error| match error {
        // What that one advises is the role of components.
        VerifyError::UnknownSigner { hint, .. } => ModelError::UnknownSigner { model: model(), hint },
        other => ModelError::Signature(other),
    });
    let (signer, by) = found?;
    let name = || signer.name.clone();
    if !signer.roles.contains(&Role::Model) {
        return Err(ModelError::Role { model: model(), signer: name() });
    }
    let digest = Digest::of(manifest);
    if !claimed.files.iter().any(|(name, signed)| name == MODEL_MANIFEST && *signed == digest) {
        return Err(ModelError::OtherManifest { model: model(), signer: name(), digest });
    }
    let manifest =
        ModelManifest::from_bytes(manifest).map_err(|source| ModelError::Manifest { model: model(), source })?;
    let mut files = BTreeMap::new();
    for file in manifest.all_files() {
        let signed = claimed.files.iter().find(|(name, _)| name == file);
        let (_, digest) =
            signed.ok_or_else(|| ModelError::NotSigned { model: model(), file: file.to_owned(), signer: name() })?;
        files.insert(file.to_owned(), *digest);
    }
    Ok(VerifiedModel { manifest, digest: claimed.digest(), files, signer: by })
}

/// The signature file in which `key` vouches for a model. It belongs beside the manifest, as `model.toml.sigstore.json`.
///
/// # Errors
/// [`SignError::Key`].
pub fn sign_model(statement: &ModelStatement, key: &PrivateKey) -> Result<Vec<u8>, SignError> {
    sign_statement(statement.to_json(), key)
}

// === impl VerifiedModel ===

impl VerifiedModel {
    /// What it is.
    #[must_use]
    pub fn manifest(&self) -> &ModelManifest {
        &self.manifest
    }

    /// Name and version.
    #[must_use]
    pub fn reference(&self) -> Reference {
        self.manifest.reference()
    }

    /// The digest of the whole, as the signature has it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The digest that each file must have, by name.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, Digest> {
        &self.files
    }

    /// Who vouches for it.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }
}

#[cfg(test)]
mod tests;
