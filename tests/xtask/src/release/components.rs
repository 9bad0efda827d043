//! The components of a release: signed, with native code for every target.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{Release, VERSION};
use crate::cross::Target;
use crate::step::must;

/// What a package has of them: a protocol, and tools that need nothing outside the host.
const PACKAGED: [&str; 3] = ["protocol-mcp", "tool-memory", "tool-time"];

impl Release<'_> {
    /// Signs every shipped component, compiles it for these targets, and archives all of it. Gives the folder.
    pub(super) fn components(&self, targets: &[&Target]) -> Result<PathBuf> {
        let folder = self.work.join("components");
        fs::create_dir_all(&folder)?;
        for component in wasm(&self.layout.components())? {
            let copy = folder.join(component.file_name().context("a component has a name")?);
            self.copy(&component, &copy)?;
            must(self.tidegate().arg("sign").arg("--key").arg(&self.key).arg(&copy))?;
        }
        let mut codes: Vec<&str> = targets.iter().flat_map(|target| target.code).copied().collect();
        // For hosts that make no memory executable.
        codes.push("pulley64");
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            self.compile(&folder, code)?;
        }
        self.settle(&folder)?;
        let archive = self.out.join(format!("tidegate-components-{VERSION}.tar"));
        self.archive(&folder, &archive)?;
        // Without the name and the time of what was compressed.
        must(Command::new("gzip").args(["--no-name", "--best"]).arg(&archive))?;
        Ok(folder)
    }

    /// Compiles every component of a folder. Where the code generator fails on one, none of this kind is shipped for it: that
    /// component is interpreted there.
    fn compile(&self, folder: &Path, code: &str) -> Result<()> {
        for component in wasm(folder)? {
            let mut build = self.tidegate();
            build.args(["build", "--target", code, "--key"]).arg(&self.key).arg(&component);
            let output = build.output().context("the host does not start")?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            // Decision 0029 has why.
            let known = code.starts_with("riscv64");
            ensure!(output.status.success() || known, "`{}` for {code}: {said}", component.display());
            if !output.status.success() {
                println!("no code of {} for {code}: {}", component.display(), said.lines().next().unwrap_or_default());
            }
        }
        Ok(())
    }
}

/// The files of a package's components: each with its signature, and native code of these kinds.
pub(super) fn packaged(folder: &Path, codes: &[&str]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for name in PACKAGED {
        let kinds = std::iter::once(".wasm".to_owned()).chain(codes.iter().map(|code| format!(".{code}.cwasm")));
        for kind in kinds {
            for ending in ["", ".sigstore.json"] {
                let file = folder.join(format!("{name}{kind}{ending}"));
                ensure!(file.is_file(), "`{}` was not made", file.display());
                files.push(file);
            }
        }
    }
    Ok(files)
}

/// The component files of a folder, in the order of their names.
fn wasm(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list `{}`", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "wasm"));
    files.sort();
    ensure!(!files.is_empty(), "there are no components in `{}`", folder.display());
    Ok(files)
}
