//! Where a component may connect to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

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
    /// Exactly this name, or this address.
    Host(String),
    /// Any name below this domain, not the domain itself: `*.example.com`.
    Domain(String),
    /// Any address in this range, also when a name resolves to it.
    Range(IpNet),
}

/// A destination: `example.com:443`, `*.example.com:443`, `10.1.0.0/16:1883`, `[fd00::/8]:443`, `example.com:*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Name, domain or range.
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
    #[error("`{0}` is neither a host name, nor `*.` and a domain, nor an address range such as `10.0.0.0/8`")]
    Address(String),
}

impl NetworkGrant {
    /// Whether a connection to `host` (as the component wrote it, without port) on `port` may be made at the address
    /// `resolved`, and by which line.
    ///
    /// A name is granted by an exact name or a domain; then a resolved address that is loopback, private, link-local,
    /// metadata or otherwise not public also needs a line that names the address or a range with it. An address that
    /// the component wrote itself needs a line that names it or a range with it.
    #[must_use]
    pub fn permits(&self, host: &str, port: u16, resolved: IpAddr) -> Option<&Origin> {
        let resolved = canonical(resolved);
        let by_range = self
            .connect
            .iter()
            .find(|(destination, _)| destination.has_port(port) && destination.has_address(resolved));
        if host_address(host).is_some() {
            return by_range.map(|(_, origin)| origin);
        }
        let by_name = self.permits_name(host, port);
        if is_public(resolved) {
            by_name.or(by_range.map(|(_, origin)| origin))
        } else {
            by_range.map(|(_, origin)| origin)
        }
    }

    /// Whether a name is granted before it is resolved, and by which line. Ranges are not looked at.
    #[must_use]
    pub fn permits_name(&self, host: &str, port: u16) -> Option<&Origin> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.connect
            .iter()
            .find(|(destination, _)| destination.has_port(port) && destination.has_name(&host))
            .map(|(_, origin)| origin)
    }

    /// Whether a name must be resolved at all: it is granted by name, or some range is granted on that port.
    #[must_use]
    pub fn may_resolve(&self, host: &str, port: u16) -> bool {
        self.permits_name(host, port).is_some()
            || self
                .connect
                .iter()
                .any(|(destination, _)| destination.has_port(port) && matches!(destination.address, Address::Range(_)))
    }
}

impl Destination {
    fn has_port(&self, port: u16) -> bool {
        self.port.is_none_or(|granted| granted == port)
    }

    fn has_name(&self, host: &str) -> bool {
        match &self.address {
            Address::Host(name) => name == host,
            Address::Domain(domain) => host
                .strip_suffix(domain.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
            Address::Range(_) => false,
        }
    }

    fn has_address(&self, address: IpAddr) -> bool {
        match &self.address {
            Address::Host(name) => host_address(name).is_some_and(|granted| canonical(granted) == address),
            Address::Domain(_) => false,
            Address::Range(range) => range.contains(&address),
        }
    }
}

impl FromStr for Destination {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
            Some(parts) => parts,
            None => text.rsplit_once(':').ok_or_else(|| NetworkError::NoPort(text.to_owned()))?,
        };
        let port = match port {
            "*" => None,
            digits => match digits.parse::<u16>() {
                Ok(port) if port > 0 => Some(port),
                _ => return Err(NetworkError::Port(digits.to_owned())),
            },
        };
        let wrong = || NetworkError::Address(address.to_owned());
        let address = if let Some(domain) = address.strip_prefix("*.") {
            Address::Domain(host_name(domain).ok_or_else(wrong)?)
        } else if address.contains('/') {
            Address::Range(address.parse().map_err(|_| wrong())?)
        } else if host_address(address).is_some() {
            Address::Host(address.to_ascii_lowercase())
        } else {
            Address::Host(host_name(address).ok_or_else(wrong)?)
        };
        Ok(Self { address, port })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Host(name) if name.contains(':') => write!(f, "[{name}]")?,
            Address::Host(name) => f.write_str(name)?,
            Address::Domain(domain) => write!(f, "*.{domain}")?,
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

/// A host name in lower case, or nothing: labels of letters, digits, `-` and `_`, 253 bytes at most.
fn host_name(text: &str) -> Option<String> {
    let label = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let text = text.trim_end_matches('.');
    (text.len() <= 253 && text.split('.').all(label)).then(|| text.to_ascii_lowercase())
}

/// IPv4 in IPv6 clothes (`::ffff:127.0.0.1`) is IPv4: otherwise a range check could be walked around.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Whether an address is on the public internet. Everything else needs a line of its own, so that a name whose owner
/// points it at `127.0.0.1` or at a cloud's metadata service opens nothing.
#[must_use]
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// IANA IPv4 special-purpose registry.
fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    !(v4.is_loopback()
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
    let [s0, s1, _, _, _, _, s6, s7] = v6.segments();
    let carried = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (s0, s1) {
        // NAT64 (RFC 6052) and 6to4 (RFC 3056).
        (0x0064, 0xff9b) => carried(s6, s7),
        (0x2002, high) => carried(high, v6.segments().get(2).copied().unwrap_or(0)),
        (0x2001, 0x0000..=0x01ff) | (0x2001, 0x0db8) | (0x3fff, 0x0000..=0x0fff) => false,
        // Only 2000::/3 is assigned to the public internet.
        _ => s0 & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests;
