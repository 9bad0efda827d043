//! Rounds in alternation: what else the machine does falls on all subjects alike.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result};

use crate::load::{self, Load};
use crate::message::{self, Post};
use crate::needs::Needs;
use crate::node::Node;
use crate::options::Options;
use crate::report::Row;
use crate::server::{Server, Usage, free_address};
use crate::shape::{SHAPES, SIZES, Shape};
use crate::stdio::Pipe;

/// Something that is measured.
struct Subject {
    name: &'static str,
    place: Place,
}

/// Where its requests go.
enum Place {
    /// The server, and a request of each of [`SIZES`].
    Http {
        server: usize,
        posts: Vec<Post>,
    },
    Stdio(Pipe),
}

pub(crate) fn rounds(needs: &Needs, node: &Node, options: &Options) -> Result<Vec<Row>> {
    let servers =
        [floor(node)?, wasmtime_serve(needs, node)?, serving(node, node.host("state"))?, serving(node, node.edge())?];
    let mut subjects = subjects(node, &servers)?;
    if let Some(only) = &options.only {
        subjects.retain(|subject| subject.name.contains(only.as_str()));
    }
    let shapes: Vec<Shape> =
        SHAPES.into_iter().filter(|shape| options.bytes.is_none_or(|bytes| bytes == shape.bytes)).collect();
    let mut rows: Vec<Row> =
        shapes.iter().flat_map(|shape| subjects.iter().map(|subject| Row::new(subject.name, *shape))).collect();
    for round in 0..=options.rounds {
        let heading = if round == 0 { "warming up".to_owned() } else { format!("round {round}") };
        eprintln!("{heading}");
        let mut row = rows.iter_mut();
        for shape in &shapes {
            for subject in &mut subjects {
                let row = row.next().context("a row for every subject")?;
                let seconds = if round == 0 { 1 } else { options.seconds };
                let before = subject.usage(&servers)?;
                let load = subject.load(&servers, *shape, seconds)?;
                let after = subject.usage(&servers)?;
                if round > 0 {
                    row.add(&load, after.cpu.saturating_sub(before.cpu), after.resident);
                }
            }
        }
    }
    Ok(rows)
}

fn subjects(node: &Node, servers: &[Server; 4]) -> Result<Vec<Subject>> {
    let [_, _, host, edge] = servers;
    let echo = |told: &str| Ok(Post { path: "/", ..message::modern_post(told) });
    let modern = |told: &str| Ok(message::modern_post(told));
    let legacy = |at: SocketAddr| move |told: &str| message::legacy_post(at, told);
    let pipe = Pipe::start(node.host("state-stdio").arg("--stdio"), &node.path("stdio.log"))?;
    let subjects = vec![
        http("bare hyper", 0, echo)?,
        http("wasmtime serve", 1, echo)?,
        http("tidegate 2026-07-28", 2, modern)?,
        http("tidegate 2025-11-25", 2, legacy(host.address))?,
        Subject { name: "tidegate stdio", place: Place::Stdio(pipe) },
        http("edge 2026-07-28", 3, modern)?,
        http("edge 2025-11-25", 3, legacy(edge.address))?,
    ];
    for subject in &subjects {
        if let Place::Http { server, posts } = &subject.place {
            let server = servers.get(*server).context("a server for every subject")?;
            for (post, bytes) in posts.iter().zip(SIZES) {
                let checked = message::check(server.address, post, &message::told(bytes));
                checked.with_context(|| format!("in `{}` with {bytes} bytes", subject.name))?;
            }
        }
    }
    Ok(subjects)
}

fn http(name: &'static str, server: usize, post: impl Fn(&str) -> Result<Post>) -> Result<Subject> {
    let posts = SIZES.iter().map(|bytes| post(&message::told(*bytes))).collect::<Result<_>>();
    Ok(Subject { name, place: Place::Http { server, posts: posts.with_context(|| format!("in `{name}`"))? } })
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

/// A host that serves the node's components.
pub(crate) fn serving(node: &Node, mut command: Command) -> Result<Server> {
    let address = free_address()?;
    let log = node.path(&format!("host-{}.log", address.port()));
    Server::start(command.args(["--listen", &address.to_string()]), address, &log)
}

// === impl Subject ===

impl Subject {
    fn usage(&self, servers: &[Server]) -> Result<Usage> {
        match &self.place {
            Place::Http { server, .. } => servers.get(*server).context("no server")?.usage(),
            Place::Stdio(pipe) => pipe.usage(),
        }
    }

    fn load(&mut self, servers: &[Server], shape: Shape, seconds: u32) -> Result<Load> {
        let loaded = match &mut self.place {
            Place::Http { server, posts } => {
                let address = servers.get(*server).context("no server")?.address;
                let post = SIZES.iter().position(|bytes| *bytes == shape.bytes).and_then(|at| posts.get(at));
                load::run(address, post.context("no request of this size")?, shape.connections, seconds)
            }
            Place::Stdio(pipe) => pipe.run(&message::told(shape.bytes), shape.connections, seconds),
        };
        loaded.with_context(|| format!("in `{}` at {shape}", self.name))
    }
}
