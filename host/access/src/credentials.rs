//! What a request brings to prove who its client is.

use std::fmt;

use http::HeaderMap;
use http::header::{AUTHORIZATION, PROXY_AUTHORIZATION};

/// A key or a token. It is shown nowhere: not in a log, not in an error.
pub struct Secret(String);

/// Headers that say two things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("exactly one `Authorization: Bearer ...` is understood here")]
pub struct Malformed;

impl Secret {
    /// The text itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Takes the bearer's secret out of a request's headers. Whatever comes back, neither it nor any other credential is in
/// them any more: what was given to this node goes no further.
///
/// # Errors
/// When there are several, or one that is no text.
pub fn take(headers: &mut HeaderMap) -> Result<Option<Secret>, Malformed> {
    let all: Vec<_> = headers.get_all(AUTHORIZATION).iter().cloned().collect();
    headers.remove(AUTHORIZATION);
    headers.remove(PROXY_AUTHORIZATION);
    let value = match all.as_slice() {
        [] => return Ok(None),
        [value] => value.to_str().map_err(|_| Malformed)?,
        _ => return Err(Malformed),
    };
    let Some((scheme, secret)) = value.split_once(' ') else { return Ok(None) };
    let secret = secret.trim();
    // Another scheme is none that is understood: the client is told which one is.
    Ok((scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then(|| Secret(secret.to_owned())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use http::HeaderValue;

    use super::*;

    fn taken(values: &[&'static str]) -> Result<Option<String>, Malformed> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            headers.append(PROXY_AUTHORIZATION, HeaderValue::from_static(value));
        }
        let taken = take(&mut headers).map(|secret| secret.map(|secret| secret.expose().to_owned()));
        assert!(headers.is_empty(), "nothing stays behind");
        taken
    }

    #[test]
    fn one_bearer_is_taken_and_nothing_stays() {
        assert_eq!(taken(&[]), Ok(None));
        assert_eq!(taken(&["Bearer abc"]), Ok(Some("abc".to_owned())));
        assert_eq!(taken(&["bEARER  abc "]), Ok(Some("abc".to_owned())));
        assert_eq!(taken(&["Basic YTpi"]), Ok(None));
        assert_eq!(taken(&["Bearer "]), Ok(None));
        assert_eq!(taken(&["Bearer a", "Bearer b"]), Err(Malformed));
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::from("tg_secret".to_owned())), "Secret(..)");
    }
}
