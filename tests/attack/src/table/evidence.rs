//! When it was signed, and that a log says so.

use super::{Row, refused};

const TIME: &[&str] = &["nothing that the trusted root knows proves when it was signed"];
const LOG: &[&str] = &["not proven to be in a transparency log of the trusted root"];
const ENTRY: &[&str] = &["the log entry is about another signature"];
const NO_ENTRY: &[&str] = &["names no entry of a transparency log"];

/// The rows.
pub(super) const ROWS: &[Row] = &[
    refused("no-time", "no time that anybody signed", TIME),
    refused("log-time-edited", "the log's time, a minute earlier", LOG),
    refused("log-time-edited-beside-a-signed-one", "the log's time set to 1970, beside a good signed time", LOG),
    refused("log-time-in-the-future", "a log entry of the future", TIME),
    refused("foreign-time", "a time by a foreign authority", TIME),
    refused("time-of-another-signature", "the time of another signature", TIME),
    refused("time-after-the-certificate", "a good time after the certificate's", &["not valid at the time of signing"]),
    refused("time-before-the-certificate", "a time before its authority existed", TIME),
    refused("one-good-time-and-one-foreign", "a foreign time beside a good one", TIME),
    refused("time-cut-short", "half a time", TIME),
    refused("nine-times", "nine times", &["has 9 entries, 0 to 8 are taken"]),
    refused("no-log-entry", "an empty list of log entries", NO_ENTRY),
    refused("no-log-entries", "no list of log entries", NO_ENTRY),
    refused("nine-log-entries", "nine log entries", &["has 9 entries, 1 to 8 are taken"]),
    refused("foreign-log", "an entry of a foreign log", LOG),
    refused("foreign-log-under-our-name", "an entry of a foreign log that calls itself ours", LOG),
    refused("no-proof-of-inclusion", "an entry without a proof of inclusion", &["has no proof of inclusion"]),
    refused("one-entry-without-proof", "a second entry without a proof", &["has no proof of inclusion"]),
    refused("proof-changed", "a changed hash on the way to the root", LOG),
    refused("proof-of-another-place", "the proof of another place in the tree", LOG),
    refused("proof-without-hashes", "a proof without hashes", LOG),
    refused("root-changed", "another root than the checkpoint's", LOG),
    refused("tree-of-one", "a tree of one leaf, made for the occasion", LOG),
    refused("foreign-checkpoint", "a checkpoint that a foreign log signed", LOG),
    refused("checkpoint-changed", "a changed signature of the checkpoint", LOG),
    refused("checkpoint-of-another-tree", "a good checkpoint of an earlier tree", LOG),
    refused("checkpoint-without-signature", "a checkpoint without signature", &["is not taken", "no signatures found"]),
    refused("promise-changed", "a changed promise of the log", LOG),
    refused("entry-of-another-signature", "a good entry of another signature", ENTRY),
    refused("entry-of-another-statement", "a good entry of another statement by the same key", ENTRY),
    refused("entry-of-another-kind", "an entry of a kind that says nothing about envelopes", &["is not taken"]),
    refused("entry-body-changed", "a changed body of the entry", LOG),
];
