//! `cargo x conformance`: the official MCP suite against a running host.
//!
//! The host serves two ordinary signed components: `protocol-mcp`, and the guest `conformance`, which has the tools,
//! resources and prompts that the suite expects. Nothing is excused: there is no file of expected failures.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::clients::{node, node_program, once};
use crate::layout::Layout;
use crate::step::{Count, must};
use crate::{guests, no_arguments};

/// The sets of requirements, one for each era.
const SETS: [&str; 2] = ["2026-07-28", "2025-11-25"];
/// Scenarios of an extension that no set of requirements names.
const MORE: [&str; 3] = ["sep-2640-skills-enumeration", "sep-2640-skills-manifest", "sep-2640-skills-directory"];
/// How long the host may take until it listens: it compiles its components first.
const START: Duration = Duration::from_secs(120);
const POLICY: &str = "\
version = 1

[signers.tests]
public-key-file = \"tests.pub\"
roles = [\"component\"]

[[grant]]
signer = \"tests\"
component = \"protocol-mcp\"
gateway = true
config = { poll-after = \"1000\" }
limits = { concurrency = 256 }

[[grant]]
signer = \"tests\"
component = \"conformance\"
kv = [{ namespace = \"conformance\", access = \"read-write\" }]
limits = { concurrency = 64, deadline = \"2m\" }
";

/// `cargo x conformance`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    no_arguments("conformance", rest)?;
    guests::build(layout)?;
    must(layout.cargo().args(["build", "--locked", "--package", "tidegate-cli"]))?;
    let count = run(layout)?;
    Ok(if count.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the suite against the host that is built, and prints the table.
pub(crate) fn run(layout: &Layout) -> Result<Count> {
    let suite = layout.clients().join("conformance");
    once(&suite, &layout.root.join("tests/conformance/package-lock.json"), node)?;
    let folder = layout.target.join("conformance");
    prepare(layout, &folder)?;
    let host = Host::start(layout, &folder)?;
    let mut rows = Vec::new();
    for set in SETS {
        // Its scored scenarios, and those that the suite runs beside them without a score.
        let out = folder.join(format!("out-{set}"));
        rows.extend(run_suite(&suite, &out, &host, set, &["--requirements", set])?);
    }
    for scenario in MORE {
        let out = folder.join(format!("out-{scenario}"));
        let which = ["--scenario", scenario, "--spec-version", SETS[0], "--force"];
        rows.extend(run_suite(&suite, &out, &host, SETS[0], &which)?);
    }
    drop(host);
    print(&rows);
    let passed = rows.iter().filter(|row| row.passed()).count();
    Ok(Count { passed, failed: rows.iter().filter(|row| row.failed()).count() })
}

/// A folder with key, policy and signed components; what was there before goes.
fn prepare(layout: &Layout, folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    let components = folder.join("components");
    std::fs::create_dir_all(&components).with_context(|| format!("cannot create `{}`", components.display()))?;
    std::fs::write(folder.join("policy.toml"), POLICY)?;
    let key = folder.join("tests.key");
    must(Command::new(layout.host("debug")).args(["key", "new", "--out"]).arg(&key).stdout(Stdio::null()))?;
    for (from, name) in [(layout.components(), "protocol-mcp.wasm"), (layout.fixtures(), "conformance.wasm")] {
        let copy = components.join(name);
        std::fs::copy(from.join(name), &copy).with_context(|| format!("no `{name}`; run `cargo x guests`"))?;
        must(Command::new(layout.host("debug")).args(["sign", "--key"]).arg(&key).arg(&copy).stdout(Stdio::null()))?;
    }
    Ok(())
}

/// A host that ends with this value.
struct Host {
    process: Child,
    address: SocketAddr,
}

impl Host {
    fn start(layout: &Layout, folder: &Path) -> Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let log = folder.join("host.log");
        let mut command = Command::new(layout.host("debug"));
        command.arg("run").arg("--state").arg(folder.join("state")).arg("--policy").arg(folder.join("policy.toml"));
        command.arg("--components").arg(folder.join("components")).arg("--listen").arg(address.to_string());
        let log_file = std::fs::File::create(&log)?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log_file);
        let process = command.spawn().context("the host does not start")?;
        let mut host = Self { process, address };
        let end = Instant::now() + START;
        while TcpStream::connect(address).is_err() {
            if host.process.try_wait()?.is_some() || Instant::now() > end {
                bail!("the host does not listen; its log:\n{}", std::fs::read_to_string(&log).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(host)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // What it keeps is thrown away with its folder.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What one scenario's checks gave.
struct Row {
    set: String,
    scenario: String,
    passed: usize,
    /// Checks that the suite itself left out, or made only to say what it saw.
    left_out: usize,
    failures: Vec<String>,
    warnings: Vec<String>,
}

impl Row {
    /// Warnings count: what the specification says one should do, we do.
    fn passed(&self) -> bool {
        self.passed > 0 && !self.failed()
    }

    /// Something is wrong. A scenario of which the suite itself left everything out neither passes nor fails.
    fn failed(&self) -> bool {
        !self.failures.is_empty() || !self.warnings.is_empty()
    }

    fn read(set: &str, scenario: String, checks: &Value) -> Self {
        let mut row =
            Self { set: set.to_owned(), scenario, passed: 0, left_out: 0, failures: Vec::new(), warnings: Vec::new() };
        for check in checks.as_array().into_iter().flatten() {
            let text = |key: &str| check.get(key).and_then(Value::as_str).unwrap_or_default();
            let line = || format!("{}: {}", text("id"), text("errorMessage"));
            match text("status") {
                "SUCCESS" => row.passed += 1,
                "FAILURE" => row.failures.push(line()),
                "WARNING" => row.warnings.push(line()),
                _ => row.left_out += 1,
            }
        }
        if row.passed + row.left_out == 0 && !row.failed() {
            row.failures.push("nothing was checked".to_owned());
        }
        row
    }
}

/// Runs scenarios, and reads their checks from a folder of their own.
fn run_suite(suite: &Path, out: &Path, host: &Host, set: &str, which: &[&str]) -> Result<Vec<Row>> {
    let program = node_program(suite).context("the suite has no Node; run `cargo x clean`")?;
    let mut command = Command::new(program);
    command.arg(suite.join("node_modules/@modelcontextprotocol/conformance/dist/index.js"));
    command.args(["server", "--url", &format!("http://{}/mcp", host.address)]).args(which).arg("-o").arg(out);
    let output = command.stdin(Stdio::null()).output().context("the suite does not start")?;
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(out).into_iter().flatten().flatten() {
        let checks = std::fs::read(entry.path().join("checks.json"))?;
        let checks: Value = serde_json::from_slice(&checks).context("the suite wrote no JSON")?;
        rows.push(Row::read(set, scenario(&entry.path()), &checks));
    }
    if rows.is_empty() || (!output.status.success() && !rows.iter().any(Row::failed)) {
        bail!("the suite did not end well: {}", String::from_utf8_lossy(&output.stderr));
    }
    rows.sort_by(|one, other| one.scenario.cmp(&other.scenario));
    Ok(rows)
}

/// From `server-NAME-2026-11-20T11-12-40-872Z` to `NAME`.
fn scenario(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = name.strip_prefix("server-").unwrap_or(&name);
    let end = name.len().checked_sub("-2026-11-20T11-12-40-872Z".len());
    end.and_then(|end| name.get(..end)).unwrap_or(name).to_owned()
}

fn print(rows: &[Row]) {
    println!("{:<12} {:<48} {:>6} {:>6} {:>8}", "set", "scenario", "passed", "failed", "warnings");
    for row in rows {
        let counts = (row.passed, row.failures.len(), row.warnings.len());
        println!("{:<12} {:<48} {:>6} {:>6} {:>8}", row.set, row.scenario, counts.0, counts.1, counts.2);
        for line in row.failures.iter().chain(&row.warnings) {
            println!("             {line}");
        }
    }
    for set in SETS {
        let of: Vec<&Row> = rows.iter().filter(|row| row.set == set).collect();
        let passed = of.iter().filter(|row| row.passed()).count();
        let left_out = of.iter().filter(|row| !row.passed() && !row.failed()).count();
        println!("{set}: {passed} of {} scenarios passed, {left_out} left out by the suite itself", of.len());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_scenario_is_named_in_its_folder() {
        assert_eq!(scenario(Path::new("/x/server-server-stateless-2026-11-20T11-12-40-872Z")), "server-stateless");
        assert_eq!(scenario(Path::new("/x/short")), "short");
    }

    #[test]
    fn failures_warnings_and_silence_do_not_pass() {
        let row = |text: &str| Row::read("s", "n".to_owned(), &serde_json::from_str(text).unwrap());
        assert!(row(r#"[{"id":"a","status":"SUCCESS"},{"id":"b","status":"INFO"}]"#).passed());
        assert!(!row(r#"[{"id":"a","status":"SUCCESS"},{"id":"b","status":"WARNING"}]"#).passed());
        assert!(!row(r#"[{"id":"a","status":"FAILURE"}]"#).passed());
        assert!(row("[]").failed());
        let left_out = row(r#"[{"id":"a","status":"SKIPPED"}]"#);
        assert!(!left_out.passed() && !left_out.failed());
    }
}
