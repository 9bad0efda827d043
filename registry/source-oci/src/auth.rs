//! What a registry wants to see. Sources: RFC 9110, "WWW-Authenticate"; the distribution project's token authentication
//! specification, which registries share.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::HeaderMap;
use serde::Deserialize;
use tidegate_reference::RepositoryName;

use crate::client::Client;
use crate::error::TransportError;
use crate::exchange::Request;
use crate::url::{Origin, Url};

/// Largest answer of a token server, in bytes.
const MAX_TOKEN_BYTES: u64 = 64 << 10;

/// The value of an `Authorization` header. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Authorization(pub(crate) String);

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authorization(secret)")
    }
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// What a request is for, as token servers write it: `repository:NAME:pull` or `repository:NAME:pull,push`.
pub(crate) fn scope(name: &RepositoryName, method: &Method) -> String {
    let actions = if matches!(*method, Method::GET | Method::HEAD) { "pull" } else { "pull,push" };
    format!("repository:{name}:{actions}")
}

impl Client {
    /// What was shown before for the same purpose, or what can be shown without being asked.
    pub(crate) fn known_authorization(&self, origin: &Origin, scope: &str) -> Option<Authorization> {
        self.session(&origin.registry, |session| session.authorization.get(scope).cloned())
    }

    /// Answers a challenge; nothing if there is nothing to show.
    pub(crate) async fn authorize(
        &self,
        origin: &Origin,
        scope: &str,
        headers: &HeaderMap,
    ) -> Result<Option<Authorization>, TransportError> {
        let credential = self.settings.credentials.get(&origin.registry);
        let basic = credential.map(|credential| {
            Authorization(format!(
                "Basic {}",
                STANDARD.encode(format!("{}:{}", credential.username, credential.password))
            ))
        });
        let authorization = match challenge(headers) {
            Some(Challenge::Basic) => basic,
            Some(Challenge::Bearer { realm, service }) => {
                Some(self.token(origin, scope, &realm, service, basic).await?)
            }
            None => None,
        };
        if let Some(authorization) = &authorization {
            self.session(&origin.registry, |session| {
                session.authorization.insert(scope.to_owned(), authorization.clone());
            });
        }
        Ok(authorization)
    }

    /// Asks the token server that the registry names. It is reached as a redirect would be: no further inside than the
    /// registry, not from TLS to plain HTTP, because it sees the password.
    async fn token(
        &self,
        origin: &Origin,
        scope: &str,
        realm: &str,
        service: Option<String>,
        basic: Option<Authorization>,
    ) -> Result<Authorization, TransportError> {
        let here = Url { origin: origin.clone(), path: "/v2/".to_owned() };
        let refused = |why| TransportError::Redirect { from: origin.shown(), to: realm.to_owned(), why };
        let mut url = here.join(realm).map_err(refused)?.with_query(&format!("scope={}", encode(scope)));
        if let Some(service) = service {
            url = url.with_query(&format!("service={}", encode(&service)));
        }
        let mut request = Request::new(Method::GET, url);
        request.authorization = basic;
        let answer = self.once(&request, Some(origin)).await?;
        let answer = answer.checked().await?;
        let host = answer.host().to_owned();
        let bytes = answer.bytes(MAX_TOKEN_BYTES).await?;
        let wrong = |what: &str| TransportError::Protocol { host: host.clone(), what: what.to_owned() };
        let token: Token = serde_json::from_slice(&bytes).map_err(|_| wrong("its token is no JSON"))?;
        let token = token.token.or(token.access_token).ok_or_else(|| wrong("it gives no token"))?;
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("its token has characters that no token has"));
        }
        Ok(Authorization(format!("Bearer {token}")))
    }
}

/// The first challenge that can be answered. A registry that asks for a token without naming a server takes what it was
/// given as the password.
fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    headers.get_all(http::header::WWW_AUTHENTICATE).iter().find_map(|value| {
        let (scheme, parameters) = value.to_str().ok()?.trim().split_once(' ').unwrap_or((value.to_str().ok()?, ""));
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => Some(Challenge::Basic),
            "bearer" => {
                let realm = parameter(parameters, "realm")?;
                Some(Challenge::Bearer { realm, service: parameter(parameters, "service") })
            }
            _ => None,
        }
    })
}

/// `name="value"` of a list with commas.
fn parameter(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    while let Some((key, after)) = rest.split_once('=') {
        let key = key.trim_start_matches([',', ' ']).trim();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value.trim().to_owned());
        }
        rest = left;
    }
    None
}

/// A value for a query.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' | b':' | b',' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn challenges() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::WWW_AUTHENTICATE, text.parse().unwrap());
            challenge(&headers)
        };
        assert_eq!(read("Basic realm=\"x\""), Some(Challenge::Basic));
        let bearer = read("Bearer realm=\"https://auth.example/token\",service=\"registry.example\",scope=\"a,b\"");
        let (realm, service) = ("https://auth.example/token".to_owned(), Some("registry.example".to_owned()));
        assert_eq!(bearer, Some(Challenge::Bearer { realm, service }));
        assert_eq!(read("Negotiate x"), None);
        assert_eq!(read("Bearer scope=\"a=b,realm=c\""), None);
        assert_eq!(encode("a+b c&d"), "a%2Bb%20c%26d");
    }
}
