//! From the signers of a policy to the trust root that signatures are checked against.

use std::collections::BTreeMap;

use tidegate_attestation::{
    KeyError, PublicKey, Role, RootError, SigstoreRoot, TrustError, TrustRoot, TrustedIdentity, TrustedSigner,
};
use tidegate_grant::Origin;
use tidegate_rules::{Policy, PublicKey as PolicyKey, Role as PolicyRole, SignedBy, TrustedRoot};

/// A signer of the policy cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum TrustedKeysError {
    /// Its key was not read.
    #[error("the public key or the trusted root of signer `{0}` is in a file that was not read")]
    NotRead(String),
    /// Its key is none.
    #[error("the public key of signer `{signer}` ({origin}) cannot be used")]
    Key {
        /// The signer.
        signer: String,
        /// The line.
        origin: Origin,
        /// Why.
        source: KeyError,
    },
    /// Its trusted root is none.
    #[error("the trusted root of signer `{signer}` ({origin}) cannot be used")]
    Root {
        /// The signer.
        signer: String,
        /// The line.
        origin: Origin,
        /// Why.
        source: RootError,
    },
    /// Signers contradict each other.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// The trust root that a policy's `[signers]` describe. Keys and roots in files were read before.
///
/// # Errors
/// When a key or a root cannot be used, or two signers have the same.
pub fn trust_root(policy: &Policy) -> Result<TrustRoot, TrustedKeysError> {
    let mut signers = Vec::new();
    // Signers share roots: each is read once.
    let mut roots: BTreeMap<&str, SigstoreRoot> = BTreeMap::new();
    for (name, signer) in &policy.signers {
        let (mut keys, mut identities) = (Vec::new(), Vec::new());
        match &signer.by {
            SignedBy::Key(PolicyKey::Pem(pem)) => keys.push(PublicKey::from_pem(pem).map_err(|source| {
                TrustedKeysError::Key { signer: name.clone(), origin: signer.origin.clone(), source }
            })?),
            SignedBy::Identity { identity, issuer, root: TrustedRoot::Json(json) } => {
                let root = match roots.get(json.as_str()) {
                    Some(root) => root.clone(),
                    None => SigstoreRoot::from_json(json.as_bytes()).map_err(|source| TrustedKeysError::Root {
                        signer: name.clone(),
                        origin: signer.origin.clone(),
                        source,
                    })?,
                };
                roots.insert(json, root.clone());
                identities.push(TrustedIdentity { identity: identity.clone(), issuer: issuer.clone(), root });
            }
            SignedBy::Key(PolicyKey::File(_)) | SignedBy::Identity { .. } => {
                return Err(TrustedKeysError::NotRead(name.clone()));
            }
        }
        let roles = signer.roles.iter().map(|role| match role {
            PolicyRole::Component => Role::Component,
            PolicyRole::NativeCode => Role::NativeCode,
            PolicyRole::Model => Role::Model,
        });
        signers.push(TrustedSigner { name: name.clone(), keys, identities, roles: roles.collect() });
    }
    Ok(TrustRoot::new(signers)?)
}
