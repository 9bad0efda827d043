//! What can go wrong, each with what mends it.

use std::io;
use std::path::PathBuf;

/// Why no guest toolchain was found. Nothing was changed on the machine.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// Neither a Rust toolchain nor Debian's packages.
    #[error("there is no `rustc` on the path; install Rust 1.95 or later from https://rustup.rs")]
    NoRust,
    /// Rust is there and cannot build for the target.
    #[error(
        "the Rust toolchain in `{sysroot}` cannot build for wasm32-wasip2; run `rustup target add wasm32-wasip2`, or on Debian `{debian}`"
    )]
    NoTarget {
        /// The toolchain in use.
        sysroot: PathBuf,
        /// The command that installs Debian's packages.
        debian: String,
    },
    /// The linker of components is missing.
    #[error("the linker `wasm-component-ld` is missing; run `cargo install --locked wasm-component-ld`")]
    NoComponentLinker,
    /// A program exists and does not start.
    #[error("`{program}` does not run")]
    Run {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `rustc` gave an answer that is not one.
    #[error("`{program} --print sysroot` failed: {answer}; repair the Rust installation")]
    BadRustc {
        /// The program.
        program: PathBuf,
        /// What it said.
        answer: String,
    },
}

/// Why no guest toolchain could be installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Nothing to start from, or a program that does not run.
    #[error(transparent)]
    Find(#[from] FindError),
    /// The file that keeps two installations from running at once cannot be locked.
    #[error("`{path}` cannot be locked; check who may write there")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Every way was tried or ruled out.
    #[error("the guest toolchain could not be installed: {}; run `{mend}` and try again", reasons.join("; "))]
    NoWay {
        /// One sentence for each way.
        reasons: Vec<String>,
        /// The command for a person to run.
        mend: String,
    },
}

/// Why components were not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The source does not compile, or a dependency cannot be had: the author's or the network's fault.
    #[error("components in `{manifest_dir}` do not build:\n{stderr}")]
    Failed {
        /// The folder of the `Cargo.toml`.
        manifest_dir: PathBuf,
        /// The last lines that cargo printed.
        stderr: String,
    },
    /// Cargo does not start.
    #[error("`{program}` does not run")]
    Run {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Cargo reported success in a form that is not its own.
    #[error("cargo printed a message that is not JSON: `{line}`")]
    Message {
        /// The line.
        line: String,
        /// Why.
        source: serde_json::Error,
    },
}
