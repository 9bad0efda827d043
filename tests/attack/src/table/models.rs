//! Models: who vouches for their files, and what their manifests name.

use super::{Row, USAGE, refused};

const CHANGED: &[&str] = &["is not what was signed", "the signature is for sha256:"];

/// The rows.
pub(super) const ROWS: &[Row] = &[
    refused("model-unsigned", "a model without a signature", &["has no signature", "tidegate sign"]),
    refused(
        "model-unknown-key",
        "a model signed by somebody else",
        &["is signed by nobody that this node trusts", "roles = [\"model\"]"],
    ),
    refused(
        "model-component-role",
        "a model signed by somebody who may sign components",
        &["is signed by `tests`, who may not sign models"],
    ),
    refused(
        "model-components-statement",
        "a component's statement over the model's manifest, by who may sign models",
        &["does not vouch for a model"],
    ),
    refused("model-changed-byte", "another byte in a model's file", CHANGED),
    refused("model-cut-short", "a model's file without its end", CHANGED),
    refused("model-swapped", "another model's file, signed by the same signer", CHANGED),
    refused(
        "model-manifest-changed",
        "a manifest that wants another backend than the one that was signed",
        &["is not what `lab` signed"],
    ),
    refused(
        "model-file-not-signed",
        "a manifest with a file that the signature does not name",
        &["has the file `more.bin`, for which `lab` does not vouch"],
    ),
    refused("model-older", "an older version with a good signature", &["is older than what this node has had"]),
    refused("model-path", "a signed manifest whose file is `../../secret`", &["is not taken", "is not a name"]),
    refused("model-absolute-path", "a signed manifest whose file is `/etc/passwd`", &["is not taken", "is not a name"]),
    refused("model-name", "a signed manifest whose name is `../components`", &["is not a component name"]),
    Row {
        name: "model-pipe",
        attack: "a pipe in place of a model's file",
        says: &["it is not a regular file"],
        code: 1,
    },
    Row {
        name: "model-missing-file",
        attack: "a model without one of its files",
        says: &["the model has no file"],
        code: USAGE,
    },
];
