//! The compile child: the same executable, started to compile one component and end.

use std::io::{Read, Write};
use std::process::ExitCode;

use wasmtime::Engine;

use crate::sandbox;
use crate::wire::{Hello, MAX_LINE, Outcome, PROTOCOL, Probe, Task, asked};

/// Compiles and answers with an exit code, if this process was started as compile child; nothing otherwise.
///
/// Every binary that has an [`crate::Engine`] calls it first thing in `main`, before threads, runtimes and arguments:
///
/// ```no_run
/// # use std::process::ExitCode;
/// fn main() -> ExitCode {
///     if let Some(code) = tidegate_engine::worker::run_if_asked() {
///         return code;
///     }
///     // ...
///     ExitCode::SUCCESS
/// }
/// ```
#[must_use]
pub fn run_if_asked() -> Option<ExitCode> {
    let task = asked()?;
    Some(match run(&task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // The host reads it if it is still there.
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    })
}

fn run(task: &str) -> Result<(), String> {
    let task: Task = serde_json::from_str(task).map_err(|error| format!("the task is not readable: {error}"))?;
    sandbox::be_humble();
    // Made before the doors close, because it looks at the processor; it has seen nothing untrusted yet.
    let config = task.layout.compile_config(task.stack, task.target.as_deref());
    let engine = config.and_then(|config| Engine::new(&config));
    let sandbox = sandbox::enter(&task.limits)?;
    say(&Hello { tidegate_compile_child: PROTOCOL, sandbox })?;
    let engine = match engine {
        Ok(engine) => engine,
        Err(error) => return say(&Outcome::Setup { message: cut(format!("{error:#}")) }),
    };
    if task.probe {
        return say(&Outcome::Probe(probe()));
    }
    compile(&engine, &task)
}

fn compile(engine: &Engine, task: &Task) -> Result<(), String> {
    let mut component = Vec::new();
    std::io::stdin()
        .take(task.limits.input)
        .read_to_end(&mut component)
        .map_err(|error| format!("cannot read the component: {error}"))?;
    let code = match engine.precompile_component(&component) {
        Ok(code) => code,
        Err(error) => return say(&Outcome::Invalid { message: cut(format!("{error:#}")) }),
    };
    say(&Outcome::Code { bytes: code.len() as u64, cpu_micros: cpu_micros() })?;
    let mut stdout = std::io::stdout();
    stdout.write_all(&code).and_then(|()| stdout.flush()).map_err(|error| format!("cannot hand back the code: {error}"))
}

fn say(line: &impl serde::Serialize) -> Result<(), String> {
    let mut line = serde_json::to_vec(line).map_err(|error| error.to_string())?;
    line.push(b'\n');
    let mut stdout = std::io::stdout();
    stdout.write_all(&line).and_then(|()| stdout.flush()).map_err(|error| format!("cannot answer the host: {error}"))
}

/// An error's text may quote the component at any length.
fn cut(mut message: String) -> String {
    let mut end = message.len().min(usize::try_from(MAX_LINE).unwrap_or(usize::MAX) / 8);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.truncate(end);
    message
}

/// CPU time of this process so far.
#[allow(unsafe_code, reason = "libc has no safe form of clock_gettime")]
fn cpu_micros() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec that lives through the call, and the call writes nothing else.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    if failed != 0 {
        return 0;
    }
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds * 1_000_000 + nanos / 1_000
}

/// Tries what a component that took over the compiler would try.
fn probe() -> Probe {
    Probe {
        read_file: std::fs::File::open("/etc/passwd").is_ok(),
        create_file: std::fs::File::create("/tmp/tidegate-probe").is_ok(),
        socket: std::net::UdpSocket::bind("127.0.0.1:0").is_ok(),
        exec: std::process::Command::new("/bin/true").spawn().is_ok(),
        thread: std::thread::Builder::new().spawn(|| ()).is_ok(),
    }
}
