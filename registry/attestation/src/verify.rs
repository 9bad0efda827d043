//! Verification by pinned keys and by identities.

use tidegate_bundle::{Bundle, SignatureBundle, SignatureError, Statement};
use tidegate_reference::{Digest, Reference};

use crate::identity::IdentityError;
use crate::signer::find_signer;
use crate::trust::{Role, TrustRoot};
use crate::verified::{Signer, VerifiedBundle};

/// Why a bundle is not verified. Each says what happened, whose doing it is, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The publisher did not sign, or the signature did not come along.
    #[error(
        "`{component}` has no signature: put the publisher's `.sigstore.json` beside it, or sign it yourself with \
         `tidegate sign {component}`"
    )]
    Unsigned {
        /// The bundle's label.
        component: String,
    },
    /// The signature file cannot be read; see the source.
    #[error("the signature of `{component}` is not taken")]
    BadFile {
        /// The bundle's label.
        component: String,
        /// Why.
        source: SignatureError,
    },
    /// Nobody we trust made this signature.
    #[error(
        "`{component}` is signed by nobody that this node trusts; the signature names the key `{hint}`, which proves \
         nothing: if you have that public key from its owner, compare the fingerprint and add to the policy file\n\
         [signers.NAME]\npublic-key-file = \"NAME.pub\"\nroles = [\"component\"]"
    )]
    UnknownSigner {
        /// The bundle's label.
        component: String,
        /// The fingerprint that the signer claims.
        hint: String,
    },
    /// A certificate, and no signer with an identity that could be meant.
    #[error(
        "`{component}` is signed with a certificate for `{identity}` by `{issuer}`, which proves nothing yet: no signer of \
         this node has an identity; if you believe that one, add to the policy file\n\
         [signers.NAME]\nidentity = \"{identity}\"\nissuer = \"{issuer}\"\ntrusted-root-file = \"trusted_root.json\""
    )]
    NoIdentities {
        /// The bundle's label.
        component: String,
        /// Who the certificate says that it is.
        identity: String,
        /// Who the certificate says that vouched.
        issuer: String,
    },
    /// The certificate is good, its owner is nobody we believe.
    #[error(
        "`{component}` is signed by `{identity}`, as `{issuer}` says, and by nobody that this node trusts{near}; if you \
         believe that one, add to the policy file\n\
         [signers.NAME]\nidentity = \"{identity}\"\nissuer = \"{issuer}\"\ntrusted-root-file = \"trusted_root.json\""
    )]
    UnknownIdentity {
        /// The bundle's label.
        component: String,
        /// The proven name.
        identity: String,
        /// Who vouched.
        issuer: String,
        /// What in the policy is almost the same: begins with a separator, or is empty.
        near: String,
    },
    /// The certificate and its evidence prove nothing; see the source.
    #[error("the signature of `{component}` by a certificate does not count")]
    Identity {
        /// The bundle's label.
        component: String,
        /// Why.
        source: IdentityError,
    },
    /// The signature names a key that we trust, but it was not made with it: somebody changed the signature file.
    #[error(
        "the signature of `{component}` names the key `{fingerprint}` of `{signer}` but was not made with it over this \
         statement: the signature file was changed, get both files again from the publisher"
    )]
    BadSignature {
        /// The bundle's label.
        component: String,
        /// How policy calls the signer.
        signer: String,
        /// The key.
        fingerprint: String,
    },
    /// A signer whom policy believes in other things only.
    #[error(
        "`{component}` is signed by `{signer}`, who may not sign components: add `\"component\"` to `roles` under \
         `[signers.{signer}]` in the policy file if it should"
    )]
    Role {
        /// The bundle's label.
        component: String,
        /// How policy calls the signer.
        signer: String,
    },
    /// A good signature, but over other bytes: the component was changed or exchanged after signing.
    #[error(
        "`{component}` is not what `{signer}` signed: its digest is {digest}, the signature is for {}; the file was \
         changed or exchanged after signing, get both files again from the publisher", list(.signed)
    )]
    OtherComponent {
        /// The bundle's label.
        component: String,
        /// How policy calls the signer.
        signer: String,
        /// What the component hashes to.
        digest: Digest,
        /// What was signed.
        signed: Vec<Digest>,
    },
    /// The signed statement contradicts itself: the signer's tool is at fault.
    #[error(
        "the signature of `{component}` by `{signer}` calls it `{subject}` and `{predicate}` at once: ask the signer to \
         sign it again with `tidegate sign`"
    )]
    Contradiction {
        /// The bundle's label.
        component: String,
        /// How policy calls the signer.
        signer: String,
        /// The subject's name, escaped.
        subject: String,
        /// Name and version of the predicate.
        predicate: Box<Reference>,
    },
    /// What was signed is not what the component calls itself.
    #[error(
        "`{component}` is signed by `{signer}` as `{signed}`, but its manifest says `{manifest}`: ask the signer to sign \
         it as `{manifest}`"
    )]
    OtherManifest {
        /// The bundle's label.
        component: String,
        /// How policy calls the signer.
        signer: String,
        /// What was signed.
        signed: Box<Reference>,
        /// What the manifest says.
        manifest: Box<Reference>,
    },
    /// Several signatures, none of which counts.
    #[error("none of the {} signatures of `{component}` counts: {}", .refusals.len(), list_refusals(.refusals))]
    NoneCounts {
        /// The bundle's label.
        component: String,
        /// Why each does not, in the order of the files.
        refusals: Vec<VerifyError>,
    },
}

/// Verifies `bundle` against `trust`: one of its signatures must be by a pinned key or an identity of a signer with the
/// role `component`, over a statement whose subject is the digest of these very bytes, and whose name and version agree with
/// themselves and with the manifest, if there is one.
///
/// # Errors
/// As [`VerifyError`] says; with several signatures, one that counts is enough.
pub fn verify(bundle: Bundle, trust: &TrustRoot) -> Result<VerifiedBundle, VerifyError> {
    let mut refusals = Vec::new();
    let mut found = None;
    for file in bundle.signatures() {
        match verify_signature(&bundle, file, trust) {
            Ok(by) => {
                found = Some(by);
                break;
            }
            Err(refusal) => refusals.push(refusal),
        }
    }
    if let Some((reference, signer, roles)) = found {
        return Ok(VerifiedBundle::new(bundle, reference, signer, roles));
    }
    let component = bundle.label();
    match refusals.pop() {
        None => Err(VerifyError::Unsigned { component }),
        Some(only) if refusals.is_empty() => Err(only),
        Some(last) => {
            refusals.push(last);
            Err(VerifyError::NoneCounts { component, refusals })
        }
    }
}

fn verify_signature(
    bundle: &Bundle,
    file: &[u8],
    trust: &TrustRoot,
) -> Result<(Reference, Signer, Vec<Role>), VerifyError> {
    let bad_file = |source| VerifyError::BadFile { component: bundle.label(), source };
    let signature = SignatureBundle::parse(file).map_err(bad_file)?;
    let (signer, by) = find_signer(&bundle.label(), bundle.digest(), file, &signature, trust)?;
    if !signer.roles.contains(&Role::Component) {
        return Err(VerifyError::Role { component: bundle.label(), signer: signer.name.clone() });
    }
    let statement = Statement::parse(&signature.envelope.payload).map_err(bad_file)?;
    let reference = check_statement(bundle, &statement, &signer.name)?;
    Ok((reference, by, signer.roles.clone()))
}

/// The name and version that the statement gives to exactly this component.
fn check_statement(bundle: &Bundle, statement: &Statement, signer: &str) -> Result<Reference, VerifyError> {
    let (component, signer) = (bundle.label(), signer.to_owned());
    let mut ours = statement.subjects.iter().filter(|subject| subject.digest == bundle.digest()).peekable();
    if ours.peek().is_none() {
        let signed = statement.subjects.iter().map(|subject| subject.digest).collect();
        return Err(VerifyError::OtherComponent { component, signer, digest: bundle.digest(), signed });
    }
    let signed = statement.reference();
    let name = signed.to_string();
    if let Some(other) = ours.find(|subject| subject.name != name) {
        return Err(VerifyError::Contradiction {
            component,
            signer,
            subject: other.name.clone(),
            predicate: Box::new(signed),
        });
    }
    match bundle.manifest().map(tidegate_bundle::Manifest::reference) {
        Some(manifest) if manifest != signed => {
            let (signed, manifest) = (Box::new(signed), Box::new(manifest));
            Err(VerifyError::OtherManifest { component, signer, signed, manifest })
        }
        _ => Ok(signed),
    }
}

fn list(digests: &[Digest]) -> String {
    digests.iter().map(Digest::to_string).collect::<Vec<_>>().join(", ")
}

/// Our own refusals with their causes: a list has no single source that the binary could print.
fn list_refusals(refusals: &[VerifyError]) -> String {
    let one = |(i, refusal): (usize, &VerifyError)| {
        let cause = std::error::Error::source(refusal).map_or(String::new(), |source| format!(": {source}"));
        format!("({}) {refusal}{cause}", i + 1)
    };
    refusals.iter().enumerate().map(one).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
