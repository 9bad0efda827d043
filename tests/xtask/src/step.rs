//! Steps of a long run: a heading before each, its time after it, and a count for the end.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Counts what passed and failed, and what took how long.
#[derive(Debug)]
pub(crate) struct Steps {
    start: Instant,
    passed: usize,
    failed: usize,
    failures: Vec<String>,
    times: Vec<(String, Duration)>,
}

/// What a step counted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
}

impl Count {
    /// One check, by its outcome.
    pub(crate) fn of(success: bool) -> Self {
        Self { passed: usize::from(success), failed: usize::from(!success) }
    }
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), passed: 0, failed: 0, failures: Vec::new(), times: Vec::new() }
    }

    /// Runs a step and counts it. A step that cannot run is one failure; the run goes on.
    pub(crate) fn run(&mut self, heading: &str, step: impl FnOnce() -> Result<Count>) -> bool {
        println!("\n==> {heading} (after {})", clock(self.start.elapsed()));
        let start = Instant::now();
        let count = step().unwrap_or_else(|error| {
            println!("error: {error:#}");
            Count::of(false)
        });
        self.passed += count.passed;
        self.failed += count.failed;
        self.times.push((heading.to_owned(), start.elapsed()));
        let took = clock(start.elapsed());
        if count.failed == 0 {
            println!("<== {heading}: passed ({took})");
        } else {
            println!("<== {heading}: {} failed ({took})", count.failed);
            self.failures.push(heading.to_owned());
        }
        count.failed == 0
    }

    /// Prints the closing lines; true when nothing failed.
    pub(crate) fn close(self) -> bool {
        println!("\nall steps took {}", clock(self.start.elapsed()));
        for (heading, time) in &self.times {
            println!("{:>7}  {heading}", clock(*time));
        }
        if !self.failures.is_empty() {
            println!("failed: {}", self.failures.join(", "));
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failed == 0
    }
}

/// Minutes and seconds.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Runs a command with its output on ours; true when it succeeded.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(std::process::Stdio::null())
        .status()
        .with_context(|| format!("`{program}` does not start; `cargo x doctor` says what is missing"))?;
    Ok(status.success())
}

/// Runs a command with its output on ours, and fails when it does.
pub(crate) fn must(command: &mut Command) -> Result<()> {
    if succeeds(command)? {
        return Ok(());
    }
    bail!("`{}` failed", shown(command))
}

/// A command as a person would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
