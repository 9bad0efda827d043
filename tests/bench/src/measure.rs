//! Rounds in alternation: what else the machine does falls on all subjects alike.

use std::process::Command;

use anyhow::{Context, Result};

use crate::load::{self, Load};
use crate::message::{self, Post};
use crate::needs::Needs;
use crate::node::Node;
use crate::options::Options;
use crate::report::Row;
use crate::server::{Server, Usage, free_address};
use crate::stdio::Pipe;

/// Connections over HTTP, calls in flight over stdio.
const LEVELS: [u32; 2] = [1, 16];

/// Something that is measured.
struct Subject {
    name: &'static str,
    place: Place,
}

/// Where its requests go.
enum Place {
    Http { server: usize, post: Post },
    Stdio(Pipe),
}

pub(crate) fn rounds(needs: &Needs, node: &Node, options: &Options) -> Result<Vec<Row>> {
    let servers = [floor(node)?, wasmtime_serve(needs, node)?, tidegate(node)?];
    let mut subjects = subjects(node, &servers)?;
    if let Some(only) = &options.only {
        subjects.retain(|subject| subject.name.contains(only.as_str()));
    }
    let mut rows: Vec<Row> =
        subjects.iter().flat_map(|subject| LEVELS.map(|level| Row::new(subject.name, level))).collect();
    for round in 0..=options.rounds {
        let heading = if round == 0 { "warming up".to_owned() } else { format!("round {round}") };
        eprintln!("{heading}");
        let mut row = rows.iter_mut();
        for subject in &mut subjects {
            for level in LEVELS {
                let row = row.next().context("a row for every subject")?;
                let seconds = if round == 0 { 1 } else { options.seconds };
                let before = subject.usage(&servers)?;
                let load = subject.load(&servers, level, seconds)?;
                let after = subject.usage(&servers)?;
                if round > 0 {
                    row.add(&load, after.cpu.saturating_sub(before.cpu), after.resident);
                }
            }
        }
    }
    Ok(rows)
}

fn subjects(node: &Node, servers: &[Server; 3]) -> Result<Vec<Subject>> {
    let [_, _, host] = servers;
    let echo = Post { path: "/", ..message::modern_post() };
    let pipe = Pipe::start(node.host("state-stdio").arg("--stdio"), &node.path("stdio.log"))?;
    let subjects = vec![
        http("bare hyper", 0, echo.clone()),
        http("wasmtime serve", 1, echo),
        http("tidegate 2026-07-28", 2, message::modern_post()),
        http("tidegate 2025-11-25", 2, message::legacy_post(host.address)?),
        Subject { name: "tidegate stdio", place: Place::Stdio(pipe) },
    ];
    for subject in &subjects {
        if let Place::Http { server, post } = &subject.place {
            let server = servers.get(*server).context("a server for every subject")?;
            message::check(server.address, post).with_context(|| format!("in `{}`", subject.name))?;
        }
    }
    Ok(subjects)
}

fn http(name: &'static str, server: usize, post: Post) -> Subject {
    Subject { name, place: Place::Http { server, post } }
}

fn floor(node: &Node) -> Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    Server::start(command.args(["--floor", &address.to_string()]), address, &node.path("floor.log"))
}

fn wasmtime_serve(needs: &Needs, node: &Node) -> Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(&needs.wasmtime);
    command.args(["serve", "-Scli", "--addr", &address.to_string()]).arg(&needs.http_echo);
    Server::start(&mut command, address, &node.path("serve.log"))
}

fn tidegate(node: &Node) -> Result<Server> {
    let address = free_address()?;
    let mut command = node.host("state");
    Server::start(command.args(["--listen", &address.to_string()]), address, &node.path("host.log"))
}

// === impl Subject ===

impl Subject {
    fn usage(&self, servers: &[Server]) -> Result<Usage> {
        match &self.place {
            Place::Http { server, .. } => servers.get(*server).context("no server")?.usage(),
            Place::Stdio(pipe) => pipe.usage(),
        }
    }

    fn load(&mut self, servers: &[Server], level: u32, seconds: u32) -> Result<Load> {
        let loaded = match &mut self.place {
            Place::Http { server, post } => {
                let address = servers.get(*server).context("no server")?.address;
                load::run(address, post, level, seconds)
            }
            Place::Stdio(pipe) => pipe.run(level, seconds),
        };
        loaded.with_context(|| format!("in `{}` at {level}", self.name))
    }
}
