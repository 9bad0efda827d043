//! Who signed: names, issuers, certificates.

use super::{Row, refused};

const UNKNOWN: &[&str] = &["and by nobody that this node trusts"];
const WHOLE: &[&str] = &["by nobody that this node trusts", "names are compared whole, upper and lower case apart"];
const ISSUER: &[&str] =
    &["by nobody that this node trusts", "is believed where `https://issuer.sigstore.test` vouches for it"];
const AUTHORITY: &[&str] = &["does not come from an authority of the trusted root"];

/// The rows.
pub(super) const ROWS: &[Row] = &[
    refused("another-identity", "another identity of the same provider", UNKNOWN),
    refused("identity-that-begins-alike", "an identity that begins with the trusted one", WHOLE),
    refused("identity-that-ends-early", "an identity that the trusted one begins with", WHOLE),
    refused("identity-in-upper-case", "the trusted identity in other letters (case)", WHOLE),
    refused("identity-with-a-slash-more", "the trusted identity with a slash more", WHOLE),
    refused("identity-inside-another", "an identity that contains the trusted one", UNKNOWN),
    refused("good-for-a-person", "a person of the same provider instead of the workflow", UNKNOWN),
    refused("another-issuer", "the trusted identity, vouched for by another issuer", ISSUER),
    refused("issuer-in-upper-case", "the trusted issuer in other letters (case)", ISSUER),
    refused("issuer-with-a-slash-more", "the trusted issuer with a slash more", ISSUER),
    refused("two-issuers", "a certificate whose two issuer fields differ", &["it names two issuers"]),
    refused("no-issuer", "a certificate that names no issuer", &["does not say who vouched for its owner"]),
    refused("two-names", "a certificate for the trusted identity and another", &["it names several, or nobody"]),
    refused("a-person-first", "a certificate for a person, with the trusted identity second", &["it names several"]),
    refused("no-name", "a certificate for nobody", &["it names nobody"]),
    refused("foreign-services", "authority, logs and time of somebody else, all in order", &["does not count", "TSA"]),
    refused("foreign-authority", "a foreign authority, our logs and times", AUTHORITY),
    refused("self-signed", "a certificate that its owner signed", AUTHORITY),
    refused(
        "certificate-of-an-authority",
        "an authority's certificate as a signer's",
        &["the certificate of an authority"],
    ),
    refused("key-that-signs-certificates", "a key that may sign certificates", &["may do something else than sign"]),
    refused("for-servers", "a certificate for servers", &["not meant for signing code"]),
    refused("for-code-and-servers", "a certificate for code and servers", &["or not only for that"]),
    refused("expired", "a certificate that had expired when it was signed with", &["not valid at the time of signing"]),
    refused("not-yet-valid", "a certificate of tomorrow", &["not valid at the time of signing"]),
    refused("not-in-a-certificate-log", "a certificate that no certificate log knows", AUTHORITY),
    refused("in-a-foreign-certificate-log", "a certificate in a foreign certificate log", AUTHORITY),
    refused("certificate-cut-short", "half a certificate", &["it is damaged"]),
    refused(
        "certificate-of-another-key",
        "another certificate of the same identity",
        &["was not made with the certificate's key"],
    ),
    refused("certificate-changed", "another name written into the certificate", AUTHORITY),
    refused("no-certificate", "neither certificate nor key", &["is not taken", "which this build cannot check"]),
    refused("chain-of-certificates", "a chain of certificates in place of one", &["v0.3 has one `certificate`"]),
    refused(
        "key-beside-the-certificate",
        "a key beside the certificate",
        &["`verificationMaterial.publicKey` is not a field"],
    ),
];
