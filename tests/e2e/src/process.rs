//! Child processes of tests: what they print is kept, waiting ends, and nothing outlives the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a process may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// A running child: lines in, lines out, standard error in a log.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    log: Arc<Mutex<String>>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{program}` does not start"))?;
        let log = Arc::new(Mutex::new(String::new()));
        let (send, lines) = channel();
        let (out, err) = (child.stdout.take(), child.stderr.take());
        // A receiver that is gone means that nobody reads any more; the pipe is drained nevertheless.
        std::thread::spawn(move || each_line(out, |line| drop(send.send(line))));
        let to = Arc::clone(&log);
        std::thread::spawn(move || each_line(err, |line| append(&to, &line)));
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, lines, log })
    }

    /// What the process wrote to standard error so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn write_line(&mut self, line: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the process's standard input is closed")?;
        writeln!(stdin, "{line}").and_then(|()| stdin.flush()).with_context(|| format!("log:\n{}", self.log()))
    }

    /// The next line of standard output.
    pub(crate) fn read_line(&self, limit: Duration) -> Result<String> {
        match self.lines.recv_timeout(limit) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => bail!("no answer within {limit:?}; log:\n{}", self.log()),
            Err(RecvTimeoutError::Disconnected) => bail!("the process ended; log:\n{}", self.log()),
        }
    }

    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Closes standard input and waits for the end; true when the exit code is 0.
    pub(crate) fn finish(&mut self) -> Result<bool> {
        drop(self.stdin.take());
        self.wait()
    }

    /// Asks the process to end, as a person does with Ctrl-C's sibling, and waits.
    pub(crate) fn terminate(&mut self) -> Result<bool> {
        if !self.has_ended()? {
            Command::new("kill").arg("-TERM").arg(self.pid().to_string()).status().context("`kill` does not start")?;
        }
        self.wait()
    }

    /// Ends the process at once (SIGKILL).
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn wait(&mut self) -> Result<bool> {
        let end = Instant::now() + GRACE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("process {} did not end within {GRACE:?}; log:\n{}", self.pid(), self.log())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn each_line(from: Option<impl Read>, mut use_line: impl FnMut(String)) {
    let Some(from) = from else { return };
    for line in BufReader::new(from).split(b'\n') {
        let Ok(line) = line else { return };
        use_line(String::from_utf8_lossy(&line).into_owned());
    }
}

fn append(log: &Mutex<String>, line: &str) {
    let mut log = log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    log.push_str(line);
    log.push('\n');
}
