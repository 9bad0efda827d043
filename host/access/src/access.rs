//! From what a client brings to who it is here.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tidegate_grant::{Challenge, Principal};
use tidegate_rules::{Identity, Policy, admit};

use crate::fetch::Fetcher;
use crate::issuer::{Issuer, NoKey};
use crate::keys::PREFIX;
use crate::metadata::{document, well_known};
use crate::token::{Holder, Unverified, Wanted};
use crate::{IssuerError, IssuerOptions, KeyFile, Refusal, RootsError, Secret, TokenError};

/// How clients may prove who they are. Without anything, none can.
#[derive(Debug, Clone, Default)]
pub struct AccessOptions {
    /// The file of the node's keys; none: keys are no way in.
    pub keys: Option<PathBuf>,
    /// Tokens; none: they are no way in.
    pub tokens: Option<TokenOptions>,
}

/// Which tokens are believed.
#[derive(Debug, Clone)]
pub struct TokenOptions {
    /// What this node is called in tokens (RFC 8707): the address that clients use, `https://node.example/served`.
    pub resource: String,
    /// Who gives them.
    pub issuers: Vec<IssuerOptions>,
    /// What clients should ask for at first; none: every scope that the policy speaks of.
    pub scopes: Option<Vec<String>>,
    /// Certificates (PEM) that issuers' servers are believed by, beside the public ones.
    pub roots: Vec<u8>,
}

/// Says who clients are. Cheap to clone.
#[derive(Clone)]
pub struct Access {
    inner: Arc<Inner>,
}

struct Inner {
    policy: Policy,
    keys: Option<KeyFile>,
    tokens: Option<Tokens>,
    challenge: Challenge,
    /// What is asked for at first.
    scopes: Vec<String>,
}

struct Tokens {
    resource: String,
    issuers: Vec<Arc<Issuer>>,
    document: String,
}

/// Clients cannot be told apart as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// An issuer.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// Roots.
    #[error(transparent)]
    Roots(#[from] RootsError),
}

impl Access {
    /// By these options and the `[[client]]` lines of the policy.
    ///
    /// # Errors
    /// When pinned keys or certificates cannot be read.
    pub fn new(options: AccessOptions, policy: &Policy) -> Result<Self, AccessError> {
        let supported = tidegate_rules::scopes(policy);
        let mut scopes = supported.clone();
        let mut challenge = Challenge::default();
        let tokens = match options.tokens {
            None => None,
            Some(tokens) => {
                let fetcher = Fetcher::new(&tokens.roots)?;
                let issuers =
                    tokens.issuers.into_iter().map(|issuer| Issuer::new(issuer, fetcher.clone()).map(Arc::new));
                let issuers = issuers.collect::<Result<Vec<_>, _>>()?;
                let names: Vec<_> = issuers.iter().map(|issuer| issuer.options.issuer.as_str()).collect();
                let document = document(&tokens.resource, &names, &supported);
                challenge.metadata = Some(well_known(&tokens.resource));
                scopes = tokens.scopes.unwrap_or(scopes);
                Some(Tokens { resource: tokens.resource, issuers, document })
            }
        };
        let keys = options.keys.map(KeyFile::new);
        Ok(Self { inner: Arc::new(Inner { policy: policy.clone(), keys, tokens, challenge, scopes }) })
    }

    /// The protected resource metadata; nothing where tokens are no way in.
    #[must_use]
    pub fn document(&self) -> Option<&str> {
        self.inner.tokens.as_ref().map(|tokens| tokens.document.as_str())
    }

    /// What the node is called in tokens.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        self.inner.tokens.as_ref().map(|tokens| tokens.resource.as_str())
    }

    /// The `WWW-Authenticate` of a refusal, if it has one.
    #[must_use]
    pub fn challenge(&self, refusal: &Refusal) -> Option<String> {
        refusal.challenge(&self.inner.challenge, &self.inner.scopes)
    }

    /// Who brings this secret.
    ///
    /// # Errors
    /// When there is none, it is not good, or nothing is permitted to whom it belongs to.
    pub async fn bearer(&self, secret: Option<Secret>) -> Result<Principal, Refusal> {
        let secret = secret.ok_or(Refusal::Nothing)?;
        let principal =
            if secret.expose().starts_with(PREFIX) { self.key(&secret)? } else { self.token(&secret).await? };
        Ok(principal.challenged_by(self.inner.challenge.clone()))
    }

    fn key(&self, secret: &Secret) -> Result<Principal, Refusal> {
        let keys = self.inner.keys.as_ref().ok_or(Refusal::Key)?;
        let found = keys.find(secret).map_err(|error| {
            tracing::error!(error = %error, "clients with keys are refused");
            Refusal::Broken
        })?;
        let name = found.ok_or(Refusal::Key)?;
        self.admit(&Identity::Key { name: &name })
    }

    async fn token(&self, secret: &Secret) -> Result<Principal, Refusal> {
        let tokens = self.inner.tokens.as_ref().ok_or(TokenError::Issuer)?;
        let token = Unverified::read(secret.expose())?;
        let issuer = tokens.issuers.iter().find(|issuer| issuer.options.issuer == token.issuer);
        let issuer = issuer.ok_or(TokenError::Issuer)?;
        let options = &issuer.options;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let wanted = Wanted {
            issuer: &options.issuer,
            resource: &tokens.resource,
            algorithms: &options.algorithms,
            kinds: &options.kinds,
            leeway: options.leeway,
            now,
        };
        token.check_head(&wanted)?;
        let key = issuer.key(token.key_id.as_deref(), token.algorithm).await.map_err(|missing| match missing {
            NoKey::Unknown => Refusal::Token(TokenError::UnknownKey),
            NoKey::Unreachable => Refusal::Unavailable,
        })?;
        let (message, signature) = token.signed();
        if !key.verifies(token.algorithm, message, signature) {
            return Err(TokenError::Signature.into());
        }
        let Holder { subject, scopes, claims } = token.holder(&wanted)?;
        self.admit(&Identity::Token { issuer: &options.issuer, subject: &subject, claims: &claims, scopes: &scopes })
    }

    fn admit(&self, identity: &Identity<'_>) -> Result<Principal, Refusal> {
        let admission = admit(&self.inner.policy, identity).map_err(Refusal::NotAdmitted)?;
        Ok(admission.principal())
    }
}

/// Who the process at the other end of a Unix socket is. The node's own user is its owner: they could read all that the node
/// has anyway. For others `[[client]]` lines with `uid` or `gid` say what they may use; a line for the own user counts too.
///
/// # Errors
/// When no line is for it.
pub fn peer(policy: &Policy, uid: u32, gid: u32, own: u32) -> Result<Principal, Refusal> {
    match admit(policy, &Identity::Peer { uid, gid }) {
        Ok(admission) => Ok(admission.principal()),
        Err(_) if uid == own => Ok(Principal::owner()),
        Err(why) => Err(Refusal::NotAdmitted(why)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use tidegate_rules::{Source, parse};

    use super::*;

    #[test]
    fn a_process_is_its_user_and_the_nodes_own_user_owns_it() {
        let text = "version = 1\n[[client]]\ngid = 100\ntools = [\"a/*\"]\n[[client]]\nuid = 7\ntenant = \"t\"\ntools = [\"*\"]\n";
        let policy = parse(&[Source::new("/p.toml".as_ref(), text)]).unwrap();
        assert!(peer(&policy, 1000, 1000, 1000).unwrap().is(&Principal::owner()));
        assert!(matches!(peer(&policy, 1001, 1001, 1000), Err(Refusal::NotAdmitted(_))));
        assert!(
            matches!(peer(&policy, 0, 0, 1000), Err(Refusal::NotAdmitted(_))),
            "the administrator is nobody special"
        );
        let member = peer(&policy, 1001, 100, 1000).unwrap();
        assert_eq!((member.name(), member.tenant(), member.may_use_every_tool()), ("uid:1001", None, false));
        let named = peer(&policy, 7, 7, 7).unwrap();
        assert_eq!((named.name(), named.tenant()), ("uid:7", Some("t")), "a line counts for the own user too");
        assert!(named.may_use_every_tool());
    }
}
