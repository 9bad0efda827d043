//! Tokens: who may do what, kept as hashes in a file that is read again when it changes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use tidegate_reference::{Digest, RepositoryName};

use crate::access::Permission;
use crate::clock::now;

/// What a token's text begins with, so that people and scanners for leaked secrets recognise it.
const PREFIX: &str = "tgr";
/// Random bytes of a secret. With so many, one plain hash is as good as a slow one: there is nothing to guess.
const SECRET_BYTES: usize = 32;
/// Largest file of tokens, in bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// A part of the registry: `*` (everything), `acme/*` (a namespace), `acme/tool-time` (a repository).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everything.
    Everything,
    /// Every repository below these parts: `acme/*`.
    Below(RepositoryName),
    /// One repository.
    Repository(RepositoryName),
}

/// A text that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no part of a registry: write `*`, `NAMESPACE/*` or `NAMESPACE/NAME`")]
pub struct ScopeError(String);

/// A token as it is kept: without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// What people call it; part of the token's text, and what stands in the log.
    pub name: String,
    /// SHA-256 of the secret.
    hash: Digest,
    /// Where it counts, at least one.
    pub scopes: Vec<Scope>,
    /// What it permits there.
    pub permission: Permission,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// From when on it counts no more, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
}

/// A token that was just made. Its text is shown once and kept nowhere.
#[derive(Clone)]
pub struct NewToken {
    /// The token.
    pub token: Token,
    /// `tgr_NAME_SECRET`: what clients send as their password.
    pub text: String,
}

/// Why tokens cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file system.
    #[error("cannot {action} the tokens in `{path}`", path = .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others can read or change it.
    #[error("other users can read or change `{path}`: run `chmod 600 {path}`", path = .0.display())]
    Mode(PathBuf),
    /// Not what we write.
    #[error("`{path}` is damaged: remove it and make the tokens again", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Too large for tokens.
    #[error("`{path}` is too large to be a file of tokens", path = .0.display())]
    TooBig(PathBuf),
    /// A name that is no name.
    #[error("`{0}` is no name of a token: 1 to 63 lower-case letters, digits and `-`")]
    Name(String),
    /// A name that is taken.
    #[error("there is a token `{0}` already: remove it first, or choose another name")]
    Taken(String),
    /// Nothing to remove.
    #[error("there is no token `{0}`: `tidegate registry token list` shows them")]
    NotThere(String),
    /// A token without a place.
    #[error("the token would count nowhere: say where, as in `--scope 'acme/*'`")]
    NoScope,
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers")]
    NoRandom,
}

/// The file of tokens of a registry: `tokens.json` in its directory, mode 0600.
#[derive(Debug, Clone)]
pub struct TokenFile(PathBuf);

/// What is remembered of a file to see that it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(Option<(u64, i64, i64, u64)>);

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    tokens: Vec<Token>,
}

// === impl TokenFile ===

impl TokenFile {
    /// The file in the directory of a registry.
    #[must_use]
    pub fn of(data: &Path) -> Self {
        Self(data.join("tokens.json"))
    }

    /// Every token.
    ///
    /// # Errors
    /// The file cannot be read, is open to others, or is damaged. No file: no tokens.
    pub fn list(&self) -> Result<Vec<Token>, TokenError> {
        let failed = |source| TokenError::Io { action: "read", path: self.0.clone(), source };
        let metadata = match self.0.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            metadata => metadata.map_err(failed)?,
        };
        if metadata.mode() & 0o077 != 0 {
            return Err(TokenError::Mode(self.0.clone()));
        }
        if metadata.len() > MAX_FILE_BYTES {
            return Err(TokenError::TooBig(self.0.clone()));
        }
        let bytes = fs::read(&self.0).map_err(failed)?;
        let document: Document =
            serde_json::from_slice(&bytes).map_err(|source| TokenError::Damaged { path: self.0.clone(), source })?;
        Ok(document.tokens)
    }

    /// Makes a token. `lifetime` in seconds; none: it counts until it is removed.
    ///
    /// # Errors
    /// The name is taken or no name; or as [`TokenFile::list`].
    pub fn add(
        &self,
        name: &str,
        scopes: Vec<Scope>,
        permission: Permission,
        lifetime: Option<u64>,
    ) -> Result<NewToken, TokenError> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=63).contains(&name.len()) || !name.bytes().all(letter) {
            return Err(TokenError::Name(name.escape_debug().to_string()));
        }
        if scopes.is_empty() {
            return Err(TokenError::NoScope);
        }
        let mut tokens = self.list()?;
        if tokens.iter().any(|token| token.name == name) {
            return Err(TokenError::Taken(name.to_owned()));
        }
        let mut secret = [0; SECRET_BYTES];
        SystemRandom::new().fill(&mut secret).map_err(|_| TokenError::NoRandom)?;
        let secret = secret.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let created = now();
        let expires = lifetime.map(|lifetime| created.saturating_add(lifetime));
        let hash = Digest::of(secret.as_bytes());
        let token = Token { name: name.to_owned(), hash, scopes, permission, created, expires };
        tokens.push(token.clone());
        self.write(tokens)?;
        Ok(NewToken { token, text: format!("{PREFIX}_{name}_{secret}") })
    }

    /// Removes a token; a running registry notices at its next request.
    ///
    /// # Errors
    /// There is none of this name; or as [`TokenFile::list`].
    pub fn remove(&self, name: &str) -> Result<(), TokenError> {
        let mut tokens = self.list()?;
        let before = tokens.len();
        tokens.retain(|token| token.name != name);
        if tokens.len() == before {
            return Err(TokenError::NotThere(name.escape_debug().to_string()));
        }
        self.write(tokens)
    }

    fn write(&self, tokens: Vec<Token>) -> Result<(), TokenError> {
        let failed = |source| TokenError::Io { action: "write", path: self.0.clone(), source };
        let damaged = |source| TokenError::Damaged { path: self.0.clone(), source };
        let mut json = serde_json::to_vec_pretty(&Document { tokens }).map_err(damaged)?;
        json.push(b'\n');
        let new = self.0.with_extension(format!("{}.new", std::process::id()));
        let write = || -> io::Result<()> {
            if let Some(folder) = self.0.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(&json)?;
            file.sync_all()?;
            fs::rename(&new, &self.0)
        };
        write().inspect_err(|_| drop(fs::remove_file(&new))).map_err(failed)
    }

    /// Changes whenever the file does.
    pub(crate) fn stamp(&self) -> Stamp {
        let metadata = self.0.metadata().ok();
        Stamp(metadata.map(|data| (data.ino(), data.mtime(), data.mtime_nsec(), data.len())))
    }
}

// === impl Token ===

impl Token {
    /// The token with this text, if there is one that still counts.
    pub(crate) fn find<'a>(tokens: &'a BTreeMap<String, Token>, text: &str) -> Option<&'a Self> {
        let (name, secret) = text.strip_prefix(PREFIX)?.strip_prefix('_')?.rsplit_once('_')?;
        let token = tokens.get(name)?;
        let given = Digest::of(secret.as_bytes());
        // Every byte is looked at, so that the time tells nothing.
        let differ = given.as_bytes().iter().zip(token.hash.as_bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
        let counts = token.expires.is_none_or(|expires| now() < expires);
        (differ == 0 && counts).then_some(token)
    }

    /// Whether the token permits this on that repository.
    pub(crate) fn permits(&self, permission: Permission, name: &RepositoryName) -> bool {
        self.permission >= permission && self.scopes.iter().any(|scope| scope.has(name))
    }

    /// Whether the token permits this everywhere.
    pub(crate) fn permits_everywhere(&self, permission: Permission) -> bool {
        self.permission >= permission && self.scopes.contains(&Scope::Everything)
    }
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewToken").field("token", &self.token).finish_non_exhaustive()
    }
}

// === impl Scope ===

impl Scope {
    /// Whether the repository is in it.
    #[must_use]
    pub fn has(&self, name: &RepositoryName) -> bool {
        match self {
            Self::Everything => true,
            Self::Below(above) => name.as_str().strip_prefix(above.as_str()).is_some_and(|rest| rest.starts_with('/')),
            Self::Repository(only) => name == only,
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let name = |text: &str| text.parse::<RepositoryName>().map_err(|_| ScopeError(text.escape_debug().to_string()));
        match text.strip_suffix("/*") {
            _ if text == "*" => Ok(Self::Everything),
            Some(above) => name(above).map(Self::Below),
            None => name(text).map(Self::Repository),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("*"),
            Self::Below(name) => write!(f, "{name}/*"),
            Self::Repository(name) => write!(f, "{name}"),
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn by_name(file: &TokenFile) -> BTreeMap<String, Token> {
        file.list().unwrap().into_iter().map(|token| (token.name.clone(), token)).collect()
    }

    #[test]
    fn a_token_is_kept_as_a_hash_and_counts_where_it_should() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::of(folder.path());
        let scopes = vec!["acme/*".parse().unwrap(), "beta/one".parse().unwrap()];
        let new = file.add("ci", scopes, Permission::Push, None).unwrap();
        let kept = fs::read_to_string(folder.path().join("tokens.json")).unwrap();
        let secret = new.text.rsplit('_').next().unwrap();
        assert!(!kept.contains(secret), "the secret is not kept");
        assert!(!format!("{new:?}").contains(secret));
        let tokens = by_name(&file);
        let token = Token::find(&tokens, &new.text).unwrap();
        let may = |permission, name: &str| token.permits(permission, &name.parse().unwrap());
        assert!(
            may(Permission::Push, "acme/tool")
                && may(Permission::Pull, "acme/a/b")
                && may(Permission::Pull, "beta/one")
        );
        assert!(
            !may(Permission::Admin, "acme/tool")
                && !may(Permission::Pull, "beta/two")
                && !may(Permission::Pull, "acme")
        );
        assert!(!may(Permission::Pull, "acme-evil/tool"), "a namespace is no prefix of letters");
        for wrong in ["", "tgr_ci_", "tgr_ci_00", &new.text[1..], &format!("{}0", new.text), "tgr_other_00"] {
            assert!(Token::find(&tokens, wrong).is_none(), "{wrong}");
        }
        assert!(matches!(file.add("ci", vec![Scope::Everything], Permission::Pull, None), Err(TokenError::Taken(_))));
        file.remove("ci").unwrap();
        assert!(by_name(&file).is_empty());
        assert!(matches!(file.remove("ci"), Err(TokenError::NotThere(_))));
    }

    #[test]
    fn an_expired_token_and_an_open_file_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::of(folder.path());
        let new = file.add("old", vec![Scope::Everything], Permission::Admin, Some(0)).unwrap();
        assert!(Token::find(&by_name(&file), &new.text).is_none());
        let path = folder.path().join("tokens.json");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(file.list(), Err(TokenError::Mode(_))));
    }

    #[test]
    fn scopes() {
        for good in ["*", "acme/*", "acme/tools/*", "acme/tool-time"] {
            assert_eq!(good.parse::<Scope>().unwrap().to_string(), good);
        }
        for bad in ["", "**", "/*", "acme*", "acme/*/b", "../*", "A"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad}");
        }
    }
}
