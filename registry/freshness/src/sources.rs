//! Indexes that were seen: of each registry or mirror, when the newest one was made that this node has used. An older one
//! is refused, however good its signature: somebody would be hiding what came since.
//!
//! ```text
//! STATE/sources.redb     table "indexes": place -> seconds since 1970
//! ```

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use redb::{Database, Durability, ReadableTable as _, TableDefinition};
use tidegate_durable::OpenError;

/// A place to when its newest index was made, in seconds since 1970.
const INDEXES: TableDefinition<'_, &str, u64> = TableDefinition::new("indexes");
/// The file in the state directory.
const FILE: &str = "sources.redb";
/// What a node is like without the file, for people who must decide.
const WITHOUT: &str = "without a record of indexes, which lets old ones in again";
/// Commands open the file for a moment; another one waits so long for it, in all.
const ATTEMPTS: u32 = 50;
const REST: Duration = Duration::from_millis(100);

/// The indexes that this node has used. One process at a time has them open; the next one waits some seconds.
#[derive(Debug)]
pub struct Sources {
    database: Database,
    path: PathBuf,
}

/// It cannot be told whether an index is old. Then none is used.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// Older than one that was used.
    #[error(
        "the index of `{place}` is {age} s older than one that this node has used: somebody may be hiding what came since; \
         if it is another mirror now, or went back for a reason: `tidegate mirror forget {place}`"
    )]
    Older {
        /// Where it came from.
        place: String,
        /// How much older, in seconds.
        age: u64,
    },
    /// The file cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file system refuses, or the file was damaged while it was open.
    #[error(
        "cannot use the record of indexes in `{path}`: mend the disk, or restore the file from a backup; without it this \
         node does not know which indexes are old"
    )]
    Storage {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
}

impl Sources {
    /// Opens the record in the state directory, or creates it; readable by this user only.
    ///
    /// # Errors
    /// [`SourcesError::Open`].
    pub fn open(state: &Path) -> Result<Self, SourcesError> {
        let path = state.join(FILE);
        let open = || tidegate_durable::open(&path, WITHOUT, |_| Ok(()));
        let mut database = open();
        for _ in 0..ATTEMPTS {
            if !matches!(database, Err(OpenError::InUse(_))) {
                break;
            }
            sleep(REST);
            database = open();
        }
        Ok(Self { database: database?, path })
    }

    /// Notes an index of `place` that was made at `created`, in seconds since 1970, unless a newer one was used. When this
    /// returns, it is on the disk.
    ///
    /// # Errors
    /// As [`SourcesError`] says: it must not be used.
    pub fn check_and_raise(&self, place: &str, created: u64) -> Result<(), SourcesError> {
        let raise = || -> Result<Option<u64>, redb::Error> {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            let seen = {
                let mut table = transaction.open_table(INDEXES)?;
                let seen = table.get(place)?.map(|value| value.value());
                if seen.is_none_or(|seen| seen < created) {
                    table.insert(place, created)?;
                }
                seen
            };
            transaction.commit()?;
            Ok(seen)
        };
        match raise().map_err(failed(&self.path))?.and_then(|seen| seen.checked_sub(created)) {
            None | Some(0) => Ok(()),
            Some(age) => Err(SourcesError::Older { place: place.to_owned(), age }),
        }
    }

    /// Forgets what was seen of `place`; false: nothing was.
    ///
    /// # Errors
    /// [`SourcesError::Storage`].
    pub fn forget(&self, place: &str) -> Result<bool, SourcesError> {
        let forget = || -> Result<bool, redb::Error> {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            let known = transaction.open_table(INDEXES)?.remove(place)?.is_some();
            transaction.commit()?;
            Ok(known)
        };
        forget().map_err(failed(&self.path))
    }
}

fn failed(path: &Path) -> impl FnOnce(redb::Error) -> SourcesError {
    let path = path.to_owned();
    move |source| SourcesError::Storage { path, source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn an_index_older_than_one_that_was_used_is_none() {
        let state = tempfile::tempdir().unwrap();
        let sources = Sources::open(state.path()).unwrap();
        sources.check_and_raise("https://a.example/x", 100).unwrap();
        sources.check_and_raise("https://a.example/x", 100).unwrap();
        sources.check_and_raise("https://a.example/x", 150).unwrap();
        sources.check_and_raise("https://b.example/x", 10).unwrap();
        drop(sources);
        // Another process, later.
        let sources = Sources::open(state.path()).unwrap();
        let error = sources.check_and_raise("https://a.example/x", 149).unwrap_err();
        assert!(matches!(error, SourcesError::Older { age: 1, .. }), "{error}");
        assert!(error.to_string().contains("tidegate mirror forget https://a.example/x"), "{error}");
        assert!(sources.forget("https://a.example/x").unwrap() && !sources.forget("https://a.example/x").unwrap());
        sources.check_and_raise("https://a.example/x", 1).unwrap();
        assert!(sources.check_and_raise("https://b.example/x", 9).is_err(), "one place is not another");
    }

    #[test]
    fn two_at_once_take_turns_and_a_damaged_record_is_an_error() {
        let state = tempfile::tempdir().unwrap();
        let first = Sources::open(state.path()).unwrap();
        let path = state.path().to_owned();
        let second = std::thread::spawn(move || Sources::open(&path).unwrap().check_and_raise("x", 1).unwrap_err());
        first.check_and_raise("x", 5).unwrap();
        drop(first);
        assert!(matches!(second.join().unwrap(), SourcesError::Older { age: 4, .. }));
        std::fs::write(state.path().join(FILE), b"no record here".repeat(400)).unwrap();
        assert!(matches!(Sources::open(state.path()), Err(SourcesError::Open(OpenError::Damaged { .. }))));
    }
}
