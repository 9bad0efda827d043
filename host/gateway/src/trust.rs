//! From the signers of a policy to the trust root that signatures are checked against.

use tidegate_attestation::{KeyError, PublicKey, Role, TrustError, TrustRoot, TrustedSigner};
use tidegate_rules::{Policy, PublicKey as PolicyKey, Role as PolicyRole};

/// A signer of the policy cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum TrustedKeysError {
    /// Its key was not read.
    #[error("the public key of signer `{0}` is in a file that was not read")]
    NotRead(String),
    /// Its key is none.
    #[error("the public key of signer `{signer}` cannot be used")]
    Key {
        /// The signer.
        signer: String,
        /// Why.
        source: KeyError,
    },
    /// Signers contradict each other.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// The trust root that a policy's `[signers]` describe. Keys in files were read before.
///
/// # Errors
/// When a key cannot be used, or two signers have the same.
pub fn trust_root(policy: &Policy) -> Result<TrustRoot, TrustedKeysError> {
    let mut signers = Vec::new();
    for (name, signer) in &policy.signers {
        let PolicyKey::Pem(pem) = &signer.key else { return Err(TrustedKeysError::NotRead(name.clone())) };
        let key =
            PublicKey::from_pem(pem).map_err(|source| TrustedKeysError::Key { signer: name.clone(), source })?;
        let roles = signer.roles.iter().map(|role| match role {
            PolicyRole::Component => Role::Component,
            PolicyRole::NativeCode => Role::NativeCode,
        });
        signers.push(TrustedSigner { name: name.clone(), keys: vec![key], roles: roles.collect() });
    }
    Ok(TrustRoot::new(signers)?)
}
