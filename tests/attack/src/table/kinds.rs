//! A key where an identity is believed, and the reverse.

use super::{Row, refused};

/// The rows.
pub(super) const ROWS: &[Row] = &[
    refused(
        "key-under-an-identity-policy",
        "a good signature by a key, where an identity is believed",
        &["signed by nobody that this node trusts"],
    ),
    refused(
        "identity-under-a-key-policy",
        "a good certificate, where a key is believed",
        &["which proves nothing yet: no signer of this node has an identity"],
    ),
    refused(
        "identity-under-another-root",
        "a good certificate, where the same identity is believed by another root",
        &["does not count"],
    ),
    refused(
        "key-that-calls-itself-the-identity",
        "a key whose hint is the believed identity",
        &["signed by nobody that this node trusts", "which proves nothing"],
    ),
    refused(
        "key-that-claims-the-believed-key",
        "a foreign key whose hint is the believed key",
        &["was not made with it over this statement"],
    ),
    refused(
        "log-entry-beside-a-key",
        "a log entry that nobody would check, beside a key",
        &["brings `tlogEntries`, which this build cannot check"],
    ),
    refused(
        "provenance-by-the-believed-key",
        "provenance by the believed key, in place of a signature",
        &["does not vouch for a component"],
    ),
];
