//! What one can type.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use tidegate_config::{LogFormat, LogLevel, Options};

use crate::commands::{
    access, add, audit, build, call, completions, doctor, inspect, key, list, lock, mirror, model, new, policy,
    publish, registry, remove, rollback, run, search, sign, update, verify,
};
use tidegate_commands::VERSION;

use crate::failure::EXIT_CODES;

/// A plugin host for the edge in which every capability is a signed WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version = VERSION, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// JSON on standard output, errors as JSON on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the host: loads components and serves clients until Ctrl-C.
    Run(run::Run),
    /// Verifies components and lets them serve: at once where a host runs, and whenever one starts.
    Add(add::Add),
    /// Takes components out; their calls go on to their end.
    Remove(remove::Remove),
    /// Writes down what is approved of each component, or shows what differs from it.
    Lock(lock::LockCommand),
    /// Lists installed components of which there is a newer version.
    Outdated(update::Outdated),
    /// Shows what a newer version changes and, approved, lets it serve.
    Update(update::Update),
    /// Looks for grants wider than needed, components known to be bad, and descriptions that talk to models.
    Audit(audit::Audit),
    /// Lets an older version of a component serve again, or one by another signer; audited.
    Rollback(rollback::Rollback),
    /// Lists components: signer, tools, and what each may do.
    List(list::List),
    /// Shows everything about one component.
    Inspect(inspect::Inspect),
    /// Calls a tool and prints its result.
    Call(call::Call),
    /// Makes keys for clients, lists them, takes them away.
    #[command(subcommand)]
    Access(access::Access),
    /// Makes keys and shows them.
    #[command(subcommand)]
    Key(key::Key),
    /// Signs components and models: writes `X.wasm.sigstore.json` beside each.
    Sign(sign::Sign),
    /// Verifies components' signatures, without running anything.
    Verify(verify::Verify),
    /// Builds, signs and pushes a component to a registry, with lists of what it is made of.
    Publish(publish::Publish),
    /// Looks for components in a registry or a mirror.
    Search(search::Search),
    /// Copies components to a folder and back, for nodes without a network.
    #[command(subcommand)]
    Mirror(mirror::Mirror),
    /// Verifies and keeps models, lists and shows them.
    #[command(subcommand)]
    Model(model::Model),
    /// Runs a registry and looks after it.
    #[command(subcommand)]
    Registry(registry::Registry),
    /// Explains and checks policies.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Makes the project of a tool in Rust that builds, tests and runs as it is.
    New(new::New),
    /// Builds a component from Rust, embeds its manifest, and notes that it was built here.
    Build(build::Build),
    /// Looks for what is wrong with this node, and names the command that mends it.
    Doctor(doctor::Doctor),
    /// Writes completions for a shell.
    Completions(completions::Completions),
}

/// Where a host's things are. Each can stand in the configuration file and in the environment too.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct HostArgs {
    /// The configuration file [default: ~/.config/tidegate/tidegate.toml].
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The directory for everything the host keeps [default: ~/.local/state/tidegate].
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// A policy file; several are read as one [default: policy.toml beside the configuration file].
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Vec<PathBuf>,
    /// The directory of this machine's keys [default: keys beside the configuration file].
    #[arg(long, value_name = "DIR")]
    pub(crate) keys: Option<PathBuf>,
    /// The lock: what was approved of each component [default: tidegate.lock beside the configuration file].
    #[arg(long, value_name = "FILE")]
    pub(crate) lock: Option<PathBuf>,
    /// Let in only what the lock approves.
    #[arg(long)]
    pub(crate) locked: bool,
    /// Also accept components without a signature that were built on this machine.
    #[arg(long)]
    pub(crate) development: bool,
    /// How much is logged: error, warn, info, debug, trace.
    #[arg(long = "log", value_name = "LEVEL")]
    pub(crate) log_level: Option<LogLevel>,
    /// The log's form: text, json.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

impl HostArgs {
    /// For the crate that puts them together with file and environment.
    pub(crate) fn options(&self) -> Options {
        Options {
            config: self.config.clone(),
            state: self.state.clone(),
            listen: None,
            policy: self.policy.clone(),
            keys: self.keys.clone(),
            log_level: self.log_level,
            log_format: self.log_format,
            lock: self.lock.clone(),
            locked: self.locked,
            development: self.development,
        }
    }
}

impl From<&HostArgs> for Options {
    fn from(args: &HostArgs) -> Self {
        args.options()
    }
}
