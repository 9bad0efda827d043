//! What lies where on a node: the files that package and image share.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::components::packaged;
use super::{NAME, PUBLIC_KEY, Release};
use crate::cross::Target;

impl Release<'_> {
    /// Lays out a node's files for one target, and gives the folder.
    pub(super) fn root(&self, target: &Target, binary: &Path, components: &Path) -> Result<PathBuf> {
        let root = self.work.join(target.architecture);
        self.copy(binary, &root.join("usr/bin").join(NAME))?;
        let library = root.join("usr/lib/tidegate");
        for file in packaged(components, target.code)? {
            let name = file.file_name().context("a file has a name")?;
            self.copy(&file, &library.join("components").join(name))?;
        }
        self.copy(&self.out.join(PUBLIC_KEY), &library.join(PUBLIC_KEY))?;
        for name in ["tidegate.toml", "policy.toml"] {
            self.copy(&self.layout.root.join("deploy/package").join(name), &root.join("etc/tidegate").join(name))?;
        }
        self.settle(&root)?;
        Ok(root)
    }

    /// A page for `man`: what the binary says itself, so that it is never anything else.
    pub(super) fn manual(&self, target: &Target, binary: &Path) -> Result<String> {
        let help = Command::new(target.emulator).arg(binary).arg("--help").output().context("no emulator")?;
        ensure!(help.status.success(), "the binary for {} does not start", target.name);
        let help = String::from_utf8(help.stdout)?;
        // What groff takes for itself: backslashes anywhere, dots and quotes at the beginning of a line.
        let lines = help.lines().map(|line| format!("\\&{}", line.replace('\\', "\\e").replace('-', "\\-")));
        let text = lines.collect::<Vec<_>>().join("\n");
        let version = super::VERSION;
        Ok(format!(
            ".TH TIDEGATE\\-EDGE 1 \"\" \"tidegate {version}\"\n.SH NAME\ntidegate\\-edge \\- serves signed WebAssembly \
             components to AI clients\n.SH DESCRIPTION\n.nf\n{text}\n.fi\n.SH FILES\n/etc/tidegate/tidegate.toml,\n\
             /etc/tidegate/policy.toml\n"
        ))
    }
}
