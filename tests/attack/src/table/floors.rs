//! What served before, newer.

use super::{Row, refused};

const OLDER: &[&str] = &["is older than what this node has had: its floor is 1.2.0", "tidegate rollback"];

/// The rows.
pub(super) const ROWS: &[Row] = &[
    refused("older", "an older version with a good signature, added", OLDER),
    refused("much-older", "a version of another year", OLDER),
    refused("pre-release", "a pre-release of the version that serves", OLDER),
    refused("after-removal", "an older version after the newer one was removed", OLDER),
    refused("no-host", "an older version added while no host runs", OLDER),
    refused("directory", "an older version in the components directory at a start", OLDER),
    refused("moved-tag", "an older version under the file name of the newer one", OLDER),
    refused("put-back", "an older version put into the state directory, with its entry", OLDER),
    refused(
        "another-signer",
        "the same name by another signer of the policy, in a higher version",
        &["is signed by `others`, and this node knows a component of that name by `tests`"],
    ),
    refused(
        "another-source",
        "the same name by another signer, in the components directory",
        &["knows a component of that name"],
    ),
    Row {
        name: "floor-damaged",
        attack: "damaged version floors",
        says: &["is damaged: restore it from a backup", "without version floors"],
        code: 1,
    },
    Row {
        name: "rollback-without-a-reason",
        attack: "a floor lowered without a reason",
        says: &["say why"],
        code: super::USAGE,
    },
];
