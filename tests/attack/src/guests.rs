//! Guests written as text.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Translates `guests/NAME.wat` into `folder/NAME.wasm`.
///
/// # Errors
/// There is no such text, or it is none.
pub fn build(name: &str, folder: &Path) -> Result<PathBuf> {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests").join(format!("{name}.wat"));
    let bytes = wat::parse_file(&text).with_context(|| format!("`{}`", text.display()))?;
    let path = folder.join(format!("{name}.wasm"));
    std::fs::write(&path, bytes)?;
    Ok(path)
}

/// A component with a manifest, whose tools answer with a number; `more` changes its bytes and nothing else.
///
/// # Errors
/// A name or the version is none.
pub fn versioned(name: &str, version: &str, tools: &[&str], more: &str) -> Result<Vec<u8>> {
    let tools: String = tools
        .iter()
        .map(|tool| format!("(func (export \"{tool}\") (result s32) (canon lift (core func $i \"five\")))"))
        .collect();
    let text = format!(
        "(component (core module $m (func (export \"five\") (result i32) i32.const 5) (memory 1) (data (i32.const 0) \"{more}\"))
         (core instance $i (instantiate $m)) {tools})"
    );
    let manifest = format!("name = \"{name}\"\nversion = \"{version}\"\nkind = \"tool\"\n");
    Ok(tidegate_bundle::embed_manifest(&wat::parse_str(text)?, &manifest)?)
}

/// A component that instantiates a component twice, which instantiates a component twice, and so on: a few kilobytes
/// that ask a compiler for 2 to the power of `levels` instances.
#[must_use]
pub fn nested(levels: u32) -> String {
    let mut text = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for level in 1..=levels {
        let inner = level - 1;
        let twice = format!("(instance (instantiate $c{inner})) (instance (instantiate $c{inner}))");
        text = format!("(component $c{level} {text} {twice})");
    }
    text
}
