//! What was signed, and how the file is written.

use super::{Row, USAGE, refused};

const SIGNATURE: &[&str] = &["was not made with the certificate's key over this statement"];
const MEANING: &[&str] = &["does not vouch for a component"];
const FORM: &[&str] = &["is not taken", "not a Sigstore bundle v0.3"];

/// The rows.
pub(super) const ROWS: &[Row] = &[
    refused("payload-changed", "another version written into the statement", SIGNATURE),
    refused("signature-changed", "a changed signature", &["does not count", "hash mismatch"]),
    refused(
        "another-component",
        "a good signature of another component",
        &["is not what was signed", "changed or exchanged"],
    ),
    refused("another-name", "a statement that calls the component two names", &["at once"]),
    refused("another-version", "a good signature as another version than the manifest's", &["but its manifest says"]),
    refused("revoked", "a statement that revokes the component", MEANING),
    refused("provenance-as-a-signature", "provenance in place of a signature", MEANING),
    refused("predicate-that-begins-alike", "a predicate type that begins like ours", MEANING),
    refused("older-statement", "a statement of an older type", &["is a statement of type"]),
    refused("no-subject", "a statement about nothing", &["is not taken"]),
    refused("nine-subjects", "a statement about nine things", &["has 9 entries, 1 to 8 are taken"]),
    refused("digest-in-upper-case", "a digest in other letters (case)", &["is not taken"]),
    refused(
        "more-in-the-predicate",
        "more in the predicate than we know",
        &["`predicate.revoked` is not a field that is known"],
    ),
    refused("key-twice-in-the-statement", "a key twice in the statement", &["is not taken", "duplicate field"]),
    refused("another-payload-type", "a signature over a text", &["the signed payload has type `text/plain`"]),
    refused("payload-type-changed", "another payload type written into the file", &["the signed payload has type"]),
    refused("key-twice", "a key twice in the signature file", &["the key `mediaType` stands twice"]),
    refused("material-twice", "two verification materials", &["the key `verificationMaterial` stands twice"]),
    refused("two-contents", "an envelope and a message at once", &["`messageSignature` is not a field that is known"]),
    refused("a-message-only", "a signature over the bytes instead of a statement", &["does not name a component"]),
    refused("two-signatures", "two signatures in one envelope", &["has 2 entries, 1 to 1 are taken"]),
    refused("no-signatures", "an envelope without signatures", &["has 0 entries, 1 to 1 are taken"]),
    refused(
        "unknown-field",
        "a field that nobody knows",
        &["`verificationMaterial.note` is not a field that is known"],
    ),
    refused(
        "unknown-field-in-the-entry",
        "a field that nobody knows in the log entry",
        &["attestation` is not a field that is known"],
    ),
    refused("number-instead-of-text", "a number where the format has a text", &["logIndex` is not a string"]),
    refused("older-version", "an older version of the format", &["has media type"]),
    refused("other-base64", "base64 without padding", &["is not base64"]),
    refused("deeply-nested", "lists in lists in lists", &["levels deep"]),
    Row {
        name: "oversized",
        attack: "a signature file of more than 256 KiB",
        says: &["has more than 262144 bytes"],
        code: USAGE,
    },
    refused("junk-behind", "something behind the end", FORM),
    refused("cut-short", "half a signature file", FORM),
    refused("no-json", "no JSON", FORM),
    refused("empty-object", "an empty object", FORM),
];
