//! Instructions of one call, counted by valgrind: neighbours on the machine do not change them.
//!
//! This program makes `N` and then `2 N` calls under valgrind; the difference is that of `N` calls, without start and end.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use tidegate::bundle::CodeTarget;
use tidegate::{Code, Host, HttpOptions};

use crate::message;
use crate::needs;
use crate::node::Node;

/// valgrind has little address space: memories of 64 MiB instead of 4 GiB, at the price of bounds checks in the code.
const LAYOUT: &str = "compact:64MiB";
/// Calls of the shorter run.
const CALLS: u32 = 500;

/// A way to call.
const WAYS: [(&str, &str); 3] = [
    ("embedded", "an embedding application calls the tool"),
    ("2026-07-28", "the same over HTTP, protocol component and client included"),
    ("2025-11-25", "the same in a session"),
];

/// Counts all ways and prints a table.
pub(crate) fn measure() -> Result<()> {
    let valgrind = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    ensure!(valgrind.is_ok(), "valgrind is missing; install it: `apt-get install valgrind`");
    let needs = needs::find()?;
    let node = Node::prepare(&needs)?;
    node.compile(LAYOUT)?;
    println!("{:<66}{:>22}", "one call, 100 bytes there and back", "instructions");
    for (way, what) in WAYS {
        let [once, twice] = [CALLS, 2 * CALLS].map(|calls| instructions(&node, way, calls));
        let each = (twice? - once?) / u64::from(CALLS);
        println!("{:<66}{each:>22}", format!("{way}: {what}"));
    }
    Ok(())
}

fn instructions(node: &Node, way: &str, calls: u32) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--vex-guest-max-insns=25"]);
    valgrind.arg(std::env::current_exe()?).args(["--calls", &calls.to_string(), "--way", way]);
    let output = valgrind.arg("--node").arg(node.path("")).output().context("valgrind does not start")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "under valgrind: {said}");
    let line = said.lines().find_map(|line| line.split_once("Collected : ")).context("valgrind counted nothing")?.1;
    Ok(line.trim().parse()?)
}

/// Makes calls inside this process, on native code of the node: what valgrind runs.
pub(crate) fn call(folder: &Path, way: &str, calls: u32) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let host = host(folder).await?;
        if way == "embedded" {
            for _ in 0..calls {
                host.call_tool("echo", r#"{"message":"high water at noon"}"#).finish().await?;
            }
            return Ok(());
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = host.bind_http(address, HttpOptions::default()).await?;
        let address = server.address().context("no address")?;
        let way = way.to_owned();
        let client = tokio::task::spawn_blocking(move || ask(address, &way, calls));
        tokio::select! {
            _ = server.serve(std::future::pending()) => bail!("the server ended"),
            asked = client => asked?,
        }
    })
}

async fn host(folder: &Path) -> Result<Host> {
    let key = format!("public-key = \"\"\"\n{}\"\"\"", std::fs::read_to_string(folder.join("bench.pub"))?);
    let policy = std::fs::read_to_string(folder.join("policy.toml"))?;
    // Few instances, for the same reason.
    let policy = policy.replace("public-key-file = \"bench.pub\"", &key).replace("instances = 3000", "instances = 8");
    let policy = tidegate::parse_policy("policy.toml", &policy)?;
    let code = Code { target: CodeTarget::here(), compile: false, layout: Some(LAYOUT.parse()?) };
    let host = Host::builder(folder.join("state-count")).policy(policy).code(code).build().await?;
    let loaded = host.load(&folder.join("components")).await?;
    let refused = loaded.refused.first().map(|refused| refused.reason.clone());
    ensure!(refused.is_none(), "{}", refused.unwrap_or_default());
    Ok(host)
}

/// Sends the same request so many times on one connection.
fn ask(address: SocketAddr, way: &str, calls: u32) -> Result<()> {
    let told = message::told(100);
    let post = if way == "2025-11-25" { message::legacy_post(address, &told)? } else { message::modern_post(&told) };
    let mut stream = TcpStream::connect(address)?;
    let request = post.text(address, "keep-alive");
    let mut buffer = vec![0; 64 << 10];
    for _ in 0..calls {
        stream.write_all(request.as_bytes())?;
        let mut got = stream.read(&mut buffer)?;
        // Head and body may come one after the other.
        while !buffer.get(..got).is_some_and(|bytes| bytes.ends_with(b"}") || bytes.ends_with(b"\r\n0\r\n\r\n")) {
            let more = stream.read(buffer.get_mut(got..).unwrap_or_default())?;
            ensure!(more > 0, "the answer broke off");
            got += more;
        }
        ensure!(buffer.starts_with(b"HTTP/1.1 200"), "not answered");
    }
    Ok(())
}
