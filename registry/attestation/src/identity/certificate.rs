//! What a signer's certificate says, read more strictly than the library reads it: one name, one issuer, one purpose.
//! Source: RFC 5280; Fulcio's `docs/certificate-specification.md` and `docs/oid-info.md`.

use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::Utf8StringRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName};

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
/// The issuer as plain bytes, and as a DER `UTF8String`.
const ISSUER_V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");
const ISSUER_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");

/// Longest identity or issuer, in bytes.
const MAX_NAME: usize = 2_048;

/// Who a certificate was given to, and who said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) identity: String,
    pub(crate) issuer: String,
}

/// Reads the certificate of a signer. It says nothing about who made the certificate.
pub(crate) fn read(der: &[u8]) -> Result<Claim, &'static str> {
    let certificate = Certificate::from_der(der).map_err(|_| "it is damaged")?;
    let extensions = certificate.tbs_certificate.extensions.as_deref().unwrap_or_default();
    check_purpose(extensions)?;
    let claim = Claim { identity: identity(extensions)?, issuer: issuer(extensions)? };
    let plain = |text: &str| (1..=MAX_NAME).contains(&text.len()) && !text.chars().any(char::is_control);
    if plain(&claim.identity) && plain(&claim.issuer) {
        Ok(claim)
    } else {
        Err("its identity or its issuer is no text")
    }
}

/// A leaf that may sign code, and nothing else.
fn check_purpose(extensions: &[Extension]) -> Result<(), &'static str> {
    if let Some(found) = one(extensions, BASIC_CONSTRAINTS)? {
        let constraints = BasicConstraints::from_der(found).map_err(|_| "its basic constraints are damaged")?;
        if constraints.ca {
            return Err("it is the certificate of an authority, not of a signer");
        }
    }
    let usage = one(extensions, KEY_USAGE)?.ok_or("it does not say what its key may be used for")?;
    let usage = KeyUsage::from_der(usage).map_err(|_| "its key usage is damaged")?;
    if !usage.digital_signature() || usage.key_cert_sign() {
        return Err("its key may do something else than sign");
    }
    let purposes = one(extensions, EXTENDED_KEY_USAGE)?.ok_or("it is not meant for signing code")?;
    let purposes = ExtendedKeyUsage::from_der(purposes).map_err(|_| "its extended key usage is damaged")?;
    if purposes.0 == [CODE_SIGNING] { Ok(()) } else { Err("it is not meant for signing code, or not only for that") }
}

/// The one name: libraries take the first of several, and not all the same one.
fn identity(extensions: &[Extension]) -> Result<String, &'static str> {
    let names = one(extensions, SUBJECT_ALT_NAME)?.ok_or("it names nobody")?;
    let names = SubjectAltName::from_der(names).map_err(|_| "its names are damaged")?;
    let [only] = names.0.as_slice() else { return Err("it names several, or nobody") };
    match only {
        GeneralName::Rfc822Name(email) if !email.as_str().contains("://") => Ok(email.to_string()),
        GeneralName::UniformResourceIdentifier(uri) if uri.as_str().contains("://") => Ok(uri.to_string()),
        _ => Err("it names its owner by something else than an e-mail address or a URI"),
    }
}

/// The issuer; both forms must say the same where both are there.
fn issuer(extensions: &[Extension]) -> Result<String, &'static str> {
    const DAMAGED: &str = "its issuer is damaged";
    let new = one(extensions, ISSUER_V2)?;
    let new = new.map(|value| Utf8StringRef::from_der(value).map(|text| text.to_string()).map_err(|_| DAMAGED));
    let old = one(extensions, ISSUER_V1)?;
    let old = old.map(|value| std::str::from_utf8(value).map(str::to_owned).map_err(|_| DAMAGED));
    match (new.transpose()?, old.transpose()?) {
        (Some(new), Some(old)) if new != old => Err("it names two issuers"),
        (Some(issuer), _) | (None, Some(issuer)) => Ok(issuer),
        (None, None) => Err("it does not say who vouched for its owner"),
    }
}

/// The contents of an extension that stands at most once.
fn one(extensions: &[Extension], id: ObjectIdentifier) -> Result<Option<&[u8]>, &'static str> {
    let mut found = extensions.iter().filter(|extension| extension.extn_id == id);
    let first = found.next().map(|extension| extension.extn_value.as_bytes());
    if found.next().is_some() { Err("an extension stands in it twice") } else { Ok(first) }
}
