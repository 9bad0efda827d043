//! One request and its answer: redirects, challenges, retries, bounds.

use std::sync::PoisonError;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue,
    LOCATION, RETRY_AFTER, USER_AGENT,
};
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::{sleep, timeout};

use crate::auth::Authorization;
use crate::client::Client;
use crate::connect;
use crate::error::TransportError;
use crate::reach::Reach;
use crate::url::{Origin, Url};

/// From a request to the head of its answer. A registry hashes a large upload before it answers.
const ANSWER: Duration = Duration::from_secs(120);
/// Longest silence in a body.
const SILENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer's head.
const HEAD: usize = 64 << 10;
/// Header fields of an answer.
const MAX_HEADERS: usize = 128;
/// Redirects of one request: a registry sends to its storage, seldom twice.
const MAX_REDIRECTS: usize = 5;
/// Attempts at what may be repeated.
const ATTEMPTS: u32 = 4;
/// Rest before the second attempt; doubled before each further one.
const REST: Duration = Duration::from_millis(250);
/// Longest rest that a registry may ask for.
const MAX_REST: Duration = Duration::from_secs(10);
/// Bytes of an error's body.
const MAX_ERROR_BYTES: u64 = 16 << 10;

/// A connection that waits for its next request, and how far inside it leads.
pub(crate) struct Idle {
    sender: SendRequest<Full<Bytes>>,
    reach: Reach,
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Bytes,
    pub(crate) authorization: Option<Authorization>,
    /// What it is for, if the registry asks for a token.
    pub(crate) scope: Option<String>,
}

/// The head of an answer, and its body to come.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    host: String,
}

impl Request {
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: Vec::new(), body: Bytes::new(), authorization: None, scope: None }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn scope(mut self, scope: String) -> Self {
        self.scope = Some(scope);
        self
    }

    fn is_reading(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

impl Client {
    /// Sends a request and follows where it leads. What only reads is tried again when the network or the registry
    /// stumbles; any status but a redirect or a challenge is the caller's to judge.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, TransportError> {
        let mut rest = REST;
        for attempt in 1.. {
            let answer = self.follow(request.clone()).await;
            let last = attempt >= ATTEMPTS || !(request.is_reading() || is_busy(&answer));
            let wait = match &answer {
                Ok(answer) if is_worth_another(answer.status) => answer.retry_after().unwrap_or(rest),
                Err(
                    TransportError::Connect { .. } | TransportError::Broken { .. } | TransportError::Timeout { .. },
                ) => rest,
                _ => return answer,
            };
            if last {
                return answer;
            }
            tracing::debug!(host = request.url.origin.shown(), attempt, "trying again");
            sleep(wait.min(MAX_REST)).await;
            rest *= 2;
        }
        self.follow(request).await
    }

    async fn follow(&self, mut request: Request) -> Result<Answer, TransportError> {
        let home = request.url.origin.clone();
        let scope = request.scope.clone().unwrap_or_default();
        request.authorization = self.known_authorization(&home, &scope);
        let mut challenged = false;
        let mut redirects = 0;
        loop {
            let away = request.url.origin != home;
            let answer = self.once(&request, away.then_some(&home)).await?;
            if answer.status == StatusCode::UNAUTHORIZED && !challenged && !away {
                challenged = true;
                if let Some(authorization) = self.authorize(&home, &scope, &answer.headers).await? {
                    request.authorization = Some(authorization);
                    continue;
                }
            }
            if !(answer.status.is_redirection() && request.is_reading() && answer.headers.contains_key(LOCATION)) {
                return Ok(answer);
            }
            redirects += 1;
            let to = answer.header(&LOCATION).to_owned();
            let refused = |why| TransportError::Redirect { from: request.url.origin.shown(), to: to.clone(), why };
            if redirects > MAX_REDIRECTS {
                return Err(refused("it leads in circles"));
            }
            request.url = request.url.join(&to).map_err(refused)?;
            if request.url.origin != home {
                // The registry's storage has no business with the password for the registry.
                request.authorization = None;
            }
        }
    }

    /// One request, one answer. `home`: the registry that sends us there, if it is not the registry itself.
    pub(crate) async fn once(&self, request: &Request, home: Option<&Origin>) -> Result<Answer, TransportError> {
        let origin = &request.url.origin;
        let host = origin.shown();
        let mut from = None;
        match home {
            Some(home) if home != origin => {
                if home.tls && !origin.tls {
                    return Err(TransportError::Downgrade { from: home.shown(), to: host });
                }
                let reach = self.session(&home.registry, |session| session.reach).unwrap_or(Reach::Public);
                from = Some((reach, home.shown()));
            }
            _ => self.check_plain(origin)?,
        }
        let message = build(request, &host)?;
        // A connection that waited may just have been closed: reading is tried again then, writing begins with a new one.
        let used = request.is_reading();
        let from = from.as_ref().map(|(reach, home)| (*reach, home.as_str()));
        let (mut sender, reach) = self.sender(origin, from, used).await?;
        if home.is_none() {
            self.session(&origin.registry, |session| session.reach = Some(reach));
        }
        let sent = timeout(ANSWER, sender.send_request(message)).await;
        let sent = sent.map_err(|_| TransportError::Timeout { host: host.clone(), seconds: ANSWER.as_secs() })?;
        let answer = sent.map_err(|source| TransportError::Broken { host: host.clone(), source })?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).insert(origin.clone(), Idle { sender, reach });
        let (head, body) = answer.into_parts();
        let answer = Answer { status: head.status, headers: head.headers, body, host };
        let encoding = answer.header(&CONTENT_ENCODING);
        if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
            return Err(TransportError::Encoding { host: answer.host.clone(), encoding: encoding.to_owned() });
        }
        Ok(answer)
    }

    /// A connection: one that waits, or a new one.
    async fn sender(
        &self,
        origin: &Origin,
        from: Option<(Reach, &str)>,
        used: bool,
    ) -> Result<(SendRequest<Full<Bytes>>, Reach), TransportError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).remove(origin);
        if let Some(mut idle) = idle.filter(|_| used)
            && from.is_none_or(|(reach, _)| reach.may_lead_to(idle.reach))
            && idle.sender.is_ready()
            && idle.sender.ready().await.is_ok()
        {
            return Ok((idle.sender, idle.reach));
        }
        let (stream, reach) = connect::connect(origin, &self.tls, from).await?;
        let handshake =
            http1::Builder::new().max_buf_size(HEAD).max_headers(MAX_HEADERS).handshake(TokioIo::new(stream));
        let broken = |source| TransportError::Broken { host: origin.shown(), source };
        let (sender, connection) = handshake.await.map_err(broken)?;
        tokio::spawn(connection);
        Ok((sender, reach))
    }
}

fn build(request: &Request, host: &str) -> Result<http::Request<Full<Bytes>>, TransportError> {
    let wrong = |what: String| TransportError::Protocol { host: host.to_owned(), what };
    let mut message = http::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = request.url.path.parse().map_err(|_| wrong("it names an address that is none".to_owned()))?;
    let headers = message.headers_mut();
    let mut put = |name: HeaderName, value: &str| -> Result<(), TransportError> {
        let value =
            HeaderValue::from_str(value).map_err(|_| wrong(format!("`{name}` would have control characters")))?;
        headers.insert(name, value);
        Ok(())
    };
    put(HOST, host)?;
    put(USER_AGENT, concat!("tidegate/", env!("CARGO_PKG_VERSION")))?;
    // What is fetched is compared with a digest: the bytes themselves, nothing to unpack.
    put(ACCEPT_ENCODING, "identity")?;
    if !request.is_reading() {
        put(CONTENT_LENGTH, &request.body.len().to_string())?;
    }
    for (name, value) in &request.headers {
        put(name.clone(), value)?;
    }
    if let Some(authorization) = &request.authorization {
        put(AUTHORIZATION, &authorization.0)?;
    }
    if !request.headers.iter().any(|(name, _)| *name == ACCEPT) {
        put(ACCEPT, "*/*")?;
    }
    Ok(message)
}

/// Whether nothing was done, so that also what writes may be tried again.
fn is_busy(answer: &Result<Answer, TransportError>) -> bool {
    match answer {
        Ok(answer) => matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE),
        Err(error) => matches!(error, TransportError::Connect { .. }),
    }
}

fn is_worth_another(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

// === impl Answer ===

impl Answer {
    pub(crate) fn header(&self, name: &HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    fn retry_after(&self) -> Option<Duration> {
        self.header(&RETRY_AFTER).parse().ok().map(Duration::from_secs)
    }

    /// A good answer, or what the registry says.
    pub(crate) async fn checked(self) -> Result<Self, TransportError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let (status, host) = (self.status, self.host.clone());
        let message = self.bytes(MAX_ERROR_BYTES).await.map(|body| said(&body)).unwrap_or_default();
        Err(match status {
            StatusCode::UNAUTHORIZED => TransportError::Unauthorized { host, message },
            StatusCode::FORBIDDEN => TransportError::Denied { host, message },
            StatusCode::NOT_FOUND => TransportError::NotFound { host, message },
            status => TransportError::Status { host, status: status.as_u16(), message },
        })
    }

    /// The next piece of the body; nothing at its end.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, TransportError> {
        loop {
            let frame = timeout(SILENCE, self.body.frame()).await;
            let silent = |_| TransportError::Timeout { host: self.host.clone(), seconds: SILENCE.as_secs() };
            match frame.map_err(silent)? {
                None => return Ok(None),
                Some(Err(source)) => return Err(TransportError::Broken { host: self.host.clone(), source }),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// The whole body, at most `max` bytes.
    pub(crate) async fn bytes(mut self, max: u64) -> Result<Bytes, TransportError> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.piece().await? {
            if u64::try_from(all.len() + piece.len()).unwrap_or(u64::MAX) > max {
                return Err(TransportError::TooBig { host: self.host.clone(), max });
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

/// What a registry says is wrong: text of somebody else, for a terminal.
fn said(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let error = json.as_ref().and_then(|json| json.get("errors")?.get(0));
    let text = |key: &str| error.and_then(|error| error.get(key)?.as_str()).unwrap_or_default();
    let (code, message) = (text("code"), text("message"));
    let whole = if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") };
    whole.chars().filter(|letter| !letter.is_control()).take(600).collect()
}

#[cfg(test)]
mod tests;
