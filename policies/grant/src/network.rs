//! Where a component may connect to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Origin;

/// Destinations a component may connect to. Empty: none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NetworkGrant {
    /// Each with the line that grants it.
    pub connect: Vec<(Destination, Origin)>,
}

/// What a destination names: how its address is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Any host on the public internet, by name or by address; never an address that is not public: `*`.
    Public,
    /// Exactly this name, in lower case.
    Host(String),
    /// Any name below this domain, not the domain itself: `*.example.com`.
    Domain(String),
    /// Exactly this address, also when a name resolves to it.
    Ip(IpAddr),
    /// Any address in this range, also when a name resolves to it.
    Range(IpNet),
}

/// A destination: `example.com:443`, `*.example.com:443`, `10.1.0.0/16:1883`, `127.0.0.1:8080`, `[fd00::/8]:443`,
/// `example.com:*` (any port), `*:443` (any host on the public internet).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Name, domain, address or range.
    pub address: Address,
    /// Port; none: any port (written `*`).
    pub port: Option<u16>,
}

/// Why a text is no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// No port.
    #[error("`{0}` has no port: write `{0}:443`, or `{0}:*` for any port")]
    NoPort(String),
    /// The port is no number from 1 to 65535 and not `*`.
    #[error("`{0}` is not a port: a number from 1 to 65535, or `*`")]
    Port(String),
    /// The name is none.
    #[error("`{0}` is neither a host name, nor `*.` and a domain, nor an address, nor a range such as `10.0.0.0/8`")]
    Address(String),
    /// An address (scheme, path) as a browser shows it.
    #[error("`{0}` is a URL: write host and port only, `example.com:443` for example")]
    Url(String),
    /// IPv6 without brackets, where the last group and the port look alike.
    #[error("`{0}` is an IPv6 address: put it into brackets, `[{0}]:443` for example")]
    Brackets(String),
    /// The range names one address and a prefix that cuts it.
    #[error(
        "`{range}` has bits outside its prefix: write `{network}` for the range, or leave `/` away for the address"
    )]
    HostBits {
        /// As it was written.
        range: IpNet,
        /// The range it lies in.
        network: IpNet,
    },
    /// IPv4 addresses in IPv6 clothes are compared as IPv4.
    #[error("`{0}` is IPv4 written as IPv6 and would never match: write it as IPv4")]
    Mapped(String),
    /// Names that mean this machine.
    #[error("`{0}` means this machine: name the address, `127.0.0.1` or `[::1]`")]
    Localhost(String),
}

impl NetworkGrant {
    /// Whether a connection to `host` (as the component wrote it, without port; IPv6 with or without brackets) on
    /// `port` may be made at the address `resolved`, and by which line.
    ///
    /// A public address is permitted by a line that names the host, its domain, the address, a range with it, or any
    /// public host. An address that is loopback, private, link-local, metadata or otherwise not public is permitted
    /// only by a line that names the address or a range with it: no name opens it, whatever its owner lets it
    /// resolve to. Where the component wrote an address itself, `resolved` must be that address.
    #[must_use]
    pub fn permits(&self, host: &str, port: u16, resolved: IpAddr) -> Option<&Origin> {
        let resolved = canonical(resolved);
        let literal = host_address(host).map(canonical);
        if literal.is_some_and(|address| address != resolved) {
            return None;
        }
        let public = is_public(resolved);
        let name = literal.is_none().then(|| plain_name(host));
        self.first(port, |address| match address {
            Address::Ip(granted) => *granted == resolved,
            Address::Range(range) => range.contains(&resolved),
            Address::Public => public,
            by_name => public && name.as_deref().is_some_and(|name| by_name.has_name(name)),
        })
    }

    /// Whether a host is granted as it is written, before it is resolved, and by which line. Ranges are not looked
    /// at, nor is what the name resolves to: [`Self::permits`] decides.
    #[must_use]
    pub fn permits_name(&self, host: &str, port: u16) -> Option<&Origin> {
        if host_address(host).is_some() {
            return None;
        }
        let name = plain_name(host);
        self.first(port, |address| matches!(address, Address::Public) || address.has_name(&name))
    }

    /// Whether a name must be resolved at all: it is granted by name, or a range of addresses is granted on that port. A
    /// name that may not is refused without a query, so that nothing leaves the node through the name server; a line
    /// for one address is no reason to ask for names.
    #[must_use]
    pub fn may_resolve(&self, host: &str, port: u16) -> bool {
        self.permits_name(host, port).is_some()
            || self.first(port, |address| matches!(address, Address::Range(_))).is_some()
    }

    /// Whether everything in `wanted` is permitted by one line, and by which: for explanations.
    #[must_use]
    pub fn covers(&self, wanted: &Destination) -> Option<&Origin> {
        self.connect.iter().find(|(granted, _)| granted.covers(wanted)).map(|(_, origin)| origin)
    }

    fn first(&self, port: u16, fits: impl Fn(&Address) -> bool) -> Option<&Origin> {
        self.connect
            .iter()
            .find(|(destination, _)| destination.has_port(port) && fits(&destination.address))
            .map(|(_, origin)| origin)
    }
}

impl Address {
    /// Whether a plain name (no address) is this host or below this domain.
    fn has_name(&self, name: &str) -> bool {
        match self {
            Self::Host(granted) => granted == name,
            Self::Domain(domain) => name
                .strip_suffix(domain.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
            Self::Public | Self::Ip(_) | Self::Range(_) => false,
        }
    }

    /// Whether every host that `other` means is also meant here.
    fn covers(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        match (self, other) {
            // A name may resolve to a private address, but no line with a name opens that: both mean public hosts.
            (Self::Public, Self::Host(_) | Self::Domain(_)) => true,
            (Self::Public, Self::Ip(address)) => is_public(*address),
            (Self::Domain(_), Self::Host(name)) => self.has_name(name),
            (Self::Domain(outer), Self::Domain(inner)) => {
                inner.strip_suffix(outer.as_str()).is_some_and(|rest| rest.ends_with('.'))
            }
            (Self::Range(range), Self::Ip(address)) => range.contains(address),
            (Self::Range(outer), Self::Range(inner)) => outer.contains(inner),
            (Self::Ip(address), Self::Range(range)) => *range == IpNet::from(*address),
            _ => false,
        }
    }
}

impl Destination {
    /// Whether this destination permits everything that `other` means.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let ports = self.port.is_none() || self.port == other.port;
        ports && self.address.covers(&other.address)
    }

    fn has_port(&self, port: u16) -> bool {
        self.port.is_none_or(|granted| granted == port)
    }
}

impl FromStr for Destination {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        if text.contains("://") {
            return Err(NetworkError::Url(text.to_owned()));
        }
        let (address, port, bracketed) = split(text)?;
        let port = match port {
            "*" => None,
            digits => Some(parse_port(digits).ok_or_else(|| NetworkError::Port(digits.to_owned()))?),
        };
        let address: Address = address.parse()?;
        let v6 = matches!(&address, Address::Ip(IpAddr::V6(_)) | Address::Range(IpNet::V6(_)));
        if bracketed && !v6 {
            return Err(NetworkError::Address(text.to_owned()));
        }
        Ok(Self { address, port })
    }
}

/// Address, port, and whether the address stood in brackets.
fn split(text: &str) -> Result<(&str, &str, bool), NetworkError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or_else(|| NetworkError::Address(text.to_owned()))?;
        let port = port.strip_prefix(':').ok_or_else(|| NetworkError::NoPort(text.to_owned()))?;
        return Ok((address, port, true));
    }
    let (address, port) = text.rsplit_once(':').ok_or_else(|| NetworkError::NoPort(text.to_owned()))?;
    if address.contains(':') {
        return Err(NetworkError::Brackets(text.to_owned()));
    }
    Ok((address, port, false))
}

/// `u16::from_str` also takes `+443` and `0443`; two spellings of one port are one too many.
fn parse_port(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    plain.then(|| digits.parse().ok()).flatten()
}

impl FromStr for Address {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError::Address(text.to_owned());
        let mapped = |address: IpAddr| canonical(address) != address;
        if text == "*" {
            return Ok(Self::Public);
        }
        if let Some(domain) = text.strip_prefix("*.") {
            return Ok(Self::Domain(host_name(domain).ok_or_else(wrong)?));
        }
        if text.contains('/') {
            let range: IpNet = text.parse().map_err(|_| wrong())?;
            if mapped(range.network()) {
                return Err(NetworkError::Mapped(text.to_owned()));
            }
            if range.trunc() != range {
                return Err(NetworkError::HostBits { range, network: range.trunc() });
            }
            return Ok(Self::Range(range));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            let plain = !mapped(address);
            return plain.then_some(Self::Ip(address)).ok_or_else(|| NetworkError::Mapped(text.to_owned()));
        }
        let name = host_name(text).ok_or_else(wrong)?;
        if name == "localhost" || name.ends_with(".localhost") {
            return Err(NetworkError::Localhost(name));
        }
        Ok(Self::Host(name))
    }
}

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Destination {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Public => f.write_str("*")?,
            Address::Host(name) => f.write_str(name)?,
            Address::Domain(domain) => write!(f, "*.{domain}")?,
            Address::Ip(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            Address::Ip(address) => write!(f, "{address}")?,
            Address::Range(IpNet::V6(range)) => write!(f, "[{range}]")?,
            Address::Range(range) => write!(f, "{range}")?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => f.write_str(":*"),
        }
    }
}

/// An address written as a host: `10.1.2.3`, `::1` or `[::1]`.
fn host_address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

/// A name as it is compared: lower case, without the root's dot.
fn plain_name(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// A host name in lower case, or nothing: labels of letters, digits, `-` and `_`, 253 bytes at most. The last label is
/// no number: resolvers read `10.1` and `0x7f.1` as addresses.
fn host_name(text: &str) -> Option<String> {
    let label = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let name = plain_name(text);
    let last = name.rsplit('.').next()?;
    let hexadecimal = last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let number = hexadecimal || last.bytes().all(|byte| byte.is_ascii_digit());
    (!number && name.len() <= 253 && name.split('.').all(label)).then_some(name)
}

/// IPv4 in IPv6 clothes (`::ffff:127.0.0.1`) is IPv4: otherwise a range check could be walked around.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Whether an address is on the public internet. Everything else needs a line of its own, so that a name whose owner
/// points it at `127.0.0.1` or at a cloud's metadata service opens nothing.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match canonical(address) {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Azure's host answers there, with the machine's certificates and keys, although the address looks public.
const AZURE_WIRE_SERVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// IANA IPv4 special-purpose registry.
fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    !(v4 == AZURE_WIRE_SERVER
        || v4.is_loopback()
        || v4.is_private()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_documentation()
        || v4.is_multicast()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240)
}

/// IANA IPv6 special-purpose registry; addresses that carry an IPv4 address are judged by it.
fn is_public_v6(v6: Ipv6Addr) -> bool {
    let carried = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        // NAT64 (RFC 6052). The prefix for local use (64:ff9b:1::/48, RFC 8215) can lead anywhere: not public.
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => carried(high, low),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => carried(high, low),
        // Protocol assignments with Teredo and ORCHID (2001::/23), documentation.
        [0x2001, 0x0000..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x3fff, 0x0000..=0x0fff, ..] => false,
        // Only 2000::/3 is assigned to the public internet.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests;
