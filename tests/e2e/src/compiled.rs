//! Compiled components, kept between tests: compiling is most of what a test would otherwise wait for.
//!
//! Every node gets the same host key, and a copy of what hosts before it compiled. The host still authenticates each
//! entry, and compiles what is missing, damaged or of another version.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::layout;

/// The key of tests' hosts: it protects nothing.
const HOST_KEY: [u8; 32] = *b"the host key of hosts under test";

/// Gives a state directory, not used yet, the key and what is compiled already.
pub(crate) fn give(state: &Path) -> Result<()> {
    let cache = state.join("cache");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&cache)?;
    let key = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(state.join("host.key"));
    key?.write_all(&HOST_KEY)?;
    copy_missing(&kept()?, &cache)
}

/// Keeps what a host has compiled.
pub(crate) fn keep(state: &Path) -> Result<()> {
    copy_missing(&state.join("cache"), &kept()?)
}

fn kept() -> Result<PathBuf> {
    let folder = layout::target()?.join("e2e-compiled");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Copies entries under another name first: other tests do the same at the same time.
fn copy_missing(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let (Some(name), true) = (path.file_name(), path.extension().is_some_and(|extension| extension == "cwasm"))
        else {
            continue;
        };
        let target = to.join(name);
        if !target.exists() {
            let half = to.join(format!("{}.{}", name.to_string_lossy(), std::process::id()));
            fs::copy(&path, &half)?;
            fs::rename(&half, &target)?;
        }
    }
    Ok(())
}
