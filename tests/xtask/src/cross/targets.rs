//! The processors that the edge profile is built for.

use anyhow::{Context, Result};

/// A processor, and what is needed to build for it and to try the result.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What Rust calls it: musl everywhere, so that the binary needs no C library of a certain age on the node.
    pub(crate) triple: &'static str,
    /// What Debian and container images call it.
    pub(crate) architecture: &'static str,
    /// What runs its programs here.
    pub(crate) emulator: &'static str,
    /// Targets of native code as `tidegate build` calls them, the best one first.
    pub(crate) code: &'static [&'static str],
}

/// Debian's package with every emulator.
pub(crate) const EMULATORS: &str = "qemu-user-static";

/// Every target, in the order in which they are built.
pub(crate) const TARGETS: [Target; 5] = [
    Target {
        name: "aarch64",
        triple: "aarch64-unknown-linux-musl",
        architecture: "arm64",
        emulator: "qemu-aarch64-static",
        code: &["aarch64-unknown-linux-gnu"],
    },
    Target {
        name: "x86_64",
        triple: "x86_64-unknown-linux-musl",
        architecture: "amd64",
        emulator: "qemu-x86_64-static",
        code: &["x86_64-unknown-linux-gnu"],
    },
    Target {
        name: "riscv64",
        triple: "riscv64gc-unknown-linux-musl",
        architecture: "riscv64",
        emulator: "qemu-riscv64-static",
        // The code generator fails on some components (decision 0029); these are interpreted.
        code: &["riscv64gc-unknown-linux-gnu", "pulley64"],
    },
    // The runtime has no native code for 32-bit processors.
    Target {
        name: "armv7",
        triple: "armv7-unknown-linux-musleabihf",
        architecture: "armhf",
        emulator: "qemu-arm-static",
        code: &["pulley32"],
    },
    Target {
        name: "i686",
        triple: "i686-unknown-linux-musl",
        architecture: "i386",
        emulator: "qemu-i386-static",
        code: &["pulley32"],
    },
];

/// The targets of these names; none: all of them.
///
/// # Errors
/// There is no such target; the message lists those that there are.
pub(crate) fn named(names: &[&str]) -> Result<Vec<&'static Target>> {
    if names.is_empty() {
        return Ok(TARGETS.iter().collect());
    }
    let known = || TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    let find = |name: &&str| {
        let target = TARGETS.iter().find(|target| [target.name, target.triple].contains(name));
        target.with_context(|| format!("`{name}` is no target; there are {}", known()))
    };
    names.iter().map(find).collect()
}
