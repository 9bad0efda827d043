//! `cargo x fuzz`: one fuzz target for a while.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::step::succeeds;

/// A fuzz target.
struct Target {
    name: &'static str,
    /// Its package in the workspace of the fuzzer, with the features that it needs.
    build: &'static [&'static str],
    /// Its dictionary, in `tests/fuzz/dict`.
    words: &'static str,
    /// Folders whose files are inputs too.
    elsewhere: &'static [&'static str],
}

const PROTOCOL: &[&str] = &["--package", "tidegate-fuzz"];
const FORMATS: &[&str] = &["--package", "tidegate-fuzz-formats"];
const MODELS: &[&str] = &["--package", "tidegate-fuzz-gguf"];
const TYPES: &[&str] = &["--package", "tidegate-fuzz-formats", "--features", "wit"];

/// What there is.
const TARGETS: [Target; 10] = [
    Target { name: "mcp-http", build: PROTOCOL, words: "mcp", elsewhere: &[] },
    Target { name: "mcp-stdio", build: PROTOCOL, words: "mcp", elsewhere: &[] },
    Target { name: "gguf", build: MODELS, words: "gguf", elsewhere: &[] },
    Target { name: "keys", build: FORMATS, words: "keys", elsewhere: &[] },
    Target { name: "lock", build: FORMATS, words: "lock", elsewhere: &[] },
    Target { name: "manifest", build: FORMATS, words: "manifest", elsewhere: &[] },
    Target { name: "oci", build: FORMATS, words: "oci", elsewhere: &[] },
    Target {
        name: "policy",
        build: FORMATS,
        words: "policy",
        elsewhere: &["policies/presets", "policies/rules/tests/ok", "policies/rules/tests/fail"],
    },
    Target { name: "signature", build: FORMATS, words: "signature", elsewhere: &[] },
    Target { name: "wit", build: TYPES, words: "wit", elsewhere: &[] },
];
/// Coverage of edges and of comparisons, as LLVM's fuzzer reads it.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// `cargo x fuzz TARGET [--seconds N]`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let (name, seconds) = match rest.as_slice() {
        [name] => (*name, 60),
        [name, "--seconds", seconds] => (*name, seconds.parse().context("`--seconds` takes a number")?),
        _ => bail!("`cargo x fuzz` takes one target: {}; see `cargo x fuzz --help`", names()),
    };
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        bail!("there is no fuzz target `{name}`; there are: {}", names());
    };
    let folder = layout.root.join("tests/fuzz");
    let found = layout.target.join("fuzz").join(name);
    std::fs::create_dir_all(&found)?;
    let host = host()?;
    let mut fuzz = layout.cargo();
    fuzz.current_dir(&folder).env("CARGO_TARGET_DIR", layout.target.join("fuzz/build"));
    fuzz.env("RUSTFLAGS", FLAGS).args(["run", "--release", "--locked", "--target", &host]);
    fuzz.args(target.build).args(["--bin", name, "--"]);
    // New inputs go to the first folder, the kept ones are read only.
    fuzz.arg(&found).arg(folder.join("corpus").join(name));
    fuzz.args(target.elsewhere.iter().map(|folder| layout.root.join(folder)));
    let words = folder.join("dict").join(target.words).with_extension("dict");
    fuzz.arg(format!("-max_total_time={seconds}")).arg(format!("-dict={}", words.display()));
    fuzz.arg(format!("-artifact_prefix={}/finding-{name}-", layout.target.join("fuzz").display()));
    fuzz.args(["-max_len=65536", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]);
    if succeeds(&mut fuzz)? {
        return Ok(ExitCode::SUCCESS);
    }
    println!("the input that failed is named above; mend it, and keep it in {}/corpus/{name}", folder.display());
    Ok(ExitCode::FAILURE)
}

fn names() -> String {
    TARGETS.map(|target| target.name).join(", ")
}

/// The target that is built for: named, so that build scripts are built without coverage.
fn host() -> Result<String> {
    let output = std::process::Command::new("rustc").arg("-vV").output().context("`rustc` does not start")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` does not name a host")?.to_owned())
}
