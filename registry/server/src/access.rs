//! Who asks, and what they may do.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use tidegate_reference::RepositoryName;

use crate::error::{ApiError, Code};
use crate::settings::AnonymousPull;
use crate::token::{Stamp, Token, TokenFile};

/// What may be done; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Reading.
    Pull,
    /// Adding.
    Push,
    /// Deleting and yanking.
    Admin,
}

/// Knows tokens and what is open to everybody.
#[derive(Debug)]
pub(crate) struct Access {
    file: TokenFile,
    anonymous: AnonymousPull,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    stamp: Option<Stamp>,
    tokens: Arc<BTreeMap<String, Token>>,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    token: Option<Token>,
    anonymous: AnonymousPull,
}

// === impl Access ===

impl Access {
    pub(crate) fn new(file: TokenFile, anonymous: AnonymousPull) -> Self {
        let known = Mutex::new(Known { stamp: None, tokens: Arc::default() });
        Self { file, anonymous, known }
    }

    /// What is open to everybody.
    pub(crate) fn anonymous_pull(&self) -> &AnonymousPull {
        &self.anonymous
    }

    /// Who sends these headers. Wrong credentials are an error even where none are needed: whoever sends them should know.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let anonymous = self.anonymous.clone();
        let Some(header) = headers.get(AUTHORIZATION) else { return Ok(Caller { token: None, anonymous }) };
        let wrong = || ApiError::unauthorized("the credentials are not those of a token: it may be expired or removed");
        let text = header.to_str().ok().and_then(secret).ok_or_else(wrong)?;
        let tokens = self.tokens()?;
        let token = Token::find(&tokens, &text).cloned().ok_or_else(wrong)?;
        Ok(Caller { token: Some(token), anonymous })
    }

    /// The tokens, read again if the file has changed.
    fn tokens(&self) -> Result<Arc<BTreeMap<String, Token>>, ApiError> {
        let stamp = self.file.stamp();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.stamp != Some(stamp) {
            let tokens = self.file.list().map_err(|error| ApiError::internal(&error))?;
            known.tokens = Arc::new(tokens.into_iter().map(|token| (token.name.clone(), token)).collect());
            known.stamp = Some(stamp);
        }
        Ok(Arc::clone(&known.tokens))
    }
}

/// The token's text: the password of `Basic` (any user name), or what follows `Bearer`.
fn secret(header: &str) -> Option<String> {
    let (scheme, value) = header.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(value.trim().to_owned()),
        "basic" => {
            let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
            text.split_once(':').map(|(_, password)| password.to_owned())
        }
        _ => None,
    }
}

// === impl Caller ===

impl Caller {
    /// The name for the log.
    pub(crate) fn name(&self) -> &str {
        self.token.as_ref().map_or("-", |token| token.name.as_str())
    }

    pub(crate) fn is_known(&self) -> bool {
        self.token.is_some()
    }

    pub(crate) fn may(&self, permission: Permission, name: &RepositoryName) -> bool {
        let open = permission == Permission::Pull
            && match &self.anonymous {
                AnonymousPull::Nothing => false,
                AnonymousPull::Of(scopes) => scopes.iter().any(|scope| scope.has(name)),
                AnonymousPull::Everything => true,
            };
        open || self.token.as_ref().is_some_and(|token| token.permits(permission, name))
    }

    pub(crate) fn may_everywhere(&self, permission: Permission) -> bool {
        self.token.as_ref().is_some_and(|token| token.permits_everywhere(permission))
    }

    /// An error unless it is permitted. It is the same whether the repository is there or not.
    pub(crate) fn must(&self, permission: Permission, name: &RepositoryName) -> Result<(), ApiError> {
        if self.may(permission, name) {
            return Ok(());
        }
        Err(match &self.token {
            None => {
                ApiError::unauthorized(&format!("`{permission}` on `{name}` needs a token: send it as the password"))
            }
            Some(token) => {
                let message = format!("the token `{}` does not permit `{permission}` on `{name}`", token.name);
                ApiError::new(StatusCode::FORBIDDEN, Code::Denied, message)
            }
        })
    }
}

// === impl Permission ===

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Admin => "admin",
        })
    }
}

impl FromStr for Permission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pull" => Ok(Self::Pull),
            "push" => Ok(Self::Push),
            "admin" => Ok(Self::Admin),
            other => Err(format!("`{}` is no permission: write `pull`, `push` or `admin`", other.escape_debug())),
        }
    }
}
