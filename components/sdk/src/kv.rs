//! Durable key-value storage. What was acknowledged survives a crash of the host and of the machine.
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::imports::tidegate::host::kv as wit;

pub use wit::Entry;

/// An opened namespace. Two components that are granted the same namespace share it.
pub struct Store(wit::Store);

/// Why a call on a namespace failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KvError {
    /// Policy does not grant it; the text names the line that would permit it.
    Denied(String),
    /// Key (1 to 512 bytes), value (limit 1 MiB) or namespace is out of bounds.
    Invalid(String),
    /// The namespace has as many bytes as policy allows.
    Full(String),
    /// Storage failed; nothing was changed.
    Other(String),
    /// A stored value is not of the type it was read as.
    Format(String),
    /// Others changed the value again and again while we tried to; nothing was changed by us.
    Contended(String),
}

/// Attempts of [`Store::update`]. Every failed one means that somebody else succeeded, so many failures in a row mean
/// that something writes without a pause; without an end the call would run until its deadline.
const ATTEMPTS: usize = 64;

impl Store {
    /// Opens a namespace; it exists once something is in it.
    ///
    /// # Errors
    /// It is not granted, or no name.
    pub fn open(namespace: &str) -> Result<Self, KvError> {
        Ok(Self(wit::Store::open(namespace)?))
    }

    /// The value of a key.
    ///
    /// # Errors
    /// The key is out of bounds, or storage failed.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.0.get(key)?)
    }

    /// Sets a value. Durable when it returns.
    ///
    /// # Errors
    /// Out of bounds, only reading is granted, the namespace is full, or storage failed.
    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        Ok(self.0.set(key, value)?)
    }

    /// Removes a key; true if it was there.
    ///
    /// # Errors
    /// As [`Store::set`].
    pub fn delete(&self, key: &str) -> Result<bool, KvError> {
        Ok(self.0.delete(key)?)
    }

    /// Sets a value if the present one is `expected` (none: if there is none); true if it was set.
    ///
    /// # Errors
    /// As [`Store::set`].
    pub fn swap(&self, key: &str, expected: Option<&[u8]>, value: Option<&[u8]>) -> Result<bool, KvError> {
        Ok(self.0.swap(key, expected, value)?)
    }

    /// Entries whose key starts with `prefix` and comes after `after`, in the order of the keys' bytes; at most `limit`
    /// (the host gives no more than 1,000, and no more than 1 MiB).
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn scan(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<Entry>, KvError> {
        Ok(self.0.scan(prefix, after, limit)?)
    }

    /// The value of a key, from JSON.
    ///
    /// # Errors
    /// As [`Store::get`]; or the value is not of that type.
    pub fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, KvError> {
        self.get(key)?.map(|bytes| from_json(key, &bytes)).transpose()
    }

    /// Sets a value, as JSON.
    ///
    /// # Errors
    /// As [`Store::set`]; or the value has no JSON form.
    pub fn set_json(&self, key: &str, value: &impl Serialize) -> Result<(), KvError> {
        self.set(key, &to_json(key, value)?)
    }

    /// Changes a JSON value, safely against other writers: `change` sees the present value and gives the new one (none:
    /// removes it); it runs again when somebody was quicker. Returns what was set.
    ///
    /// # Errors
    /// As [`Store::set`]; an error of `change` goes through; [`KvError::Contended`] after 64 attempts.
    pub fn update<T, E>(
        &self,
        key: &str,
        mut change: impl FnMut(Option<T>) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E>
    where
        T: Serialize + DeserializeOwned,
        E: From<KvError>,
    {
        for _ in 0..ATTEMPTS {
            let present = self.get(key)?;
            let value = present.as_deref().map(|bytes| from_json(key, bytes)).transpose()?;
            let changed = change(value)?;
            let bytes = changed.as_ref().map(|value| to_json(key, value)).transpose()?;
            if self.swap(key, present.as_deref(), bytes.as_deref())? {
                return Ok(changed);
            }
        }
        Err(KvError::Contended(format!("key `{key}`: others changed it {ATTEMPTS} times meanwhile; try again")).into())
    }
}

/// Every entry whose key starts with `prefix`, page by page.
///
/// # Errors
/// As [`Store::scan`]; the iteration ends after an error.
pub fn entries<'s>(store: &'s Store, prefix: &'s str) -> impl Iterator<Item = Result<Entry, KvError>> + 's {
    const PAGE: u32 = 256;
    let mut page = Vec::new().into_iter();
    let mut after: Option<String> = None;
    let mut ended = false;
    std::iter::from_fn(move || {
        if let Some(entry) = page.next() {
            return Some(Ok(entry));
        }
        if ended {
            return None;
        }
        match store.scan(prefix, after.as_deref(), PAGE) {
            Ok(entries) => {
                // The host may give less than asked for, so only an empty page is the end.
                after = entries.last().map(|entry: &Entry| entry.key.clone());
                ended = entries.is_empty();
                page = entries.into_iter();
                page.next().map(Ok)
            }
            Err(error) => {
                ended = true;
                Some(Err(error))
            }
        }
    })
}

fn from_json<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, KvError> {
    serde_json::from_slice(bytes).map_err(|error| KvError::Format(format!("value of key `{key}`: {error}")))
}

fn to_json(key: &str, value: &impl Serialize) -> Result<Vec<u8>, KvError> {
    serde_json::to_vec(value).map_err(|error| KvError::Format(format!("value of key `{key}`: {error}")))
}

impl From<wit::Error> for KvError {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::Denied(text) => Self::Denied(text),
            wit::Error::Invalid(text) => Self::Invalid(text),
            wit::Error::Full(text) => Self::Full(text),
            wit::Error::Other(text) => Self::Other(text),
        }
    }
}

impl fmt::Display for KvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(text)
            | Self::Invalid(text)
            | Self::Full(text)
            | Self::Other(text)
            | Self::Format(text)
            | Self::Contended(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for KvError {}
