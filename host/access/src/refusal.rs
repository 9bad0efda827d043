//! Why a client is not let in.

use tidegate_grant::Challenge;
use tidegate_rules::NotAdmitted;

use crate::{Malformed, TokenError};

/// Why a client is not let in. The texts are for the client: they name nothing of the policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It brought nothing: 401.
    #[error("this takes a key or a token: `Authorization: Bearer ...`")]
    Nothing,
    /// It brought several things: 400.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It brought a token that is not good: 401.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// It brought a key that is none: 401.
    #[error("the key is none of this node's")]
    Key,
    /// It is who it says, and nothing is permitted to it: 403.
    #[error("nothing here is permitted to this client")]
    NotAdmitted(NotAdmitted),
    /// It cannot be said now: 503.
    #[error("the token's issuer cannot be reached, and its keys are not known: try again later")]
    Unavailable,
    /// The node's own files are not in order: 503.
    #[error("this node cannot read its keys: its log says why")]
    Broken,
}

impl Refusal {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::Nothing | Self::Token(_) | Self::Key => 401,
            Self::NotAdmitted(_) => 403,
            Self::Unavailable | Self::Broken => 503,
        }
    }

    /// `WWW-Authenticate`, where another credential would help. `scopes`: what to ask for at first.
    #[must_use]
    pub fn challenge(&self, challenge: &Challenge, scopes: &[String]) -> Option<String> {
        match self {
            Self::Nothing => Some(challenge.unauthorized(scopes, None)),
            Self::Token(_) | Self::Key => Some(challenge.unauthorized(scopes, Some(&self.to_string()))),
            _ => None,
        }
    }

    /// What the node's own people are told: more than the client.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::NotAdmitted(why) => why.to_string(),
            other => other.to_string(),
        }
    }
}
