//! `cargo x test`: everything, to the end, with a count.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::step::{Count, Steps, must};
use crate::{clients, conformance, deploy, guests, quality};

#[cfg(test)]
mod tests;

/// How the closing line of nextest begins.
const NEXTEST: &str = "Summary [";

/// `cargo x test [FILTER]`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    let filter = match rest {
        [] => None,
        [filter] if !filter.starts_with('-') => Some(filter.as_str()),
        _ => bail!("`cargo x test` takes one filter; see `cargo x test --help`"),
    };
    let mut steps = Steps::new();
    // Cheap before dear, and what cannot go on ends at once: a person waits for the first failure.
    if filter.is_none() {
        quality::formatting(layout, &mut steps);
    }
    let ready = prepare(&mut steps, "guests", || guests::build(layout))
        && prepare(&mut steps, "the host", || {
            must(layout.cargo().args(["build", "--locked", "--package", "tidegate-cli", "--package", "tidegate-edge"]))
        })
        && prepare(&mut steps, "the official clients", || clients::install(layout));
    if !ready {
        println!("the tests need what could not be prepared; none of them ran");
        return Ok(end(steps));
    }
    if filter.is_none() {
        steps.run("tests of the components", || component_tests(layout));
    }
    steps.run("tests of the host", || host_tests(layout, filter));
    if filter.is_none() {
        steps.run("examples in the documentation", || {
            counted(layout.cargo().args(["test", "--doc", "--workspace", "--locked", "--no-fail-fast"]))
        });
        steps.run("manifests and units", || deploy::run(layout));
        steps.run("the official conformance suite", || conformance::run(layout));
        quality::lints(layout, &mut steps);
    }
    Ok(end(steps))
}

fn end(steps: Steps) -> ExitCode {
    if steps.close() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn component_tests(layout: &Layout) -> Result<Count> {
    let mut tests = layout.cargo();
    tests.current_dir(layout.root.join("components")).env("CARGO_TARGET_DIR", layout.target.join("guests/native"));
    counted(tests.args(["test", "--workspace", "--locked", "--no-fail-fast"]))
}

/// Preparations count only when they fail: they are not tests.
fn prepare(steps: &mut Steps, heading: &str, work: impl FnOnce() -> Result<()>) -> bool {
    steps.run(heading, || work().map(|()| Count::default()))
}

fn host_tests(layout: &Layout, filter: Option<&str>) -> Result<Count> {
    let mut tests = layout.cargo();
    if quality::has(layout, "nextest") {
        tests.args(["nextest", "run", "--workspace", "--locked", "--no-fail-fast", "--no-tests", "warn"]);
    } else {
        tests.args(["test", "--workspace", "--all-targets", "--locked", "--no-fail-fast"]);
    }
    counted(tests.args(filter))
}

/// Runs tests with their output on ours, and adds up what they count.
fn counted(command: &mut Command) -> Result<Count> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{program}` does not start"))?;
    let total = Mutex::new(Total::default());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| each_line(out, &total));
        each_line(err, &total);
    });
    let success = child.wait()?.success();
    let mut total = total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).count;
    if !success && total.failed == 0 {
        // It did not compile, or died before it could count.
        total.failed = 1;
    }
    Ok(total)
}

/// What was counted so far. nextest shows the lines of failed tests, closing lines too, around its own summary: that one
/// counts, and nothing else does then.
#[derive(Default)]
struct Total {
    count: Count,
    closed: bool,
}

impl Total {
    fn add(&mut self, line: &str) {
        let Some(count) = summary(line).filter(|_| !self.closed) else { return };
        if line.trim_start().starts_with(NEXTEST) {
            *self = Self { count, closed: true };
        } else {
            self.count.passed += count.passed;
            self.count.failed += count.failed;
        }
    }
}

fn each_line(from: Option<impl Read>, total: &Mutex<Total>) {
    let Some(from) = from else { return };
    for line in BufReader::new(from).split(b'\n') {
        let Ok(line) = line else { return };
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        total.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(&line);
    }
}

/// Reads the closing line of libtest (`test result: ok. 3 passed; 0 failed; ...`, one for each program) or of nextest
/// (`Summary [   0.1s] 3 tests run: 2 passed, 1 failed, 0 skipped`).
fn summary(line: &str) -> Option<Count> {
    let line = line.trim_start();
    let counts = match line.strip_prefix("test result: ") {
        Some(result) => result.split_once(". ")?.1,
        None => line.strip_prefix(NEXTEST)?.split_once(" run: ")?.1,
    };
    let mut count = Count::default();
    for part in counts.split([';', ',']) {
        let mut words = part.split_whitespace();
        let (Some(number), Some(word)) = (words.next().and_then(|number| number.parse::<usize>().ok()), words.next())
        else {
            continue;
        };
        match word {
            "passed" => count.passed += number,
            // nextest counts these apart from `failed`.
            "failed" | "timed" | "exec" => count.failed += number,
            _ => {}
        }
    }
    Some(count)
}
