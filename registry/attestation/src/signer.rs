//! Who made a signature: the step that all statements have in common, whatever they say.

use tidegate_bundle::{SignatureBundle, VerificationMaterial};
use tidegate_reference::Digest;

use crate::identity::{IdentityError, Proven, claimed};
use crate::trust::{TrustRoot, TrustedSigner};
use crate::verified::Signer;
use crate::verify::VerifyError;

/// The trusted signer who made the signature in `file` over a statement about `digest`, and what proved it. `label` is
/// what messages call the thing that was signed.
pub(crate) fn find_signer<'a>(
    label: &str,
    digest: Digest,
    file: &[u8],
    signature: &SignatureBundle,
    trust: &'a TrustRoot,
) -> Result<(&'a TrustedSigner, Signer), VerifyError> {
    match &signature.material {
        VerificationMaterial::PublicKey { hint } => by_key(label, signature, hint, trust),
        VerificationMaterial::Certificate(material) => by_identity(label, digest, file, &material.certificate, trust),
        _ => Err(VerifyError::UnknownSigner { component: label.to_owned(), hint: "unknown".to_owned() }),
    }
}

/// The trusted key that made the signature. The hint only helps to say what is wrong if none did.
fn by_key<'a>(
    label: &str,
    signature: &SignatureBundle,
    hint: &str,
    trust: &'a TrustRoot,
) -> Result<(&'a TrustedSigner, Signer), VerifyError> {
    let message = signature.envelope.pae();
    if let Some((signer, key)) = trust.keys().find(|(_, key)| key.verifies(&message, &signature.envelope.signature)) {
        return Ok((signer, Signer::PinnedKey { name: signer.name.clone(), fingerprint: key.fingerprint() }));
    }
    let component = label.to_owned();
    Err(match trust.keys().find(|(_, key)| key.is_hinted_by(hint)) {
        Some((signer, key)) => {
            VerifyError::BadSignature { component, signer: signer.name.clone(), fingerprint: key.fingerprint() }
        }
        None => VerifyError::UnknownSigner { component, hint: hint.to_owned() },
    })
}

/// The trusted identity that signed. Each root speaks for the signers that name it and for no others.
fn by_identity<'a>(
    label: &str,
    digest: Digest,
    file: &[u8],
    certificate: &[u8],
    trust: &'a TrustRoot,
) -> Result<(&'a TrustedSigner, Signer), VerifyError> {
    let component = label.to_owned();
    let roots = trust.roots();
    if roots.is_empty() {
        return Err(nobody(component, certificate));
    }
    let (mut unknown, mut refusal) = (None, None);
    for root in roots {
        match root.prove(file, certificate, digest) {
            Err(error) => refusal = Some(refusal.unwrap_or(error)),
            Ok(proven) => {
                let found = trust.identities().find(|(_, own)| {
                    own.root == *root && own.identity == proven.identity && own.issuer == proven.issuer
                });
                if let Some((signer, _)) = found {
                    let Proven { identity, issuer } = proven;
                    return Ok((signer, Signer::Identity { name: signer.name.clone(), identity, issuer }));
                }
                unknown = Some(proven);
            }
        }
    }
    Err(match (unknown, refusal) {
        (Some(proven), _) => {
            let near = near(&proven, trust);
            VerifyError::UnknownIdentity { component, identity: proven.identity, issuer: proven.issuer, near }
        }
        (None, Some(source)) => VerifyError::Identity { component, source },
        (None, None) => nobody(component, certificate),
    })
}

fn nobody(component: String, certificate: &[u8]) -> VerifyError {
    match claimed(certificate) {
        Some(Proven { identity, issuer }) => VerifyError::NoIdentities { component, identity, issuer },
        None => VerifyError::Identity { component, source: IdentityError::NotAvailable },
    }
}

/// What in the policy is almost the name that signed: people write patterns, or another spelling.
fn near(proven: &Proven, trust: &TrustRoot) -> String {
    let names = |signer: &TrustedSigner| signer.name.clone();
    let other_issuer = trust.identities().find(|(_, own)| own.identity == proven.identity);
    if let Some((signer, own)) = other_issuer {
        return format!(": `{}` is believed where `{}` vouches for it", names(signer), own.issuer);
    }
    let lower = proven.identity.to_lowercase();
    let almost = trust.identities().find(|(_, own)| {
        let own = own.identity.to_lowercase();
        own == lower || lower.starts_with(&own) || own.starts_with(&lower)
    });
    almost.map_or(String::new(), |(signer, own)| {
        format!(": `{}` is `{}`, and names are compared whole, upper and lower case apart", names(signer), own.identity)
    })
}
