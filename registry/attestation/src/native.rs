//! Who vouches for native code, and the one constructor of [`VerifiedNative`].
//!
//! Native code is no sandboxed component: it can do whatever the host's process can. So a signer must be believed in it by
//! name (role `native-code`), and it counts only for the very component that it was made from, which was verified first.

use std::sync::Arc;

use tidegate_bundle::{CodeTarget, NativeFile, NativeStatement, SignatureBundle, SignatureError};
use tidegate_reference::{Digest, Reference};

use crate::key::PrivateKey;
use crate::sign::{SignError, sign_statement};
use crate::signer::find_signer;
use crate::trust::{Role, TrustRoot};
use crate::verified::{Signer, VerifiedBundle};
use crate::verify::VerifyError;

/// Native code that a signer with the role `native-code` vouches for, as made from one component. Only [`verify_native`]
/// makes one, and its bytes are the very bytes that were hashed. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct VerifiedNative {
    file: NativeFile,
    statement: NativeStatement,
    signer: Signer,
}

/// Why native code is not verified. Each says what happened, whose doing it is, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NativeError {
    /// No signature came along.
    #[error(
        "the native code `{code}` has no signature, and runs for nobody without: put its `.sigstore.json` beside it, or \
         compile it again with `tidegate build --target {target}`, which signs it"
    )]
    Unsigned {
        /// The file.
        code: String,
        /// What it is for.
        target: CodeTarget,
    },
    /// The signature file cannot be read, or says something else; see the source.
    #[error("the signature of the native code `{code}` is not taken")]
    BadFile {
        /// The file.
        code: String,
        /// Why.
        source: SignatureError,
    },
    /// Nobody we trust made this signature.
    #[error(
        "the native code `{code}` is signed by nobody that this node trusts; the signature names the key `{hint}`, which \
         proves nothing; native code can do whatever the host can: whoever signs it needs a signer in the policy with \
         `roles = [\"native-code\"]`"
    )]
    UnknownSigner {
        /// The file.
        code: String,
        /// The fingerprint that the signer claims.
        hint: String,
    },
    /// The signature does not hold.
    #[error(transparent)]
    Signature(VerifyError),
    /// A signer whom policy believes in other things only.
    #[error(
        "the native code `{code}` is signed by `{signer}`, who may not sign native code: it can do whatever the host can; \
         if you believe `{signer}` in that too, add `\"native-code\"` to `roles` under `[signers.{signer}]` in the policy file"
    )]
    Role {
        /// The file.
        code: String,
        /// How policy calls the signer.
        signer: String,
    },
    /// A good signature, but over other bytes.
    #[error(
        "the native code `{code}` is not what `{signer}` signed: its digest is {digest}, the signature is for {signed}; the \
         file was changed or exchanged after signing, get both files again, or compile it again with \
         `tidegate build --target {target}`"
    )]
    OtherCode {
        /// The file.
        code: String,
        /// How policy calls the signer.
        signer: String,
        /// What it hashes to.
        digest: Digest,
        /// What was signed.
        signed: Digest,
        /// What its name says that it is for.
        target: CodeTarget,
    },
    /// It was made from another component.
    #[error(
        "the native code `{code}` was made from `{made}` ({made_digest}), and this is `{component}` ({digest}): compile this \
         component with `tidegate build --target {target}`"
    )]
    OtherComponent {
        /// The file.
        code: String,
        /// What the statement names.
        made: Box<Reference>,
        /// Its digest.
        made_digest: Digest,
        /// What was verified.
        component: Box<Reference>,
        /// Its digest.
        digest: Digest,
        /// What its name says that it is for.
        target: CodeTarget,
    },
    /// The file's name and the statement disagree.
    #[error("the native code `{code}` was made for {made}, not for {target}: rename it, or get the one for {target}")]
    OtherTarget {
        /// The file.
        code: String,
        /// What the statement says.
        made: CodeTarget,
        /// What its name says.
        target: CodeTarget,
    },
}

/// Verifies the native code of a component that was verified before: its signature must be by a pinned key or an identity of
/// a signer with the role `native-code`, over a statement whose subject is the digest of this very code, and which names
/// the component's digest, name and version, and the target that the file is for.
///
/// Whether this node's engine can run it is not asked here: see [`VerifiedNative::statement`].
///
/// # Errors
/// As [`NativeError`] says.
pub fn verify_native(
    component: &VerifiedBundle,
    file: NativeFile,
    trust: &TrustRoot,
) -> Result<VerifiedNative, NativeError> {
    let code = || file.origin().to_owned();
    let bad_file = |source| NativeError::BadFile { code: code(), source };
    let Some(bytes) = file.signature() else {
        return Err(NativeError::Unsigned { code: code(), target: file.target() });
    };
    let signature = SignatureBundle::parse(bytes).map_err(bad_file)?;
    let found = find_signer(file.origin(), file.digest(), bytes, &signature, trust).map_err(|error| match error {
        // What that one advises is the role of components.
        VerifyError::UnknownSigner { hint, .. } => NativeError::UnknownSigner { code: code(), hint },
        other => NativeError::Signature(other),
    });
    let (signer, by) = found?;
    if !signer.roles.contains(&Role::NativeCode) {
        return Err(NativeError::Role { code: code(), signer: signer.name.clone() });
    }
    let statement = NativeStatement::parse(&signature.envelope.payload).map_err(bad_file)?;
    let target = file.target();
    if statement.code != file.digest() {
        let (signer, digest, signed) = (signer.name.clone(), file.digest(), statement.code);
        return Err(NativeError::OtherCode { code: code(), signer, digest, signed, target });
    }
    if statement.component_digest != component.digest() || statement.component != *component.reference() {
        return Err(NativeError::OtherComponent {
            code: code(),
            made: Box::new(statement.component),
            made_digest: statement.component_digest,
            component: Box::new(component.reference().clone()),
            digest: component.digest(),
            target,
        });
    }
    if statement.target != target {
        return Err(NativeError::OtherTarget { code: code(), made: statement.target, target });
    }
    Ok(VerifiedNative { file, statement, signer: by })
}

/// The signature file in which `key` vouches for native code, of which `statement` says what it is.
///
/// It belongs beside the code, as `X.TARGET.cwasm.sigstore.json`. Sign only what was compiled just now and never left the
/// process: nobody can read machine code.
///
/// # Errors
/// [`SignError::Key`].
pub fn sign_native(statement: &NativeStatement, key: &PrivateKey) -> Result<Vec<u8>, SignError> {
    sign_statement(statement.to_json(), key)
}

// === impl VerifiedNative ===

impl VerifiedNative {
    /// The code.
    #[must_use]
    pub fn code(&self) -> &Arc<[u8]> {
        self.file.code()
    }

    /// The file with its signature, to be kept.
    #[must_use]
    pub fn file(&self) -> &NativeFile {
        &self.file
    }

    /// What it was made from, for what, and by which engine.
    #[must_use]
    pub fn statement(&self) -> &NativeStatement {
        &self.statement
    }

    /// Who vouches for it.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }
}

#[cfg(test)]
mod tests;
