//! `tidegate lock`.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use tidegate::lock::{Changed, Lock, Locked, differences};
use tidegate::{ComponentReport, ControlReply, ControlRequest, LockingError, read_lock};

use crate::args::HostArgs;
use crate::commands::block_on;
use crate::commands::sign::write_atomically;
use crate::failure::{Blame as _, Exit, Result, fail};
use crate::node::{Load, Node};
use crate::output::{self, Style, printable};
use crate::settings::Settings;
use tidegate_commands::list::list;
use tidegate_commands::node::unexpected;

/// `tidegate lock`.
#[derive(Debug, Args)]
pub(crate) struct LockCommand {
    /// Only compare: exit code 3 where something differs from the lock.
    #[arg(long, conflicts_with = "approve")]
    check: bool,
    /// Approve what differs, without being asked.
    #[arg(long)]
    approve: bool,
    /// Where no host runs: also component files, or directories of them.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    components: Vec<PathBuf>,
    #[command(flatten)]
    host: HostArgs,
}

impl LockCommand {
    pub(crate) fn run(self, json: bool) -> Result<Exit> {
        // What is there is looked at as it is; whether it is what was approved is the question.
        let options = tidegate_config::Options { locked: false, ..self.host.options() };
        let mut settings = Settings::load(options, true)?;
        settings.config.locked.value = false;
        let now = block_on(current(&settings, &self.components))?;
        let path = &settings.config.lock.value;
        let Some(before) = existing(path)? else {
            if self.check {
                return Err(LockingError::Missing(path.clone())).blame(Exit::Usage);
            }
            write(path, &now)?;
            report(json, path, &differences(&Lock::default(), &now), true)?;
            return Ok(Exit::Done);
        };
        let changed = differences(&before, &now);
        let approved = !self.check && (changed.is_empty() || self.approve || (!json && asked(&changed)?));
        if approved && !changed.is_empty() {
            write(path, &now)?;
        }
        report(json, path, &changed, approved)?;
        Ok(if approved || changed.is_empty() { Exit::Done } else { Exit::Refused })
    }
}

/// What a lock would say now: of every component that is let in. One that is not would be missing, so it is an error.
pub(crate) async fn current(settings: &Settings, components: &[PathBuf]) -> Result<Lock> {
    let listing = list(Node::open(settings, Load::Everything(components)).await?).await?;
    if let Some(refused) = listing.refused.first() {
        return Err(fail!(
            Refused,
            "`{}` is refused, so a lock would not hold it: {}",
            printable(&refused.what),
            refused.reason
        ));
    }
    let locked = listing.components.into_iter().map(locked).collect::<Result<Vec<_>>>()?;
    let lock = Lock::new(locked)?;
    let request = ControlRequest::ModelList;
    let models = match Node::open(settings, Load::Nothing).await?.ask(request, |_| {}).await? {
        ControlReply::Models(models) => *models,
        other => return Err(unexpected(&other)),
    };
    if let Some(refused) = models.refused.first() {
        let (what, reason) = (printable(&refused.what), &refused.reason);
        return Err(fail!(Refused, "the model `{what}` is refused, so a lock would not hold it: {reason}"));
    }
    Ok(lock.with_models(models.models.into_iter().map(|model| model.locked).collect())?)
}

/// A component's entry.
pub(crate) fn locked(report: ComponentReport) -> Result<Locked> {
    let reason = report.unlockable.unwrap_or_default();
    report.locked.ok_or_else(|| fail!(Refused, "`{}` cannot be locked: {reason}", report.name))
}

/// The lock, if there is one.
pub(crate) fn existing(path: &Path) -> Result<Option<Lock>> {
    match read_lock(path) {
        Err(LockingError::Missing(_)) => Ok(None),
        read => read.map(Some).blame(Exit::Usage),
    }
}

/// Writes the lock, whole or not at all.
pub(crate) fn write(path: &Path, lock: &Lock) -> Result<()> {
    let text = lock.to_text()?;
    Ok(write_atomically(path, text.as_bytes()).with_context(|| format!("cannot write `{}`", path.display()))?)
}

/// Shows what differs and asks, where somebody can answer.
pub(crate) fn asked(changed: &[Changed]) -> Result<bool> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(false);
    }
    changed.iter().for_each(|changed| eprintln!("{changed}"));
    eprint!("approve this? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn report(json: bool, path: &Path, changed: &[Changed], approved: bool) -> Result<()> {
    if json {
        return output::json(&json!({ "lock": path, "approved": approved, "changed": changed }));
    }
    changed.iter().for_each(output::line);
    let style = Style::stdout();
    output::line(match (changed.is_empty(), approved) {
        (true, _) => style.good(format_args!("{}: nothing differs", path.display())),
        (false, true) => style.good(format_args!("approved, written to {}", path.display())),
        (false, false) => style.bad(format_args!(
            "not approved: {} holds something else; `tidegate lock --approve` approves this",
            path.display()
        )),
    });
    Ok(())
}
