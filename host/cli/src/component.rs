//! The component that a person means: a file, or an installed one by its name.

use std::path::Path;

use tidegate::attestation::{VerifiedBundle, verify, verify_local};
use tidegate::bundle::{Bundle, CodeTarget, NativeFile};
use tidegate::source::{ReadError, Store, read_component};
use tidegate::{ComponentReport, ControlClient, StatePaths, trust_root};
use tidegate_config::Config;

use crate::commands::list::list;
use crate::failure::{Blame as _, Exit, Result, fail};
use crate::node::Node;
use crate::policy::PolicyFiles;

/// A component's bytes and what lay beside them.
pub(crate) struct Found {
    pub(crate) bundle: Bundle,
    pub(crate) receipt: Option<Vec<u8>>,
    /// Native code for any target.
    pub(crate) native: Vec<NativeFile>,
    /// Whether it came from the state directory.
    pub(crate) installed: bool,
}

/// What a person named.
pub(crate) enum Meant {
    /// Bytes that can be verified here.
    Found(Box<Found>),
    /// The running host has loaded it from elsewhere.
    Loaded(Box<ComponentReport>),
}

/// Looks for `what`: a path, or the name of an installed or loaded component.
pub(crate) async fn find(config: &Config, what: &str) -> Result<Meant> {
    let path = Path::new(what);
    if what.contains('/') || what.ends_with(".wasm") || path.is_file() {
        let sourced = read_component(path, &CodeTarget::ALL).map_err(|error| match error {
            ReadError::NotThere(_) => fail!(NotFound, "there is no component file `{what}`"),
            error => crate::failure::Failure::new(Exit::Usage, error),
        })?;
        return Ok(Meant::Found(Box::new(Found {
            bundle: sourced.bundle,
            receipt: sourced.receipt,
            native: sourced.native,
            installed: false,
        })));
    }
    let state = &config.state.value;
    // Looking must not make a state directory.
    if let (Ok(name), true) = (what.parse(), state.join("components").is_dir())
        && let Some(installed) = Store::open(state)?.get(&name, &CodeTarget::ALL)?
    {
        let found =
            Found { bundle: installed.bundle, receipt: installed.receipt, native: installed.native, installed: true };
        return Ok(Meant::Found(Box::new(found)));
    }
    if let Some(report) = loaded(state, what).await? {
        return Ok(Meant::Loaded(Box::new(report)));
    }
    Err(fail!(
        NotFound,
        "there is no component `{what}`: `tidegate list` shows what there is, and a file is named with its `.wasm`"
    ))
}

/// What the running host says about a component, if it has one of that name.
pub(crate) async fn loaded(state: &Path, name: &str) -> Result<Option<ComponentReport>> {
    let Some(client) = ControlClient::connect(state).await else { return Ok(None) };
    let listing = list(Node::Running(Box::new(client))).await?;
    Ok(listing.components.into_iter().find(|component| component.name == name))
}

impl Found {
    /// Who vouches for it, as a host of this configuration would see it; a receipt counts only in development mode.
    pub(crate) fn verify(&self, config: &Config, policy: &PolicyFiles) -> Result<VerifiedBundle> {
        let trust = trust_root(&policy.policy).blame(Exit::Usage)?;
        match &self.receipt {
            Some(receipt) if self.bundle.signatures().is_empty() && config.development.value => {
                let key = StatePaths { root: config.state.value.clone() }.load_host_key()?;
                verify_local(self.bundle.clone(), receipt, &key).blame(Exit::Refused)
            }
            _ => verify(self.bundle.clone(), &trust).blame(Exit::Refused),
        }
    }
}
