//! Building components.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::command::{self, Progress, Stdout};
use crate::{BuildError, Origin, TARGET, Toolchain};

/// How much the compiler optimises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Quick to build.
    Dev,
    /// What is shipped.
    #[default]
    Release,
}

/// What to build.
#[derive(Debug, Clone, Default)]
pub struct BuildRequest {
    /// The folder of the `Cargo.toml`: a package or a workspace.
    pub manifest_dir: PathBuf,
    /// Where cargo keeps what it builds; a relative path counts from `manifest_dir`.
    pub target_dir: PathBuf,
    /// Names of packages; empty builds every member.
    pub packages: Vec<String>,
    /// How much the compiler optimises.
    pub profile: Profile,
    /// Cargo features to switch on.
    pub features: Vec<String>,
}

/// One component that was built, or was up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The `Cargo.toml` of its package.
    pub manifest: PathBuf,
    /// The component.
    pub wasm: PathBuf,
    /// Nothing had changed since the last build.
    pub fresh: bool,
}

impl Toolchain {
    /// Builds components; lines of progress are cargo's own. Returns the `.wasm` files of libraries of the type
    /// `cdylib` and of programs, in the order in which they were built.
    ///
    /// Safe to call from several processes at once: cargo locks `target_dir`.
    ///
    /// # Errors
    /// [`BuildError::Failed`] with the compiler's message when the source is at fault.
    pub fn build(&self, request: &BuildRequest, progress: &Progress<'_>) -> Result<Vec<Built>, BuildError> {
        let mut command = self.command(request);
        let finished = command::run(&mut command, None, Stdout::Collect, progress)
            .map_err(|source| BuildError::Run { program: self.cargo.clone(), source })?;
        if !finished.success {
            return Err(BuildError::Failed { manifest_dir: request.manifest_dir.clone(), stderr: finished.stderr });
        }
        let mut built = Vec::new();
        for line in finished.stdout.lines() {
            let message: Value =
                serde_json::from_str(line).map_err(|source| BuildError::Message { line: line.to_owned(), source })?;
            built.extend(component_in(&message));
        }
        Ok(built)
    }

    fn command(&self, request: &BuildRequest) -> Command {
        let mut command = Command::new(&self.cargo);
        command::scrub(&mut command)
            .current_dir(&request.manifest_dir)
            .args(["build", "--target", TARGET, "--message-format", "json-render-diagnostics", "--target-dir"])
            .arg(&request.target_dir)
            .env("PATH", &self.path)
            .env("RUSTC", &self.rustc)
            .env("CARGO_TERM_PROGRESS_WHEN", "never");
        if request.packages.is_empty() {
            command.arg("--workspace");
        }
        for package in &request.packages {
            command.args(["--package", package]);
        }
        if request.profile == Profile::Release {
            command.arg("--release");
        }
        if !request.features.is_empty() {
            command.arg("--features").arg(request.features.join(","));
        }
        // What is shipped names no folder of whoever built it, and is the same wherever it was built: messages of panics have
        // paths of libraries' sources.
        let renamed = (request.profile == Profile::Release)
            .then(|| format!("--remap-path-prefix={}=/cargo", self.cargo_home.display()));
        match &self.origin {
            Origin::BuildStd { native } => {
                // Debian's wasi-libc of 2022 has no `pthread_*`. A guest that reaches `std::thread` would not link here;
                // objects that answer "not supported" would be passed in these flags as `-Clink-arg=`.
                let flags = [Some(format!("-Lnative={}", native.display())), renamed];
                let flags: Vec<String> = flags.into_iter().flatten().collect();
                command
                    .arg("-Zbuild-std=std,panic_abort")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
            }
            // A setting and no variable: flags of a person's own configuration stay.
            Origin::Target => {
                if let Some(flag) = renamed {
                    command.args(["--config", &format!("target.{TARGET}.rustflags = [{flag:?}]")]);
                }
            }
        }
        command
    }
}

/// The component that a message of cargo's speaks of, if it does.
/// The format: <https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages>.
fn component_in(message: &Value) -> Option<Built> {
    if message.get("reason")?.as_str()? != "compiler-artifact" {
        return None;
    }
    let kinds = message.get("target")?.get("kind")?.as_array()?;
    if !kinds.iter().any(|kind| matches!(kind.as_str(), Some("cdylib" | "bin"))) {
        return None;
    }
    let mut files = message.get("filenames")?.as_array()?.iter().filter_map(Value::as_str);
    Some(Built {
        manifest: PathBuf::from(message.get("manifest_path")?.as_str()?),
        wasm: PathBuf::from(files.find(|file| file.ends_with(".wasm"))?),
        fresh: message.get("fresh")?.as_bool()?,
    })
}
