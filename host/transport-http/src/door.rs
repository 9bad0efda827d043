//! Who may come in: `Host`, `Origin` and preflight requests.
//!
//! A page in a browser on this machine can send requests to any port of it. Two headers say so, and the page cannot
//! forge them: `Origin` names the page, and `Host` is the page's own name when its DNS was pointed at us (rebinding).

use std::collections::BTreeSet;
use std::net::SocketAddr;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, HOST, HeaderName, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

/// Seconds for which a browser may remember a preflight; browsers cap it at two hours.
const PREFLIGHT_SECONDS: &str = "7200";

/// Asked by browsers before a public page may reach a private address (Private Network Access).
const REQUEST_PRIVATE: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// The hosts and origins that are allowed, beyond those of the address we listen on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// Names that clients may reach us by, compared whole and without regard to case: `gateway.example.com` with every
    /// port, `gateway.example.com:8443` with that one. Setting `http.allowed-hosts`.
    pub hosts: Vec<String>,
    /// Origins of pages that may talk to us, compared whole: `https://app.example.com`. Setting `http.allowed-origins`.
    pub origins: Vec<String>,
}

/// What a server allows, ready to be compared.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// Whoever comes in by a Unix socket does not come from a page.
    any_host: bool,
    hosts: BTreeSet<String>,
    origins: BTreeSet<String>,
}

/// A request that may go on to the handler.
#[derive(Debug)]
pub(crate) struct Pass {
    /// The page it came from, if a browser sent it.
    origin: Option<HeaderValue>,
}

/// An answer of the door itself.
pub(crate) type Refusal = Box<Response<String>>;

// === impl Door ===

impl Door {
    /// `listen`, `localhost`, `127.0.0.1` and `[::1]` with the port of `listen`, and what `allow` adds. None: a Unix socket.
    pub(crate) fn new(listen: Option<SocketAddr>, allow: &Allow) -> Self {
        let Some(listen) = listen else {
            let origins = allow.origins.iter().map(|origin| origin.to_ascii_lowercase()).collect();
            return Self { any_host: true, hosts: BTreeSet::new(), origins };
        };
        let port = listen.port();
        let mut own: Vec<String> =
            ["localhost", "127.0.0.1", "[::1]"].iter().map(|host| format!("{host}:{port}")).collect();
        // `0.0.0.0` is no name that an honest client uses, and one that a page can.
        if !listen.ip().is_unspecified() {
            own.push(listen.to_string());
        }
        // The port that a scheme implies is left away by clients.
        if let (80, suffix) | (443, suffix) = (port, format!(":{port}")) {
            own.extend(own.clone().iter().map(|host| host.trim_end_matches(&suffix).to_owned()));
        }
        let origins = own.iter().flat_map(|host| [format!("http://{host}"), format!("https://{host}")]);
        Self {
            any_host: false,
            origins: origins.chain(allow.origins.iter().map(|origin| origin.to_ascii_lowercase())).collect(),
            hosts: own.iter().chain(&allow.hosts).map(|host| host.to_ascii_lowercase()).collect(),
        }
    }

    /// Lets a request pass, or answers it.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<Pass, Refusal> {
        self.check_host(request)?;
        let origin = self.check_origin(request.headers())?;
        if request.method() == Method::OPTIONS
            && let (Some(origin), Some(method)) = (&origin, request.headers().get(ACCESS_CONTROL_REQUEST_METHOD))
        {
            return Err(preflight(origin, method, request.headers()));
        }
        Ok(Pass { origin })
    }

    fn check_host<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let mut hosts = request.headers().get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(refuse(StatusCode::BAD_REQUEST, "exactly one `Host` header is needed\n"));
        };
        let target = request.uri().authority().map(|authority| authority.as_str().as_bytes());
        for name in [Some(host.as_bytes()), target].into_iter().flatten() {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            if !self.any_host && !self.knows(&name) {
                let text = format!(
                    "the host `{}` is not allowed here; to allow it, add its name to `allowed-hosts` in the section \
                     `[http]` of the configuration\n",
                    printable(&name)
                );
                return Err(refuse(StatusCode::FORBIDDEN, text));
            }
        }
        Ok(())
    }

    fn knows(&self, host: &str) -> bool {
        // A name may be allowed with every port; `[::1]` has colons of its own.
        let bare = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        self.hosts.contains(host) || bare.is_some_and(|(name, _)| self.hosts.contains(name))
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
        let mut allowed = None;
        for origin in headers.get_all(ORIGIN) {
            let name = String::from_utf8_lossy(origin.as_bytes()).to_ascii_lowercase();
            if !self.origins.contains(&name) {
                let text = format!(
                    "the origin `{}` is not allowed here; to allow it, add it to `allowed-origins` in the section \
                     `[http]` of the configuration\n",
                    printable(&name)
                );
                return Err(refuse(StatusCode::FORBIDDEN, text));
            }
            allowed = Some(origin.clone());
        }
        Ok(allowed)
    }
}

// === impl Pass ===

impl Pass {
    /// Tells the browser that the page may read the answer, unless the handler said something about it.
    pub(crate) fn stamp(self, headers: &mut HeaderMap) {
        let Some(origin) = self.origin else { return };
        headers.append(VARY, HeaderValue::from_static("origin"));
        if !headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.entry(ACCESS_CONTROL_EXPOSE_HEADERS).or_insert(HeaderValue::from_static("*"));
        }
    }
}

fn preflight(origin: &HeaderValue, method: &HeaderValue, asked: &HeaderMap) -> Refusal {
    let mut response = Box::new(Response::new(String::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    if asked.contains_key(REQUEST_PRIVATE) {
        headers.insert(ALLOW_PRIVATE, HeaderValue::from_static("true"));
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_SECONDS));
    headers.insert(VARY, HeaderValue::from_static("origin, access-control-request-headers"));
    response
}

/// A plain text for people.
pub(crate) fn refuse(status: StatusCode, text: impl Into<String>) -> Refusal {
    let mut response = Box::new(Response::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The beginning of a header's value as it may stand in a text.
fn printable(text: &str) -> String {
    text.chars().take(100).flat_map(char::escape_default).collect()
}
