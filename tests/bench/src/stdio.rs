//! Load over standard input and output: no well-kept load generator speaks it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::load::Load;
use crate::message;
use crate::server::{Usage, usage};

/// A host that serves one client over a pipe; it ends with this value.
#[derive(Debug)]
pub(crate) struct Pipe {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    id: u64,
}

impl Pipe {
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let log = std::fs::File::create(log)?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let to = child.stdin.take().context("no pipe")?;
        let from = BufReader::new(child.stdout.take().context("no pipe")?);
        let mut pipe = Self { child, to, from, id: 0 };
        let told = message::told(100);
        pipe.send(&told)?;
        message::check_answer(&pipe.line()?, &told)?;
        Ok(pipe)
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        usage(self.child.id())
    }

    /// Keeps `flights` calls that say `told` in flight for some seconds.
    pub(crate) fn run(&mut self, told: &str, flights: u32, seconds: u32) -> Result<Load> {
        let mut sent = BTreeMap::new();
        let mut latencies = Vec::new();
        let began = Instant::now();
        let end = began + Duration::from_secs(u64::from(seconds));
        for _ in 0..flights {
            sent.insert(self.send(told)?, Instant::now());
        }
        while !sent.is_empty() {
            let line = self.line()?;
            let now = Instant::now();
            let id = id(&line)?;
            let at = sent.remove(&id).with_context(|| format!("an answer nobody asked for: {line}"))?;
            latencies.push(now - at);
            if now < end {
                sent.insert(self.send(told)?, Instant::now());
            }
        }
        let took = began.elapsed();
        latencies.sort_unstable();
        let at = |share: usize| {
            let found = latencies.get((latencies.len() * share / 100).min(latencies.len().saturating_sub(1)));
            found.map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
        };
        let requests = u64::try_from(latencies.len())?;
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let per_second = requests as f64 / took.as_secs_f64();
        Ok(Load { requests, p50: at(50), p99: at(99), per_second })
    }

    fn send(&mut self, told: &str) -> Result<u64> {
        self.id += 1;
        let mut line = message::modern(self.id, told).to_string();
        line.push('\n');
        self.to.write_all(line.as_bytes())?;
        Ok(self.id)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.from.read_line(&mut line)? > 0, "the host ended");
        Ok(line)
    }
}

/// The id of an answer, without reading the rest: the client's work is in the figures too.
fn id(line: &str) -> Result<u64> {
    let rest = line.split_once("\"id\":").with_context(|| format!("no id: {line}"))?.1;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    Ok(rest.get(..digits).unwrap_or_default().parse()?)
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
