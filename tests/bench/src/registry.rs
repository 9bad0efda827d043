//! A large blob through the registry: how fast it comes and goes, beside copying and hashing the same file, and how much
//! memory the registry takes for it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

const MIB: u64 = 1 << 20;

/// A registry of its own, which ends with this value.
struct Registry {
    child: Child,
    host: String,
    token: String,
}

/// Pushes and pulls `megabytes` MiB and prints what it took.
pub(crate) fn measure(megabytes: u32) -> Result<()> {
    let program = std::env::current_exe().context("this program's path is not known")?;
    let profile = program.parent().context("this program is in no folder")?;
    let host = profile.join("tidegate");
    ensure!(host.exists(), "`{}` is missing; run `cargo build --release --package tidegate-cli`", host.display());
    // On the disk of the target directory: what is in memory anyway would be no measure.
    let folder = tempfile::tempdir_in(profile.parent().context("no target directory")?)?;
    let file = folder.path().join("blob");
    let bytes = u64::from(megabytes) * MIB;
    fill(&file, bytes)?;
    let hashed = Instant::now();
    let digest = sha256(&file)?;
    let hashing = hashed.elapsed();
    let copied = Instant::now();
    let copy = folder.path().join("copy");
    std::fs::copy(&file, &copy)?;
    File::open(&copy)?.sync_all()?;
    let copying = copied.elapsed();
    let registry = Registry::start(&host, folder.path())?;
    let idle = registry.peak()?;
    let pushed = Instant::now();
    registry.push(&file, bytes, &digest)?;
    let pushing = pushed.elapsed();
    let pulled = Instant::now();
    registry.pull(bytes, &digest)?;
    let pulling = pulled.elapsed();
    let peak = registry.peak()?;
    let row = |what: &str, time: Duration| {
        let speed = f64::from(megabytes) / time.as_secs_f64();
        println!(
            "{what:<22} {:>7.2} s {speed:>8.0} MiB/s {:>6.2}x cp",
            time.as_secs_f64(),
            time.as_secs_f64() / copying.as_secs_f64()
        );
    };
    println!("one blob of {megabytes} MiB");
    row("sha256sum", hashing);
    row("cp and sync", copying);
    row("push (hash and sync)", pushing);
    row("pull", pulling);
    println!("peak memory of the registry: {} MiB ({} MiB before)", peak / 1024, idle / 1024);
    Ok(())
}

/// Bytes that no file system compresses or leaves out.
fn fill(path: &Path, bytes: u64) -> Result<()> {
    let mut from = File::open("/dev/urandom")?.take(bytes);
    let mut to = File::create(path)?;
    std::io::copy(&mut from, &mut to)?;
    Ok(to.sync_all()?)
}

fn sha256(path: &Path) -> Result<String> {
    let output = Command::new("sha256sum").arg(path).output().context("`sha256sum` is missing")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(format!("sha256:{}", text.split(' ').next().unwrap_or_default()))
}

impl Registry {
    fn start(host: &Path, folder: &Path) -> Result<Self> {
        let data: PathBuf = folder.join("registry");
        let state = folder.join("state");
        let command = |arguments: &[&str]| {
            let mut command = Command::new(host);
            command.arg("registry").args(arguments).arg("--data").arg(&data).env("TIDEGATE_STATE", &state);
            command
        };
        let made = command(&["token", "add", "bench", "--scope", "*", "--permission", "push"]).output()?;
        ensure!(made.status.success(), "no token: {}", String::from_utf8_lossy(&made.stderr));
        let token = String::from_utf8(made.stdout)?.trim().to_owned();
        let mut serve = command(&["serve", "--listen", "127.0.0.1:0", "--log", "warn"]);
        let mut child = serve.stderr(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let mut line = String::new();
        let said = child.stderr.take().context("the registry says nothing")?;
        BufReader::new(said).read_line(&mut line)?;
        let address = line.split_once("http://").and_then(|(_, rest)| rest.split(',').next());
        let host = address.with_context(|| format!("the registry does not start: {line}"))?.to_owned();
        Ok(Self { child, host, token })
    }

    fn push(&self, file: &Path, bytes: u64, digest: &str) -> Result<()> {
        let mut begun = self.ask("POST", "/v2/bench/blob/blobs/uploads/", 0)?;
        let head = head(&mut begun, 202)?;
        let location = head.lines().find_map(|line| line.strip_prefix("location: ")).context("no `Location`")?;
        let mut stream = self.ask("PUT", &format!("{location}?digest={digest}"), bytes)?;
        std::io::copy(&mut File::open(file)?, &mut stream)?;
        self::head(&mut stream, 201).map(drop)
    }

    /// The bytes are read and thrown away: hashing them would be measured too.
    fn pull(&self, bytes: u64, digest: &str) -> Result<()> {
        let mut stream = self.ask("GET", &format!("/v2/bench/blob/blobs/{digest}"), 0)?;
        head(&mut stream, 200)?;
        let read = std::io::copy(&mut stream.take(bytes), &mut std::io::sink())?;
        ensure!(read == bytes, "only {read} bytes came");
        Ok(())
    }

    fn ask(&self, method: &str, path: &str, length: u64) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.host)?;
        let (host, token) = (&self.host, &self.token);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        Ok(stream)
    }

    /// The most memory that it had, in KiB.
    fn peak(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no `VmHWM`")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The head of an answer, in lower case; nothing behind it is read.
fn head(stream: &mut TcpStream, status: u16) -> Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 64 << 10 {
        if stream.read(&mut byte)? == 0 {
            break;
        }
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    if !head.starts_with(&format!("http/1.1 {status}")) {
        bail!("the registry answers {}", head.lines().next().unwrap_or_default());
    }
    Ok(head)
}
