//! `cargo x doctor`: what this machine has.

use std::process::{Command, ExitCode};

use anyhow::Result;
use tidegate_toolchain::{Origin, Toolchain};

use crate::layout::Layout;
use crate::no_arguments;
use crate::quality::has;

/// One thing that was looked for: what it is, what was found, or what mends it.
struct Finding {
    what: &'static str,
    /// The version or place, or the advice.
    answer: Result<String, String>,
    /// `cargo x test` needs it; without the rest something still works.
    needed: bool,
}

/// `cargo x doctor`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    no_arguments("doctor", rest)?;
    let findings = findings(layout);
    for finding in &findings {
        match &finding.answer {
            Ok(found) => println!("ok       {:<18} {found}", finding.what),
            Err(advice) if finding.needed => println!("missing  {:<18} {advice}", finding.what),
            Err(advice) => println!("optional {:<18} {advice}", finding.what),
        }
    }
    let missing = findings.iter().filter(|finding| finding.needed && finding.answer.is_err()).count();
    println!("{missing} missing");
    Ok(if missing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn findings(layout: &Layout) -> Vec<Finding> {
    let needed = |what, answer| Finding { what, answer, needed: true };
    let subcommand =
        |name: &str, advice: &str| if has(layout, name) { Ok(String::from("installed")) } else { Err(advice.into()) };
    vec![
        needed("Rust", version("rustc", &["--version"], "install Rust 1.95 or later from https://rustup.rs")),
        needed("C compiler", version("cc", &["--version"], "run `apt-get install build-essential`")),
        needed("guest toolchain", guest_toolchain()),
        needed("rustfmt", subcommand("fmt", "run `rustup component add rustfmt`")),
        needed("clippy", subcommand("clippy", "run `rustup component add clippy`")),
        needed("Python", version("python3", &["--version"], "run `apt-get install python3 python3-venv`")),
        needed("Python venv", python_venv()),
        needed("npm", version("npm", &["--version"], "run `apt-get install npm`")),
        Finding {
            what: "nextest",
            answer: subcommand("nextest", "run `cargo install --locked cargo-nextest` for quicker tests"),
            needed: false,
        },
    ]
}

fn guest_toolchain() -> Result<String, String> {
    match Toolchain::find() {
        Ok(found) => Ok(match found.origin() {
            Origin::Target => format!("target installed, {}", found.cargo().display()),
            Origin::BuildStd { .. } => format!("Debian's packages, {}", found.cargo().display()),
        }),
        Err(missing) => Err(format!("{missing} (`cargo x guests` tries that by itself)")),
    }
}

fn python_venv() -> Result<String, String> {
    // `ensurepip` is what Debian leaves out of `python3`.
    version("python3", &["-c", "import venv, ensurepip; print('available')"], "run `apt-get install python3-venv`")
}

/// The first line a program prints, or the advice.
fn version(program: &str, arguments: &[&str], advice: &str) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().map_err(|_| advice.to_owned())?;
    if !output.status.success() {
        return Err(advice.to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}
