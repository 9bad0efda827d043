//! Where a registry holds a component: `oci://HOST[:PORT]/NAME:TAG` or `...@sha256:...`.
//!
//! The grammar of names and tags is that of the OCI distribution specification 1.1, "Pulling manifests".

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use crate::name::shown;
use crate::{Digest, DigestError, Version};

/// A repository's name, such as `acme/tool-time`: parts of lower-case letters, digits and single `.`, `_`, `__` or any
/// number of `-` between them, with `/` between the parts. No part is `.` or `..` or begins with a separator, so a name is
/// also a safe path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(Arc<str>);

/// A tag: 1 to 128 letters, digits, `.`, `_`, `-`, the first no `.` and no `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

/// Host and port of a registry, in lower case, IPv6 in brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryHost {
    host: Arc<str>,
    port: Option<u16>,
}

/// `oci://HOST[:PORT]/NAME[:TAG][@DIGEST]`, with a tag or a digest or both.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OciReference {
    /// The registry.
    pub registry: RegistryHost,
    /// The repository in it.
    pub name: RepositoryName,
    /// What is wanted there.
    pub target: Target,
}

/// What is wanted of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// Whatever the tag points to.
    Tag(Tag),
    /// A manifest with this digest, whatever tags say. A tag that stood before it only serves people.
    Digest(Digest),
}

/// Why a text is no repository name, tag, host or reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OciReferenceError {
    /// Not `oci://`.
    #[error("{} is not a registry reference: write `oci://HOST/NAME:VERSION`", shown(.0))]
    Scheme(String),
    /// No name after the host.
    #[error("{} names no repository: write `oci://HOST/NAME:VERSION`", shown(.0))]
    NoName(String),
    /// Neither tag nor digest.
    #[error("{} has neither version nor digest: append `:VERSION` or `@sha256:...`", shown(.0))]
    NoTarget(String),
    /// The host.
    #[error("{} is not the host of a registry: a DNS name or an address, and a port if it is not 443", shown(.0))]
    Host(String),
    /// The name.
    #[error(
        "{} is not a repository name: lower-case letters and digits, with `.`, `_`, `__` or `-` inside and `/` between \
         parts, at most {} bytes", shown(.0), RepositoryName::MAX_BYTES
    )]
    Name(String),
    /// The tag.
    #[error("{} is not a tag: 1 to 128 letters, digits, `.`, `_` and `-`, the first a letter, a digit or `_`", shown(.0))]
    Tag(String),
    /// The digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
}

// === impl RepositoryName ===

impl RepositoryName {
    /// Longest name, in bytes: what other registries and clients take, host name included.
    pub const MAX_BYTES: usize = 255;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first part: whose it is. Quotas and permissions are by namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(namespace, _)| namespace)
    }

    /// The last part: what a component that is kept here is called.
    #[must_use]
    pub fn last(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, last)| last)
    }
}

impl FromStr for RepositoryName {
    type Err = OciReferenceError;

    fn from_str(text: &str) -> Result<Self, OciReferenceError> {
        let good = text.len() <= Self::MAX_BYTES && text.split('/').all(is_name_part);
        if good { Ok(Self(text.into())) } else { Err(OciReferenceError::Name(text.to_owned())) }
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_name_part(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends_well = part.bytes().next().is_some_and(plain) && part.bytes().last().is_some_and(plain);
    // Between runs of letters and digits stand the separators.
    ends_well
        && part
            .split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit())
            .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'))
}

// === impl Tag ===

impl Tag {
    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The version that the tag is; `_` stands for the `+` that no tag may have. Such a tag is a release.
    #[must_use]
    pub fn semver(&self) -> Option<semver::Version> {
        self.0.replacen('_', "+", 1).parse().ok()
    }
}

impl FromStr for Tag {
    type Err = OciReferenceError;

    fn from_str(text: &str) -> Result<Self, OciReferenceError> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let good = (1..=128).contains(&text.len())
            && text.bytes().next().is_some_and(word)
            && text.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-');
        if good { Ok(Self(text.into())) } else { Err(OciReferenceError::Tag(text.to_owned())) }
    }
}

impl From<&Version> for Tag {
    fn from(version: &Version) -> Self {
        // Our versions have no `+`, and are shorter than a tag.
        Self(version.to_string().into())
    }
}

// === impl RegistryHost ===

impl RegistryHost {
    /// The host without port; IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&self.host)
    }

    /// The port, if one was written.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether it is written as this machine: a loopback address, or `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host() == "localhost" || self.host().parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for RegistryHost {
    type Err = OciReferenceError;

    fn from_str(text: &str) -> Result<Self, OciReferenceError> {
        let wrong = || OciReferenceError::Host(text.to_owned());
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && !port.contains(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = match port {
            None => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong)?)
            }
            Some(_) => return Err(wrong()),
        };
        let host = host.to_ascii_lowercase();
        let good = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => is_host_name(&host),
        };
        if good { Ok(Self { host: host.into(), port }) } else { Err(wrong()) }
    }
}

/// A DNS name or an IPv4 address. Only letters, digits, `-` and `.`: nothing that a URL would read in another way.
fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    // A name whose last label is a number is an address, written in full: `127.1` would be resolved in surprising ways.
    let numeric = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    host.len() <= 253 && host.split('.').all(label) && (!numeric || host.parse::<std::net::Ipv4Addr>().is_ok())
}

// === impl OciReference ===

impl OciReference {
    /// What every registry reference begins with.
    pub const SCHEME: &'static str = "oci://";

    /// The same repository, another target.
    #[must_use]
    pub fn with_target(&self, target: Target) -> Self {
        Self { target, ..self.clone() }
    }
}

impl FromStr for OciReference {
    type Err = OciReferenceError;

    fn from_str(text: &str) -> Result<Self, OciReferenceError> {
        let rest = text.strip_prefix(Self::SCHEME).ok_or_else(|| OciReferenceError::Scheme(text.to_owned()))?;
        let (host, path) = rest.split_once('/').ok_or_else(|| OciReferenceError::NoName(text.to_owned()))?;
        let registry = host.parse()?;
        let (path, digest) = match path.split_once('@') {
            Some((path, digest)) => (path, Some(digest.parse::<Digest>()?)),
            None => (path, None),
        };
        let (name, tag) = match path.rsplit_once(':') {
            Some((name, tag)) => (name, Some(tag.parse::<Tag>()?)),
            None => (path, None),
        };
        let name = name.parse()?;
        let target = match (digest, tag) {
            (Some(digest), _) => Target::Digest(digest),
            (None, Some(tag)) => Target::Tag(tag),
            (None, None) => return Err(OciReferenceError::NoTarget(text.to_owned())),
        };
        Ok(Self { registry, name, target })
    }
}

impl fmt::Display for OciReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/{}{}", Self::SCHEME, self.registry, self.name, self.target)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, ":{tag}"),
            Self::Digest(digest) => write!(f, "@{digest}"),
        }
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

crate::serde_as_text!(RepositoryName);
crate::serde_as_text!(Tag);
crate::serde_as_text!(RegistryHost);
crate::serde_as_text!(OciReference);
