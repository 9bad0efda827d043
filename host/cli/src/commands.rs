//! One file for each command.

pub(crate) mod access;
pub(crate) mod add;
pub(crate) mod audit;
pub(crate) mod build;
pub(crate) mod call;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod inspect;
pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod mirror;
pub(crate) mod model;
pub(crate) mod native;
pub(crate) mod new;
pub(crate) mod policy;
pub(crate) mod publish;
pub(crate) mod registry;
pub(crate) mod remove;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod search;
pub(crate) mod sign;
pub(crate) mod signer;
pub(crate) mod update;
pub(crate) mod verify;

pub(crate) use tidegate_commands::block_on;

use crate::args::{Cli, Command};
use crate::failure::{Exit, Result};

/// Runs what was typed.
pub(crate) fn run(cli: Cli) -> Result<Exit> {
    let json = cli.json;
    match cli.command {
        Command::Access(access) => access.run(json),
        Command::Run(run) => run.run(json),
        Command::Add(add) => add.run(json),
        Command::Remove(remove) => remove.run(json),
        Command::Lock(lock) => lock.run(json),
        Command::Outdated(outdated) => outdated.run(json),
        Command::Update(update) => update.run(json),
        Command::Audit(audit) => audit.run(json),
        Command::Rollback(rollback) => rollback.run(json),
        Command::List(list) => list.run(json),
        Command::Inspect(inspect) => inspect.run(json),
        Command::Call(call) => call.run(json),
        Command::Key(key) => key.run(json),
        Command::Sign(sign) => sign.run(json),
        Command::Verify(verify) => verify.run(json),
        Command::Publish(publish) => publish.run(json),
        Command::Search(search) => search.run(json),
        Command::Mirror(mirror) => mirror.run(json),
        Command::Model(model) => model.run(json),
        Command::Registry(registry) => registry.run(json),
        Command::Policy(policy) => policy.run(json),
        Command::New(new) => new.run(json),
        Command::Build(build) => build.run(json),
        Command::Doctor(doctor) => doctor.run(json),
        Command::Completions(completions) => completions.run(),
    }
}
