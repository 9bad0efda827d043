//! Version floors: for each component's name the highest version that served on this node, and who signed it. An older
//! version with a good signature is refused, so that nobody brings back a hole that was mended; so is the same name by
//! another signer. A floor falls only where a person says so.
//!
//! ```text
//! STATE/floors.redb     table "floors": name -> {"version", "signer"} as JSON
//! ```
//!
//! And [`Sources`]: no index of a registry or a mirror comes back once a newer one was used.

mod sources;

use std::path::{Path, PathBuf};

use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, TableHandle as _};
use serde::{Deserialize, Serialize};
use tidegate_durable::{OpenError, has_tables};
use tidegate_reference::{ComponentName, Reference, Version};

pub use sources::{Sources, SourcesError};

/// A component's name to its [`Floor`], as JSON.
const FLOORS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("floors");
/// The file in the state directory.
const FILE: &str = "floors.redb";
/// What a node is like without the file, for people who must decide.
const WITHOUT: &str = "without version floors, which lets older versions in again";

/// The floors of a node. One process at a time has them open.
#[derive(Debug)]
pub struct Floors {
    database: Database,
    path: PathBuf,
}

/// The lowest version of a component that may serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// This version or a higher one.
    pub version: Version,
    /// Signed by this signer of the policy.
    pub signer: String,
}

/// Why a component may not serve although its signature is good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// A higher version served before.
    #[error(
        "`{offered}` is older than what this node has had: its floor is {floor}, and an older version may have a hole that \
         was mended since; if you want it nevertheless: \
         `tidegate rollback {name} {version} --reason \"...\"`, then once more", name = .offered.name, version = .offered.version
    )]
    Older {
        /// What was offered.
        offered: Box<Reference>,
        /// What is needed.
        floor: Version,
    },
    /// Somebody else calls a component by that name.
    #[error(
        "`{offered}` is signed by `{signer}`, and this node knows a component of that name by `{known}`: two components \
         have one name, or it changed hands; if it did: `tidegate rollback {name} {version} --signer {signer} --reason \"...\"`, \
         then once more", name = .offered.name, version = .offered.version
    )]
    OtherSigner {
        /// What was offered.
        offered: Box<Reference>,
        /// Who signed it.
        signer: String,
        /// Who signed the one before.
        known: String,
    },
}

/// The floors cannot be read or written. Then nothing is let in: it could be old.
#[derive(Debug, thiserror::Error)]
pub enum FloorsError {
    /// The file cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file system refuses, or the file was damaged while it was open.
    #[error(
        "cannot use the version floors in `{path}`: mend the disk or restore the file from a backup; without it this node \
         does not know which versions are too old"
    )]
    Storage {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
    /// An entry is not what it should be.
    #[error("the version floor of `{name}` in `{path}` is damaged: restore the file from a backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Whose floor.
        name: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl Floors {
    /// Opens the floors in the state directory, or creates them; readable by this user only.
    ///
    /// # Errors
    /// As [`FloorsError`] says.
    pub fn open(state: &Path) -> Result<Self, FloorsError> {
        let path = state.join(FILE);
        let database = tidegate_durable::open(&path, WITHOUT, |database| {
            if has_tables(database, &[FLOORS.name()])? {
                return Ok(());
            }
            let transaction = database.begin_write()?;
            transaction.open_table(FLOORS)?;
            Ok(transaction.commit()?)
        })?;
        Ok(Self { database, path })
    }

    /// The floor of a name, if there is one.
    ///
    /// # Errors
    /// As [`FloorsError`] says.
    pub fn get(&self, name: &ComponentName) -> Result<Option<Floor>, FloorsError> {
        let read = || -> Result<Option<Vec<u8>>, redb::Error> {
            let table = self.database.begin_read()?.open_table(FLOORS)?;
            Ok(table.get(name.as_str())?.map(|value| value.value().to_vec()))
        };
        let Some(bytes) = read().map_err(failed(&self.path))? else { return Ok(None) };
        self.parse(name.as_str(), &bytes).map(Some)
    }

    /// Every floor, by name.
    ///
    /// # Errors
    /// As [`FloorsError`] says.
    pub fn list(&self) -> Result<Vec<(String, Floor)>, FloorsError> {
        let read = || -> Result<Vec<(String, Vec<u8>)>, redb::Error> {
            let table = self.database.begin_read()?.open_table(FLOORS)?;
            let mut found = Vec::new();
            for entry in table.iter()? {
                let (name, value) = entry?;
                found.push((name.value().to_owned(), value.value().to_vec()));
            }
            Ok(found)
        };
        let found = read().map_err(failed(&self.path))?;
        found.into_iter().map(|(name, bytes)| Ok((name.clone(), self.parse(&name, &bytes)?))).collect()
    }

    /// Whether a component that `signer` signed may serve: nothing where it may.
    ///
    /// # Errors
    /// The floors cannot be read.
    pub fn check(&self, offered: &Reference, signer: &str) -> Result<Option<Stale>, FloorsError> {
        Ok(self.get(&offered.name)?.and_then(|floor| floor.refuses(offered, signer)))
    }

    /// Raises the floor to a component that is about to serve. When this returns, it is on the disk. A floor that is as
    /// high stays as it is.
    ///
    /// # Errors
    /// The floors cannot be written: the component must not serve.
    pub fn raise(&self, served: &Reference, signer: &str) -> Result<(), FloorsError> {
        match self.get(&served.name)? {
            Some(floor) if floor.version >= served.version => Ok(()),
            _ => self.set(&served.name, &Floor { version: served.version.clone(), signer: signer.to_owned() }),
        }
    }

    /// Sets the floor as a person says, lower or to another signer. Gives the floor that was there.
    ///
    /// # Errors
    /// The floors cannot be read or written.
    pub fn roll_back(
        &self,
        name: &ComponentName,
        version: &Version,
        signer: Option<&str>,
    ) -> Result<Option<Floor>, FloorsError> {
        let Some(before) = self.get(name)? else { return Ok(None) };
        let signer = signer.unwrap_or(&before.signer).to_owned();
        self.set(name, &Floor { version: version.clone(), signer })?;
        Ok(Some(before))
    }

    fn set(&self, name: &ComponentName, floor: &Floor) -> Result<(), FloorsError> {
        let bytes = serde_json::to_vec(floor).map_err(|source| self.damaged(name.as_str(), source))?;
        let write = || -> Result<(), redb::Error> {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            transaction.open_table(FLOORS)?.insert(name.as_str(), bytes.as_slice())?;
            Ok(transaction.commit()?)
        };
        write().map_err(failed(&self.path))
    }

    fn parse(&self, name: &str, bytes: &[u8]) -> Result<Floor, FloorsError> {
        serde_json::from_slice(bytes).map_err(|source| self.damaged(name, source))
    }

    fn damaged(&self, name: &str, source: serde_json::Error) -> FloorsError {
        FloorsError::Damaged { path: self.path.clone(), name: name.to_owned(), source }
    }
}

impl Floor {
    /// Why a component may not serve above this floor, if it may not.
    #[must_use]
    pub fn refuses(&self, offered: &Reference, signer: &str) -> Option<Stale> {
        let offered_box = || Box::new(offered.clone());
        if self.signer != signer {
            let (signer, known) = (signer.to_owned(), self.signer.clone());
            return Some(Stale::OtherSigner { offered: offered_box(), signer, known });
        }
        (offered.version < self.version).then(|| Stale::Older { offered: offered_box(), floor: self.version.clone() })
    }
}

fn failed(path: &Path) -> impl FnOnce(redb::Error) -> FloorsError {
    let path = path.to_owned();
    move |source| FloorsError::Storage { path, source: Box::new(source) }
}

#[cfg(test)]
mod tests;
