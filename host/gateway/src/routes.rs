//! HTTP requests: who sends them, and which protocol component answers.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tidegate_access::{Access, Refusal, WELL_KNOWN, peer as unix_peer, take};
use tidegate_audit::Event;
use tidegate_capability::{Admission, Rate};
use tidegate_grant::Principal;
use tidegate_router::{HttpError, Scheme};
use tidegate_supervisor::Component;
use tidegate_transport_http::{Body, BodyError, BoxBody, Handler, Peer};
use wasmtime_wasi_http::Error as WasiError;

use crate::Host;

/// A query parameter that some send tokens in. Addresses are written to logs and histories on the way.
const TOKEN_PARAMETER: &str = "access_token";

/// Refused credentials that are noted, a second and at once. Whoever sends bad ones without end must not fill the disk.
const NOTES_PER_SECOND: u32 = 10;
const NOTES_AT_ONCE: u32 = 100;

#[derive(Clone)]
pub(crate) struct Routes {
    host: Host,
    access: Option<Access>,
    /// The user that this process runs as.
    own: u32,
    /// How often it is noted that somebody was not let in.
    notes: Arc<Rate>,
}

impl Routes {
    pub(crate) fn new(host: Host, access: Option<Access>, own: u32) -> Self {
        Self { host, access, own, notes: Arc::new(Rate::new(NOTES_PER_SECOND, NOTES_AT_ONCE)) }
    }

    /// Who sends a request. Credentials are taken out of its headers, whoever it is: no component sees them.
    async fn principal(&self, peer: Peer, headers: &mut HeaderMap) -> Result<Principal, Refusal> {
        let secret = take(headers);
        match (peer, &self.access) {
            (Peer::Unix { uid, gid }, _) => unix_peer(&self.host.node.policy, uid, gid, self.own),
            (Peer::Network { .. }, None) => Ok(Principal::anonymous()),
            (Peer::Network { .. }, Some(access)) => access.bearer(secret?).await,
        }
    }

    fn refuse(&self, peer: Peer, refusal: &Refusal) -> Response<BoxBody<WasiError>> {
        // Every client comes once without anything, to hear where tokens are to be had: that is no event.
        if !matches!(refusal, Refusal::Nothing)
            && let Admission::Admitted { dropped } = self.notes.admit()
        {
            let more = match dropped {
                0 => String::new(),
                dropped => format!(" ({dropped} more before it were not noted)"),
            };
            let reason = format!("{}{more}", refusal.reason());
            self.host.node.audit.emit(Event::Unauthenticated { from: peer.to_string(), reason });
        }
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN);
        let mut response = text(status, format!("{refusal}\n"));
        let headers = response.headers_mut();
        let challenge = self.access.as_ref().and_then(|access| access.challenge(refusal));
        if let Some(challenge) = challenge.and_then(|challenge| HeaderValue::from_str(&challenge).ok()) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// The protected resource metadata, if this is one of its paths: the well-known one, and below it those of the resource
    /// and of every protocol component, because clients derive it from the address that they were given.
    fn metadata(&self, path: &str) -> Option<String> {
        let access = self.access.as_ref()?;
        let document = access.document()?;
        let below = path.strip_prefix(WELL_KNOWN)?;
        let resource: Option<http::Uri> = access.resource().and_then(|resource| resource.parse().ok());
        let is_resource = resource.is_some_and(|resource| resource.path() == below);
        (below.is_empty() || below == "/" || is_resource || self.find(below).is_some()).then(|| document.to_owned())
    }

    /// The protocol component for a path: one of the paths in its manifest is for it. Of two the one added first.
    fn find(&self, path: &str) -> Option<Arc<Component>> {
        let catalog = self.host.node.router.catalog();
        let answers = |component: &&Arc<Component>| {
            let http = component.manifest().and_then(|manifest| manifest.http.as_ref());
            http.is_some_and(|http| http.paths.iter().any(|own| is_for(own, path)))
        };
        catalog.components().iter().find(answers).cloned()
    }

    /// The paths that anybody answers, for people who took a wrong one.
    fn paths(&self) -> String {
        let catalog = self.host.node.router.catalog();
        let manifests = catalog.components().iter().filter_map(|component| component.manifest());
        let paths: Vec<_> =
            manifests.filter_map(|manifest| manifest.http.as_ref()).flat_map(|http| &http.paths).collect();
        match paths.as_slice() {
            [] => "no component serves HTTP".to_owned(),
            paths => paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", "),
        }
    }
}

impl Handler for Routes {
    type Error = WasiError;

    async fn handle(&self, peer: Peer, request: http::Request<Body>) -> Response<BoxBody<WasiError>> {
        let response = self.answer(peer, request).await;
        self.host.node.metrics.answered(response.status().as_u16());
        response
    }
}

impl Routes {
    async fn answer(&self, peer: Peer, mut request: http::Request<Body>) -> Response<BoxBody<WasiError>> {
        let path = request.uri().path();
        if path == "/healthz" {
            return text(StatusCode::OK, "ok\n");
        }
        if let Some(document) = self.metadata(path) {
            return match *request.method() {
                Method::GET | Method::HEAD => json(document),
                _ => text(StatusCode::METHOD_NOT_ALLOWED, "this is a document: GET\n"),
            };
        }
        // Before anything else is said: who is not known learns nothing about what is served.
        let principal = match self.principal(peer, request.headers_mut()).await {
            Ok(principal) => principal,
            Err(refusal) => return self.refuse(peer, &refusal),
        };
        if self.access.is_some() && has_token(request.uri().query()) {
            let why = "tokens come in the `Authorization` header, never in an address\n";
            return text(StatusCode::BAD_REQUEST, why);
        }
        let path = request.uri().path();
        // Counts name every component: they are for who may use them all.
        if path == "/metrics" && principal.may_use_every_tool() {
            return metrics(&self.host);
        }
        let Some(component) = self.find(path) else {
            return text(StatusCode::NOT_FOUND, format!("nothing is served at `{path}`; here are: {}\n", self.paths()));
        };
        let request = request.map(|body| body.map_err(body_error));
        let scheme = match peer {
            Peer::Network { tls: true, .. } => Scheme::Https,
            Peer::Network { tls: false, .. } | Peer::Unix { .. } => Scheme::Http,
        };
        match self.host.node.router.http(&component, principal, scheme, request).await {
            Ok(response) => response,
            Err(error) => failure(&error),
        }
    }
}

/// Whether a path of a manifest is for a path that a client asks for: the same, or everything below where it ends in `/*`.
fn is_for(own: &str, path: &str) -> bool {
    let below = own.strip_suffix('*').filter(|start| start.ends_with('/'));
    own == path || below.is_some_and(|start| path.len() > start.len() && path.starts_with(start))
}

/// Why a request's body ends early, in the component's words.
fn body_error(error: BodyError) -> WasiError {
    match error {
        BodyError::TooLarge { limit } => WasiError::HttpRequestBodySize(Some(limit)),
        BodyError::Stalled { .. } => WasiError::ConnectionReadTimeout,
        BodyError::Broken(source) => WasiError::Hyper(source),
    }
}

fn failure(error: &HttpError) -> Response<BoxBody<WasiError>> {
    if let HttpError::Excess(excess) = error {
        let mut response = text(StatusCode::TOO_MANY_REQUESTS, format!("{excess}\n"));
        // Whole seconds, and never at once: a client that waits for less asks in vain.
        let seconds = excess.retry.as_millis().div_ceil(1_000).max(1);
        if let Ok(value) = HeaderValue::try_from(seconds.to_string()) {
            response.headers_mut().insert(RETRY_AFTER, value);
        }
        return response;
    }
    if error.is_busy() {
        return text(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n"));
    }
    tracing::warn!(%error, "a request was not answered");
    text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))
}

/// Counts. Like `/healthz` it starts no component: it answers when all of them are busy.
fn metrics(host: &Host) -> Response<BoxBody<WasiError>> {
    let mut response = text(StatusCode::OK, host.metrics());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(tidegate_metrics::CONTENT_TYPE));
    response
}

fn text(status: StatusCode, text: impl Into<String>) -> Response<BoxBody<WasiError>> {
    let body = Full::new(bytes::Bytes::from(text.into())).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let plain = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, plain);
    response
}

fn json(document: String) -> Response<BoxBody<WasiError>> {
    let mut response = text(StatusCode::OK, document);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Whether a query has a token in it, however its name is written.
fn has_token(query: Option<&str>) -> bool {
    let names = query.into_iter().flat_map(|query| query.split('&')).filter_map(|pair| pair.split('=').next());
    names.into_iter().any(|name| {
        let plain = name.replace("%5F", "_").replace("%5f", "_").to_ascii_lowercase();
        plain == TOKEN_PARAMETER
    })
}

#[cfg(test)]
mod tests {
    use super::is_for;

    #[test]
    fn a_path_is_for_itself_or_for_what_is_below() {
        let fits = [("/serve", "/serve"), ("/serve/*", "/serve/a"), ("/serve/*", "/serve/a/b"), ("/*", "/a")];
        let others = [("/serve", "/serve/"), ("/serve", "/serve/a"), ("/serve/*", "/serve"), ("/serve/*", "/serve/")];
        let more = [("/serve/*", "/server/a"), ("/serve*", "/serve/a"), ("/*", "/")];
        for (own, path) in fits {
            assert!(is_for(own, path), "{own} {path}");
        }
        for (own, path) in others.into_iter().chain(more) {
            assert!(!is_for(own, path), "{own} {path}");
        }
    }
}
