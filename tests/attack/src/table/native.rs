//! Native code that nobody should run.

use super::{Row, USAGE, refused};

const OTHER_CODE: &[&str] = &["is not what `builder` signed", "changed or exchanged after signing"];
const OTHER_COMPONENT: &[&str] = &["was made from `wave@1.0.0`", "compile this component with `tidegate build"];

/// The rows.
pub(super) const ROWS: &[Row] = &[
    refused("unsigned", "native code without a signature", &["has no signature, and runs for nobody without"]),
    refused("missing", "no native code at all, on a host that does not compile", &["and this host does not compile"]),
    refused(
        "unknown-key",
        "native code signed by a stranger",
        &["signed by nobody that this node trusts", "native-code"],
    ),
    refused(
        "component-role",
        "native code signed by who may sign components only",
        &["is signed by `tests`, who may not sign native code", "add `\"native-code\"` to `roles`"],
    ),
    refused(
        "components-statement",
        "a component's statement over the digest of the code, by who may sign native code",
        &["is not taken", "which does not vouch for native code"],
    ),
    refused("tampered-byte", "native code with one bit changed", OTHER_CODE),
    refused("appended", "native code with a byte more", OTHER_CODE),
    refused("code-swapped", "the code of another component under this one's signature", OTHER_CODE),
    refused("swapped", "native code of another component, with its signature", OTHER_COMPONENT),
    refused(
        "other-version",
        "native code of an earlier version of the component, with its signature",
        &["was made from `tide@0.9.0`"],
    ),
    refused("other-name", "native code of this very component, signed as another's", OTHER_COMPONENT),
    refused(
        "other-target",
        "native code for another processor under this one's name",
        &["was made for", "rename it, or get the one for"],
    ),
    refused(
        "other-target-signed-as-ours",
        "code for another processor, signed as for this one",
        &["does not fit this host's engine", "compiled for architecture"],
    ),
    refused(
        "other-engine",
        "native code of an older engine",
        &["was made by wasmtime 48.0.7", "compile the component again"],
    ),
    refused(
        "other-layout",
        "native code for another layout of memories",
        &["expects memories that lie `compact:64MiB`"],
    ),
    refused(
        "other-layout-signed-as-ours",
        "code for another layout of memories, signed as for this one",
        &["does not fit this host's engine", "memory"],
    ),
    refused("no-code", "a component signed as native code", &["what was signed as native code is none"]),
    refused(
        "component-tampered",
        "good native code beside a component with one byte changed",
        &["is not what `tests` signed"],
    ),
    refused(
        "component-unsigned",
        "good native code beside a component without a signature",
        &["tide.wasm` has no signature"],
    ),
    refused(
        "signs-a-component",
        "a component signed by who may sign native code only",
        &["is signed by `builder`, who may not sign components"],
    ),
    refused(
        "signature-on-the-component",
        "the native code's signature as the component's",
        &["is not taken", "which does not vouch for a component"],
    ),
    Row {
        name: "as-a-component",
        attack: "native code as the component itself",
        says: &["this is native code"],
        code: USAGE,
    },
    refused("after-installing", "one bit changed in installed native code", OTHER_CODE),
];
