//! Whether a binary serves an official client, for `cargo x cross` and `cargo x release`.
//!
//! `tidegate-smoke http://ADDRESS/mcp`: a host that runs, with `protocol-mcp`, `tool-time` and `tool-memory`.
//!
//! `tidegate-smoke BINARY TARGET[,TARGET...] [EMULATOR]`: a binary of the edge profile. Makes a node of the shipped components, compiles and signs code of them for the first target that all of them can be compiled
//! for, starts the binary, under the emulator if there is one, and lets the official Python client work with its tools: in the modern
//! era over HTTP and in the legacy one over stdio. Prints one line of JSON: `code`, `given-up` (targets before it, and why), `rss`
//! (KiB, with the emulator's own).

use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tidegate_e2e::{Client, Library, Node, Transport};

/// Instances of the node. An emulator keeps records of every page that is reserved, and a 32-bit process has 3 GB of addresses.
const INSTANCES: &str = "[pool]\ninstances = 16\n";
/// How memories lie, for the same reason.
const LAYOUT: &str = "compact:64MiB";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match smoke(&arguments) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn smoke(arguments: &[String]) -> Result<Value> {
    let (binary, targets, emulator) = match arguments {
        [url] if url.starts_with("http://") => {
            let mut client = Client::connect_to(Library::Python("2026-07-28"), url)?;
            time_and_notes(&mut client, "client of a host that runs")?;
            client.close()?;
            return Ok(json!({ "served": url }));
        }
        [binary, targets] => (binary, targets, None),
        [binary, targets, emulator] => (binary, targets, Some(emulator)),
        _ => bail!("usage: tidegate-smoke URL, or BINARY TARGET[,TARGET...] [EMULATOR]"),
    };
    let node = Node::with_shipped_components()?;
    let (code, given_up) = compile(&node, targets)?;
    let policy = std::fs::read_to_string(node.path("policy.toml"))?;
    let policy = policy.replace("[\"component\"]", "[\"component\", \"native-code\"]");
    std::fs::write(node.path("policy.toml"), format!("{policy}\n{INSTANCES}"))?;
    let kind = if code.starts_with("pulley") { "pulley" } else { "native" };
    node.configure(&format!("[engine]\ncode = \"{kind}\"\nlayout = \"{LAYOUT}\"\n"))?;
    let node = node.on(emulator.into_iter().chain([binary]).cloned().collect());
    let mut rss = 0;
    for (mode, transport) in [("2026-07-28", Transport::Http), ("legacy", Transport::Stdio)] {
        let way = format!("client in mode {mode} over {transport:?}");
        let mut client = Client::connect(Library::Python(mode), transport, &node).with_context(|| way.clone())?;
        work(&mut client, &way, &node).with_context(|| format!("{way}; log:\n{}", client.log()))?;
        if let Some(host) = client.host() {
            rss = resident(host.pid())?;
        }
        client.close()?;
    }
    Ok(json!({ "code": code, "given-up": given_up, "rss": rss }))
}

/// Compiles every component for the first target that takes all of them; gives it, and why not those before it.
fn compile(node: &Node, targets: &str) -> Result<(String, Vec<String>)> {
    let mut given_up = Vec::new();
    for target in targets.split(',') {
        match node.compile_components_for(target, Some(LAYOUT)) {
            Ok(()) => return Ok((target.to_owned(), given_up)),
            Err(error) => given_up.push(format!("{target}: {error:#}")),
        }
    }
    bail!("no code for any of `{targets}`:\n{}", given_up.join("\n"))
}

/// All that shipped tools need of a host.
fn work(client: &mut Client, way: &str, node: &Node) -> Result<()> {
    time_and_notes(client, way)?;
    client.call("write_file", &json!({"path": "/files/hello.txt", "content": way}))?;
    let written = std::fs::read_to_string(node.files().join("hello.txt"))?;
    ensure!(written == way, "another text was written: `{written}`");
    client.call("system_overview", &json!({})).map(drop)
}

/// Computing, and durable storage.
fn time_and_notes(client: &mut Client, way: &str) -> Result<()> {
    let convert = json!({"time": "2026-03-29T12:00", "from": "Europe/Berlin", "to": ["UTC"]});
    let converted = client.call("convert_time", &convert)?;
    ensure!(converted.to_string().contains("10:00"), "the wrong time: {converted}");
    client.call("add_note", &json!({"title": format!("by {way}"), "body": "kept", "tags": []}))?;
    let notes = client.call("search_notes", &json!({"query": "client"}))?;
    ensure!(notes.to_string().contains(way), "the note was not kept: {notes}");
    Ok(())
}

/// Resident memory of a process, in KiB.
fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
