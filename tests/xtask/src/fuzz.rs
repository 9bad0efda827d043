//! `cargo x fuzz`: one fuzz target for a while.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::step::succeeds;

/// What there is.
const TARGETS: [&str; 2] = ["mcp-http", "mcp-stdio"];
/// Coverage of edges and of comparisons, as LLVM's fuzzer reads it.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// `cargo x fuzz TARGET [--seconds N]`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let (target, seconds) = match rest.as_slice() {
        [target] => (*target, 60),
        [target, "--seconds", seconds] => (*target, seconds.parse().context("`--seconds` takes a number")?),
        _ => bail!("`cargo x fuzz` takes one target: {}; see `cargo x fuzz --help`", TARGETS.join(", ")),
    };
    if !TARGETS.contains(&target) {
        bail!("there is no fuzz target `{target}`; there are: {}", TARGETS.join(", "));
    }
    let folder = layout.root.join("tests/fuzz");
    let found = layout.target.join("fuzz").join(target);
    std::fs::create_dir_all(&found)?;
    let host = host()?;
    let mut fuzz = layout.cargo();
    fuzz.current_dir(&folder).env("CARGO_TARGET_DIR", layout.target.join("fuzz/build"));
    fuzz.env("RUSTFLAGS", FLAGS).args(["run", "--release", "--locked", "--target", &host, "--bin", target, "--"]);
    // New inputs go to the first folder, the kept ones are read only.
    fuzz.arg(&found).arg(folder.join("corpus").join(target));
    fuzz.arg(format!("-max_total_time={seconds}")).arg(format!("-dict={}", folder.join("mcp.dict").display()));
    fuzz.arg(format!("-artifact_prefix={}/finding-", layout.target.join("fuzz").display()));
    fuzz.args(["-max_len=65536", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]);
    if succeeds(&mut fuzz)? {
        return Ok(ExitCode::SUCCESS);
    }
    println!("the input that failed is named above; mend it, and keep it in {}/corpus/{target}", folder.display());
    Ok(ExitCode::FAILURE)
}

/// The target that is built for: named, so that build scripts are built without coverage.
fn host() -> Result<String> {
    let output = std::process::Command::new("rustc").arg("-vV").output().context("`rustc` does not start")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` does not name a host")?.to_owned())
}
