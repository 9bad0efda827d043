//! Where a request wants to go, and whether the grant lets it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use tidegate_capability::quoted;
use tidegate_grant::{Address, Destination, NetworkGrant, Origin};
use tokio::time::timeout;
use wasmtime_wasi_http::Error;

use crate::Component;

const INTERFACE: &str = "wasi:http/outgoing-handler";
/// Addresses of one name that are tried. A name with thousands would keep the host busy.
const MAX_ADDRESSES: usize = 8;

/// Where a request wants to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) tls: bool,
    /// As the component wrote it: a name, or an address (IPv6 without brackets).
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Target {
    /// Reads scheme and authority. User names in an authority are refused: they only serve to make one host look like
    /// another (`https://granted.example@attacker.example/`).
    pub(crate) fn of(uri: &Uri) -> Result<Self, Error> {
        let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
        if authority.as_str().contains('@') {
            return Err(Error::HttpRequestUriInvalid);
        }
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(Error::HttpProtocolError),
        };
        let written = authority.host();
        let bare = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(written);
        let rest = authority.as_str().strip_prefix(written).ok_or(Error::HttpRequestUriInvalid)?;
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            Some("") => None,
            Some(digits) => Some(digits.parse::<u16>().map_err(|_| Error::HttpRequestUriInvalid)?),
            None => return Err(Error::HttpRequestUriInvalid),
        };
        if bare.is_empty() || port == Some(0) {
            return Err(Error::HttpRequestUriInvalid);
        }
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { tls, host: bare.to_owned(), port })
    }

    /// The addresses that the grant permits, resolved once, in the order of the resolver. Refusals are audited with the
    /// line that would permit them.
    pub(crate) async fn addresses(&self, component: &Component, wait: Duration) -> Result<Vec<SocketAddr>, Error> {
        let grant = &component.grant.network;
        let resolved = match self.host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, self.port)],
            Err(_) => {
                if !grant.may_resolve(&self.host, self.port) {
                    self.deny(component, "is not granted", &self.by_name());
                    return Err(Error::HttpRequestDenied);
                }
                self.resolve(wait).await?
            }
        };
        let permitted = |address: &&SocketAddr| grant.permits(&self.host, self.port, address.ip()).is_some();
        let permitted: Vec<_> = resolved.iter().filter(permitted).copied().take(MAX_ADDRESSES).collect();
        match resolved.first() {
            None => Err(Error::DestinationNotFound),
            Some(first) if permitted.is_empty() => {
                let (why, line) = self.advice(first.ip());
                self.deny(component, &why, &line);
                Err(Error::DestinationIpProhibited)
            }
            Some(_) => Ok(permitted),
        }
    }

    async fn resolve(&self, wait: Duration) -> Result<Vec<SocketAddr>, Error> {
        match timeout(wait, tokio::net::lookup_host((self.host.as_str(), self.port))).await {
            Err(_) => Err(Error::DnsTimeout),
            Ok(Err(error)) => {
                tracing::debug!(host = self.host, %error, "a name does not resolve");
                Err(Error::DnsError { rcode: Some(error.to_string()), info_code: None })
            }
            Ok(Ok(found)) => Ok(found.collect()),
        }
    }

    /// Why an address is refused, and the line that would permit it.
    fn advice(&self, address: IpAddr) -> (String, String) {
        let by_name = self.by_name();
        let literal = self.host.parse::<IpAddr>().is_ok();
        // Asked of the grant itself, so that this text and the check never differ.
        let origin = Origin { file: "".into(), line: 0 };
        let named = by_name.parse::<Destination>().ok().map(|named| NetworkGrant { connect: vec![(named, origin)] });
        match named {
            Some(named) if named.permits(&self.host, self.port, address).is_some() => {
                ("is not granted".to_owned(), by_name)
            }
            _ if literal => ("is not granted".to_owned(), self.by_address(address)),
            _ => {
                let why =
                    format!("resolves to {address}, which is not a public address, so that it needs a line of its own");
                (why, self.by_address(address))
            }
        }
    }

    /// The destination as the component wrote it.
    fn by_name(&self) -> String {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return self.by_address(address);
        }
        let host = self.host.trim_end_matches('.').to_ascii_lowercase();
        Destination { address: Address::Host(host), port: Some(self.port) }.to_string()
    }

    fn by_address(&self, address: IpAddr) -> String {
        Destination { address: Address::Host(address.to_canonical().to_string()), port: Some(self.port) }.to_string()
    }

    fn deny(&self, component: &Component, why: &str, line: &str) {
        let wanted = quoted(&self.by_name());
        let reason = format!("{wanted} {why}; this line would permit it: network = [{}]", quoted(line));
        component.denials.write(INTERFACE, &wanted, &reason);
    }
}
