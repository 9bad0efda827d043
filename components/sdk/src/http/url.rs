//! Addresses: what `wasi:http` needs of a URL, and references relative to one (for redirects). No more: a whole URL
//! library with its Unicode tables is larger than the rest of a component.
use std::fmt;

/// An absolute `http:` or `https:` URL without a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// `https:` rather than `http:`.
    pub https: bool,
    /// Host and port as written, lower case.
    pub authority: String,
    /// Path and query; starts with `/`.
    pub path_and_query: String,
}

/// Why a text is no URL we can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlError {
    /// The scheme is missing or another one.
    Scheme(String),
    /// There is no host, or it has characters that no host has (international names must be written as `xn--`).
    Host(String),
    /// A user name or password in the URL: they end in logs.
    UserInfo,
    /// White space or control characters.
    Characters(String),
}

impl Url {
    /// Parses an absolute URL. Characters outside ASCII in path and query are percent-encoded.
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(UrlError::Characters(text.escape_debug().to_string()));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| UrlError::Scheme(text.to_owned()))?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(UrlError::Scheme(text.to_owned())),
        };
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let good = |c: char| c.is_ascii_alphanumeric() || "-._[]:%".contains(c);
        if host.is_empty() || !authority.chars().all(good) {
            return Err(UrlError::Host(authority.to_owned()));
        }
        Ok(Self { https, authority: authority.to_ascii_lowercase(), path_and_query: normal_path(path) })
    }

    /// The URL that a reference on this page means (RFC 3986, section 5).
    ///
    /// # Errors
    /// See [`UrlError`].
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        let reference = reference.trim();
        let scheme = if self.https { "https" } else { "http" };
        if reference.split_once("://").is_some_and(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric())) {
            return Self::parse(reference);
        }
        if let Some(rest) = reference.strip_prefix("//") {
            return Self::parse(&format!("{scheme}://{rest}"));
        }
        let path = self.path_and_query.split('?').next().unwrap_or("/");
        let target = match reference.chars().next() {
            None | Some('#') => self.path_and_query.clone(),
            Some('/') => reference.to_owned(),
            Some('?') => format!("{path}{reference}"),
            Some(_) => format!("{}{reference}", path.get(..=path.rfind('/').unwrap_or(0)).unwrap_or("/")),
        };
        Self::parse(&format!("{scheme}://{}{target}", self.authority))
    }

    /// Host without port.
    #[must_use]
    pub fn host(&self) -> &str {
        match self.authority.rsplit_once(':') {
            Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => host,
            _ => &self.authority,
        }
    }

    /// Whether two URLs have the same scheme, host and port.
    #[must_use]
    pub fn same_origin(&self, other: &Self) -> bool {
        self.https == other.https && self.authority == other.authority
    }
}

/// Removes the fragment and dot segments, percent-encodes what is not ASCII.
fn normal_path(path: &str) -> String {
    let path = path.split('#').next().unwrap_or_default();
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        segments.push("");
    }
    let mut normal = format!("/{}", segments.join("/"));
    if let Some(query) = query {
        normal.push('?');
        normal.push_str(query);
    }
    let mut encoded = String::with_capacity(normal.len());
    for c in normal.chars() {
        if c.is_ascii() && !"\"<>\\^`{|}".contains(c) {
            encoded.push(c);
        } else {
            let mut buffer = [0; 4];
            c.encode_utf8(&mut buffer).bytes().for_each(|byte| encoded.push_str(&format!("%{byte:02X}")));
        }
    }
    encoded
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.https { "https" } else { "http" }, self.authority, self.path_and_query)
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme(text) => {
                write!(f, "`{text}` is no absolute URL; write `https://host/path` or `http://host/path`")
            }
            Self::Host(text) => write!(f, "`{text}` is no host name; write international names in their `xn--` form"),
            Self::UserInfo => {
                f.write_str("the URL has a user name or password; send an `authorization` header instead")
            }
            Self::Characters(text) => write!(f, "`{text}` has white space or control characters; percent-encode them"),
        }
    }
}

impl std::error::Error for UrlError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
    use super::{Url, UrlError};

    #[test]
    fn addresses_are_normalised() {
        for (text, normal) in [
            ("http://Example.org", "http://example.org/"),
            ("HTTPS://example.org:8443/a/./b/../c?q=1#top", "https://example.org:8443/a/c?q=1"),
            ("http://[::1]:80/x", "http://[::1]:80/x"),
            ("http://example.org?q=é", "http://example.org/?q=%C3%A9"),
            ("http://example.org/../../etc/..", "http://example.org/"),
        ] {
            assert_eq!(Url::parse(text).unwrap().to_string(), normal);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert!(matches!(Url::parse("example.org"), Err(UrlError::Scheme(_))));
        assert!(matches!(Url::parse("file:///etc/passwd"), Err(UrlError::Scheme(_))));
        assert!(matches!(Url::parse("http:///x"), Err(UrlError::Host(_))));
        assert!(matches!(Url::parse("http://a@b/"), Err(UrlError::UserInfo)));
        assert!(matches!(Url::parse("http://a\r\nhost: b/"), Err(UrlError::Characters(_))));
        assert!(matches!(Url::parse("http://exämple.org/"), Err(UrlError::Host(_))));
    }

    #[test]
    fn references_are_resolved() {
        let base = Url::parse("http://h/a/b?q=http://x/y").unwrap();
        for (reference, resolved) in [
            ("c", "http://h/a/c"),
            ("/c", "http://h/c"),
            ("../c", "http://h/c"),
            ("?p", "http://h/a/b?p"),
            ("//other/z", "http://other/z"),
            ("https://other/z", "https://other/z"),
            ("/login?back=http://h/a", "http://h/login?back=http://h/a"),
            ("", "http://h/a/b?q=http://x/y"),
        ] {
            assert_eq!(base.join(reference).unwrap().to_string(), resolved, "{reference}");
        }
        assert!(base.same_origin(&base.join("c").unwrap()));
        assert!(!base.same_origin(&base.join("http://h:81/").unwrap()));
    }

    #[test]
    fn a_host_is_without_its_port() {
        assert_eq!(Url::parse("http://h:80/").unwrap().host(), "h");
        assert_eq!(Url::parse("http://[::1]:80/").unwrap().host(), "[::1]");
    }
}
