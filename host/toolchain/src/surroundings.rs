//! What is read from the environment, once.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Where programs are looked for, and where rustup and cargo keep their files.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The search path for programs, in the operating system's format.
    pub path: OsString,
    /// rustup's folder, `~/.rustup` unless `RUSTUP_HOME` says otherwise.
    pub rustup_home: PathBuf,
    /// cargo's folder, `~/.cargo` unless `CARGO_HOME` says otherwise.
    pub cargo_home: PathBuf,
    /// The root of the file system that holds `usr/bin/rustc` of Debian's packages: `/`, another folder in tests.
    pub system_root: PathBuf,
}

impl Surroundings {
    /// Reads `PATH`, `HOME`, `CARGO_HOME` and `RUSTUP_HOME` of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let home = std::env::home_dir().unwrap_or_default();
        let folder = |name: &str, default: &str| match std::env::var_os(name) {
            Some(value) if !value.is_empty() => PathBuf::from(value),
            _ => home.join(default),
        };
        Self {
            path: std::env::var_os("PATH").unwrap_or_default(),
            rustup_home: folder("RUSTUP_HOME", ".rustup"),
            cargo_home: folder("CARGO_HOME", ".cargo"),
            system_root: PathBuf::from("/"),
        }
    }

    /// The first file of this name on the search path, then in cargo's `bin`.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.path)
            .chain([self.cargo_home.join("bin")])
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    }

    /// The search path with `first` in front.
    pub(crate) fn path_with(&self, first: &Path) -> OsString {
        let folders = [first.to_path_buf()].into_iter().chain(std::env::split_paths(&self.path));
        // Joining fails only for a folder whose name holds a colon: then the plain path is the best there is.
        std::env::join_paths(folders).unwrap_or_else(|_| self.path.clone())
    }

    /// The rustup toolchains on this machine, in the order of their names.
    pub(crate) fn rustup_toolchains(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.rustup_home.join("toolchains")) else { return Vec::new() };
        let mut found: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        found.sort();
        found
    }

    /// The rustup name of the toolchain with this sysroot, when it is one of rustup's.
    pub(crate) fn rustup_name<'a>(&self, sysroot: &'a Path) -> Option<&'a OsStr> {
        let inside = sysroot.parent()? == self.rustup_home.join("toolchains");
        if inside { sysroot.file_name() } else { None }
    }
}
