//! Load over HTTP, by wrk.

use std::io::Write;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::message::Post;

/// What one load gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) requests: u64,
    /// Microseconds.
    pub(crate) p50: f64,
    /// Microseconds.
    pub(crate) p99: f64,
    pub(crate) per_second: f64,
}

/// What wrk prints at its end, for us.
const DONE: &str = r#"
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("figures %d %d %d %.1f %.1f\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
"#;

/// Sends the same request on `connections` for some seconds, the next on a connection once the last is answered.
pub(crate) fn run(address: SocketAddr, post: &Post, connections: u32, seconds: u32) -> Result<Load> {
    let mut script = tempfile::Builder::new().suffix(".lua").tempfile()?;
    write!(script, "wrk.method = \"POST\"\nwrk.body = [==[{}]==]\n", post.body)?;
    for (name, value) in &post.headers {
        writeln!(script, "wrk.headers[\"{name}\"] = [==[{value}]==]")?;
    }
    script.write_all(DONE.as_bytes())?;
    let mut wrk = Command::new("wrk");
    // One thread: the other core is the server's.
    wrk.args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--timeout", "10s", "-s"]);
    let output = wrk.arg(script.path()).arg(format!("http://{address}{}", post.path)).output();
    let output = output.context("wrk does not start")?;
    let said = String::from_utf8_lossy(&output.stdout);
    read(&said).with_context(|| format!("wrk said: {said}{}", String::from_utf8_lossy(&output.stderr)))
}

fn read(said: &str) -> Result<Load> {
    let line = said.lines().find_map(|line| line.strip_prefix("figures ")).context("no figures")?;
    let numbers: Vec<f64> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let [requests, microseconds, errors, p50, p99] = numbers.as_slice() else { anyhow::bail!("not five figures") };
    ensure!(*errors == 0.0, "{errors} requests failed");
    ensure!(*requests > 0.0, "no request was answered");
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count that wrk printed as integer")]
    let count = *requests as u64;
    Ok(Load { requests: count, p50: *p50, p99: *p99, per_second: requests / microseconds * 1e6 })
}
