//! Addresses of requests, and where a redirect leads.

use http::Uri;
use tidegate_reference::{RegistryHost, RepositoryName};

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) origin: Origin,
    /// Path and query, from `/` on.
    pub(crate) path: String,
}

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) tls: bool,
    pub(crate) registry: RegistryHost,
}

impl Origin {
    pub(crate) fn port(&self) -> u16 {
        self.registry.port().unwrap_or(if self.tls { 443 } else { 80 })
    }

    /// For messages.
    pub(crate) fn shown(&self) -> String {
        self.registry.to_string()
    }

    /// `/v2/NAME/REST`.
    pub(crate) fn url(&self, name: &RepositoryName, rest: &str) -> Url {
        Url { origin: self.clone(), path: format!("/v2/{name}/{rest}") }
    }
}

impl Url {
    /// The address that a `Location`, a `Link` or a `realm` names, seen from here.
    pub(crate) fn join(&self, text: &str) -> Result<Self, &'static str> {
        if text.len() > 8_192 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("it is too long or has characters that no address has");
        }
        if text.starts_with('/') && !text.starts_with("//") {
            let path = text.split('#').next().unwrap_or_default().to_owned();
            return Ok(Self { origin: self.origin.clone(), path });
        }
        Self::parse(text)
    }

    /// A whole address.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let uri: Uri = text.parse().map_err(|_| "it is no address")?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("only `https` and `http` are taken"),
        };
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let registry = authority.parse().map_err(|_| "it names no host, or a user name")?;
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
        Ok(Self { origin: Origin { tls, registry }, path })
    }

    /// As people write it: the port only where the scheme does not mean it anyway.
    pub(crate) fn shown(&self) -> String {
        let Origin { tls, registry } = &self.origin;
        let (scheme, usual) = if *tls { ("https", 443) } else { ("http", 80) };
        let shown = registry.to_string();
        let host = match registry.port() == Some(usual) {
            true => shown.strip_suffix(&format!(":{usual}")).unwrap_or(&shown),
            false => &shown,
        };
        format!("{scheme}://{host}{}", self.path)
    }

    /// With another pair in the query.
    pub(crate) fn with_query(&self, pair: &str) -> Self {
        let mark = if self.path.contains('?') { '&' } else { '?' };
        Self { origin: self.origin.clone(), path: format!("{}{mark}{pair}", self.path) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn addresses_are_read_one_way() {
        let here = Origin { tls: true, registry: "registry.example:5000".parse().unwrap() };
        let here = here.url(&"acme/tool".parse().unwrap(), "blobs/x");
        assert_eq!(here.join("/a?b=c#d").unwrap().path, "/a?b=c");
        let there = here.join("http://cdn.example/x?y").unwrap();
        assert_eq!((there.origin.tls, there.origin.port(), there.path.as_str()), (false, 80, "/x?y"));
        let bad = [
            "",
            "x",
            "//evil.example/x",
            "ftp://a/b",
            "https://a@b/c",
            "https:///x",
            "https://registry.example\\@evil/x",
            "file:///etc/passwd",
            "https://127.1/x",
            "https://0x7f000001.1/x",
            "https://a b/",
            "javascript:x",
        ];
        for text in bad {
            assert!(here.join(text).is_err(), "{text}");
        }
    }
}
