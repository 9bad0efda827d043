//! Indexes of registries and mirrors: held back, brought back, exchanged, edited.

use super::{Row, refused};

const OTHER_KEY: &[&str] = &["was not signed with the key `SHA256:"];
const OTHER_INDEX: &[&str] = &["the signature is not about this index", "it was changed or exchanged"];
const UNSIGNED: &[&str] = &["is not signed, and the configuration names a key for it"];

/// The rows.
pub(super) const ROWS: &[Row] = &[
    refused(
        "index-frozen",
        "an index that has expired: a newer one is held back",
        &["the index expired", "somebody may be holding back a newer one"],
    ),
    refused("index-frozen-search", "the same, for searching", &["the index expired"]),
    refused("index-frozen-outdated", "the same, where newer versions are asked for", &["the index expired"]),
    refused(
        "index-older",
        "an index older than one that was used, not expired and well signed",
        &["s older than one that this node has used", "tidegate mirror forget"],
    ),
    refused("index-older-registry", "the same from a registry", &["s older than one that this node has used"]),
    Row {
        name: "index-record-damaged",
        attack: "an older index, with the record of indexes damaged before",
        says: &["is damaged: restore it from a backup", "without a record of indexes"],
        code: 1,
    },
    refused(
        "index-future",
        "an index from next week, so that all that come after it look old",
        &["s from now", "the clock of its maker"],
    ),
    refused("index-other-key", "an index that somebody else signed", OTHER_KEY),
    refused("index-component-key", "an index that a signer of components signed", OTHER_KEY),
    refused("index-edited", "an entry changed after signing, with the signature beside the new bytes", OTHER_INDEX),
    refused("index-unsigned", "an entry changed after signing, and no signature for it", UNSIGNED),
    refused("index-signature-withheld", "a signed index whose signature is withheld", UNSIGNED),
    refused("index-of-another-mirror", "the signature of another index by the same key", OTHER_INDEX),
    refused(
        "index-signed-as-a-bill-of-materials",
        "another statement of the same key about the index",
        &["the signature is not about this index"],
    ),
    refused("index-signature-rubbish", "a signature file that is none", &["the signature of the index is not taken"]),
    refused(
        "index-leads-to-an-older-version",
        "an unsigned index that calls an older component the new version",
        &["holds `echo@0.1.0`", "another version than was asked for"],
    ),
    refused(
        "index-leads-to-another-component",
        "an unsigned index that calls another component by the name",
        &["holds `content@0.1.0`", "another component"],
    ),
    refused(
        "index-signature-as-a-component's",
        "a component with the signature of an index",
        &["does not vouch for a component"],
    ),
];
