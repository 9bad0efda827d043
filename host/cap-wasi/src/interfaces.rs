//! Which interfaces there are, who has them, and how each is linked.

use tidegate_capability::{Ctx, Interface, Linker, Verdict};
use tidegate_grant::Grant;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi_io::bindings::wasi::io;

use crate::clock::{self, Clocks};
use crate::open;

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

pub(crate) fn check(interface: Interface<'_>, grant: &Grant) -> Option<Verdict> {
    let free = match interface.name {
        "wasi:io/error" | "wasi:io/poll" | "wasi:io/streams" => {
            "no authority: works on streams and events that other interfaces hand out"
        }
        "wasi:clocks/monotonic-clock" | "wasi:clocks/wall-clock" => "no authority: reads and waits for the time",
        "wasi:random/random" | "wasi:random/insecure" | "wasi:random/insecure-seed" => {
            "no authority: random numbers, at most 4 MiB a call"
        }
        "wasi:cli/environment" => match grant.environment.values().next() {
            Some(variable) => return versioned(interface, Verdict::Granted(variable.origin.clone())),
            None => "no authority: no arguments, and no variables unless granted",
        },
        "wasi:cli/exit" => "no authority: ends the component's own call",
        "wasi:cli/stdin" => "no authority: standard input is empty",
        "wasi:cli/stdout" | "wasi:cli/stderr" => "no authority: lines go to the node's log, bounded in length and rate",
        "wasi:cli/terminal-input"
        | "wasi:cli/terminal-output"
        | "wasi:cli/terminal-stdin"
        | "wasi:cli/terminal-stdout"
        | "wasi:cli/terminal-stderr" => "no authority: answers that there is no terminal",
        "wasi:filesystem/types" | "wasi:filesystem/preopens" => match grant.directories.first() {
            Some(directory) => return versioned(interface, Verdict::Granted(directory.origin.clone())),
            None => "no authority: without a directory grant there is no directory to open anything in",
        },
        _ if interface.package() == "wasi:sockets" => return Some(Verdict::Missing(SOCKETS.to_owned())),
        _ => return None,
    };
    versioned(interface, Verdict::Free(free))
}

const SOCKETS: &str = "nothing permits raw sockets in this version: build the component to use wasi:http, and grant \
                       destinations: network = [\"example.com:443\"]";

/// Only WASI 0.2 is offered; a component of another version is told so, not that the interface is unknown.
fn versioned(interface: Interface<'_>, verdict: Verdict) -> Option<Verdict> {
    match interface.version {
        Some(version) if !version.starts_with("0.2.") => Some(Verdict::Missing(format!(
            "nothing permits `{interface}`: this host offers WASI 0.2; build the component for wasm32-wasip2"
        ))),
        _ => Some(verdict),
    }
}

/// Adds one interface. A component may import several versions of one; all are served by the newest, so that adding it
/// again is harmless.
pub(crate) fn link(interface: Interface<'_>, linker: &mut Linker) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let linked = add(interface.name, linker);
    linker.allow_shadowing(false);
    linked
}

fn add(name: &str, l: &mut Linker) -> wasmtime::Result<()> {
    match name {
        "wasi:io/error" => io::error::add_to_linker::<Ctx, Table>(l, |ctx| &mut ctx.table),
        "wasi:io/poll" => io::poll::add_to_linker::<Ctx, Table>(l, |ctx| &mut ctx.table),
        "wasi:io/streams" => io::streams::add_to_linker::<Ctx, Table>(l, |ctx| &mut ctx.table),
        "wasi:clocks/monotonic-clock" => clocks::monotonic_clock::add_to_linker::<Ctx, Clocks>(l, clock::clock),
        "wasi:clocks/wall-clock" => clocks::wall_clock::add_to_linker::<Ctx, WasiClocks>(l, Ctx::clocks),
        "wasi:random/random" => random::random::add_to_linker::<Ctx, WasiRandom>(l, Ctx::random),
        "wasi:random/insecure" => random::insecure::add_to_linker::<Ctx, WasiRandom>(l, Ctx::random),
        "wasi:random/insecure-seed" => random::insecure_seed::add_to_linker::<Ctx, WasiRandom>(l, Ctx::random),
        "wasi:cli/environment" => cli::environment::add_to_linker::<Ctx, WasiCli>(l, Ctx::cli),
        "wasi:cli/exit" => cli::exit::add_to_linker::<Ctx, WasiCli>(l, Ctx::cli),
        "wasi:cli/stdin" => cli::stdin::add_to_linker::<Ctx, WasiCli>(l, Ctx::cli),
        "wasi:cli/stdout" => cli::stdout::add_to_linker::<Ctx, WasiCli>(l, Ctx::cli),
        "wasi:cli/stderr" => cli::stderr::add_to_linker::<Ctx, WasiCli>(l, Ctx::cli),
        "wasi:cli/terminal-input" => cli::terminal_input::add_to_linker::<Ctx, WasiCli>(l, Ctx::cli),
        "wasi:cli/terminal-output" => cli::terminal_output::add_to_linker::<Ctx, WasiCli>(l, Ctx::cli),
        "wasi:cli/terminal-stdin" => cli::terminal_stdin::add_to_linker::<Ctx, WasiCli>(l, Ctx::cli),
        "wasi:cli/terminal-stdout" => cli::terminal_stdout::add_to_linker::<Ctx, WasiCli>(l, Ctx::cli),
        "wasi:cli/terminal-stderr" => cli::terminal_stderr::add_to_linker::<Ctx, WasiCli>(l, Ctx::cli),
        "wasi:filesystem/types" => open::link(l),
        "wasi:filesystem/preopens" => filesystem::preopens::add_to_linker::<Ctx, WasiFilesystem>(l, Ctx::filesystem),
        _ => Err(wasmtime::format_err!("it is no interface of this capability")),
    }
}
