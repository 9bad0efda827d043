//! One token: its form, its signature, what it says (RFC 7515, 7519, 9068).

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::Algorithm;
use crate::claims::{Audience, Registered, texts};

/// Bytes of a token. Those of large companies, with a hundred groups in them, have 4 KiB; reading ends before a parser
/// sees more.
pub(crate) const LONGEST: usize = 16 << 10;

/// Why a token does not say who a client is. The texts go to the client and hold nothing of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Too long to be looked at.
    #[error("the token is longer than {LONGEST} bytes")]
    TooLong,
    /// Not three parts of base64url, JSON inside.
    #[error("this is no signed JSON Web Token")]
    Form,
    /// `none`, a symmetric algorithm, or one that is not configured.
    #[error("tokens with this algorithm are not accepted")]
    Algorithm,
    /// An ID token or something else that is no access token.
    #[error("the token's type is not `at+jwt`: it is no access token")]
    Type,
    /// An extension that must be understood, and is not.
    #[error("the token has critical extensions, which are not understood")]
    Critical,
    /// Nobody that this node believes.
    #[error("the token's issuer is not accepted here")]
    Issuer,
    /// Of a key that the issuer does not have (any more).
    #[error("the token's key is none of its issuer's")]
    UnknownKey,
    /// Not signed by it.
    #[error("the token's signature is wrong")]
    Signature,
    /// Members are missing or of the wrong kind.
    #[error("the token has no `iss`, `sub`, `aud` or `exp`, or they are not of the right kind")]
    Claims,
    /// For another server.
    #[error("the token was given for another resource")]
    Audience,
    /// Too old.
    #[error("the token has expired")]
    Expired,
    /// Not yet.
    #[error("the token is not valid yet")]
    NotYet,
    /// Only its holder may use it, and must prove to be: this node cannot check that.
    #[error("the token is bound to a key of its holder, which is not supported here")]
    Bound,
}

/// A token whose form is right. Nothing of it is believed yet.
pub(crate) struct Unverified<'t> {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
    kind: Option<String>,
    /// What it says of its issuer: which keys to try.
    pub(crate) issuer: String,
    message: &'t str,
    signature: Vec<u8>,
    payload: Vec<u8>,
}

/// What a token must be.
pub(crate) struct Wanted<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) algorithms: &'a [Algorithm],
    /// Values of `typ` that are accepted beside none.
    pub(crate) kinds: &'a [String],
    /// How far the issuer's clock may be from ours.
    pub(crate) leeway: Duration,
    /// Seconds since 1970.
    pub(crate) now: f64,
}

/// What a good token says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) subject: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) claims: BTreeMap<String, Vec<String>>,
}

/// Keys that a token brings along (`jwk`, `jku`, `x5u`, `x5c`) are not read: whoever forges a token brings a key too.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
}

impl<'t> Unverified<'t> {
    /// Takes a token apart.
    pub(crate) fn read(token: &'t str) -> Result<Self, TokenError> {
        if token.len() > LONGEST {
            return Err(TokenError::TooLong);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Form);
        };
        let message = token.get(..header.len() + 1 + payload.len()).ok_or(TokenError::Form)?;
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Form);
        // Members that come twice are refused: two readers could take different ones.
        let header: Header = serde_json::from_slice(&bytes(header)?).map_err(|_| TokenError::Form)?;
        if header.crit.is_some() {
            return Err(TokenError::Critical);
        }
        let algorithm = header.alg.parse().map_err(|_| TokenError::Algorithm)?;
        let payload = bytes(payload)?;
        #[derive(Deserialize)]
        struct Issuer {
            iss: String,
        }
        let Issuer { iss: issuer } = serde_json::from_slice(&payload).map_err(|_| TokenError::Claims)?;
        let signature = bytes(signature)?;
        Ok(Self { algorithm, key_id: header.kid, kind: header.typ, issuer, message, signature, payload })
    }

    /// What is signed, and the signature.
    pub(crate) fn signed(&self) -> (&[u8], &[u8]) {
        (self.message.as_bytes(), &self.signature)
    }

    /// Checks what needs no key.
    pub(crate) fn check_head(&self, wanted: &Wanted<'_>) -> Result<(), TokenError> {
        if !wanted.algorithms.contains(&self.algorithm) {
            return Err(TokenError::Algorithm);
        }
        if let Some(kind) = &self.kind {
            // RFC 7515, 4.1.9: `application/` may be left away, and case does not count.
            let kind = kind.to_ascii_lowercase();
            let kind = kind.strip_prefix("application/").unwrap_or(&kind);
            if !wanted.kinds.iter().any(|one| one.eq_ignore_ascii_case(kind)) {
                return Err(TokenError::Type);
            }
        }
        Ok(())
    }

    /// Reads what it says. To be called once the signature is known to be good.
    pub(crate) fn holder(&self, wanted: &Wanted<'_>) -> Result<Holder, TokenError> {
        let claims: Registered = serde_json::from_slice(&self.payload).map_err(|_| TokenError::Claims)?;
        if claims.iss != wanted.issuer {
            return Err(TokenError::Issuer);
        }
        if claims.sub.is_empty() || !claims.exp.is_finite() || claims.nbf.is_some_and(|nbf| !nbf.is_finite()) {
            return Err(TokenError::Claims);
        }
        if !names(&claims.aud, wanted.resource) {
            return Err(TokenError::Audience);
        }
        let leeway = wanted.leeway.as_secs_f64();
        if claims.exp + leeway <= wanted.now {
            return Err(TokenError::Expired);
        }
        if claims.nbf.is_some_and(|nbf| nbf - leeway > wanted.now) {
            return Err(TokenError::NotYet);
        }
        if claims.cnf.is_some() {
            return Err(TokenError::Bound);
        }
        let scopes = claims.scopes();
        let claims = texts(&self.payload).ok_or(TokenError::Claims)?;
        let Registered { sub: subject, .. } = serde_json::from_slice(&self.payload).map_err(|_| TokenError::Claims)?;
        Ok(Holder { subject, scopes, claims })
    }
}

/// Whether the audience has the resource, whole; only a `/` at the end does not count, which clients add and leave away.
fn names(audience: &Audience, resource: &str) -> bool {
    let plain = |text: &str| text.strip_suffix('/').unwrap_or(text).to_owned();
    let resource = plain(resource);
    match audience {
        Audience::One(one) => plain(one) == resource,
        Audience::Several(several) => several.iter().any(|one| plain(one) == resource),
    }
}

#[cfg(test)]
mod tests;
