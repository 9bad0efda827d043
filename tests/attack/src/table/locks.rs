//! What a person has not approved.

use super::{Row, refused};

/// The rows.
pub(super) const ROWS: &[Row] = &[
    refused("not-in-the-lock", "a component that nobody approved", &["is not what the lock approves", "+ component"]),
    refused("other-bytes", "other bytes of the same name and version by the same signer", &["~ bytes"]),
    refused("newer", "a newer version that nobody approved", &["~ version 1.3.0 instead of 1.2.0"]),
    refused("more-grants", "a policy that grants more than was approved", &["+ may connect to api.example.com:443"]),
    refused("another-key", "the same signer with another key", &["~ signed by"]),
    refused("description", "another description of a tool", &["~ description of tool", "before: ", "now: "]),
    refused("hidden-text", "hidden text in a description", &["~ description of tool", "\\u{202e}"]),
    refused("schema", "other arguments of a tool", &["~ arguments, result or hints of tool"]),
    refused("tool-more", "a tool more", &["+ tool"]),
    refused("tool-renamed", "a tool with another name", &["+ tool", "- tool"]),
    Row { name: "lock-cut-short", attack: "half a lock", says: &["the lock cannot be read"], code: super::USAGE },
    Row {
        name: "lock-key-twice",
        attack: "a key twice in the lock",
        says: &["the lock cannot be read"],
        code: super::USAGE,
    },
    Row {
        name: "lock-unknown-key",
        attack: "a key in the lock that nobody knows",
        says: &["the lock cannot be read"],
        code: super::USAGE,
    },
    Row {
        name: "lock-out-of-order",
        attack: "two locks merged by hand",
        says: &["was not written by `tidegate lock`"],
        code: super::USAGE,
    },
    Row {
        name: "lock-of-the-future",
        attack: "a lock of another version",
        says: &["this host reads version 1"],
        code: super::USAGE,
    },
    Row {
        name: "lock-missing",
        attack: "no lock where one is wanted",
        says: &["there is no lock"],
        code: super::USAGE,
    },
];
