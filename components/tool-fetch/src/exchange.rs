//! A request, its redirects and the answer as a result.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tidegate_sdk::http::{Answer, HttpError, Request, Url};
use tidegate_sdk::prelude::*;

use crate::text;

/// What the caller chose, within bounds.
pub(crate) struct Options {
    pub(crate) max_bytes: usize,
    pub(crate) max_chars: usize,
    pub(crate) skip_chars: usize,
    pub(crate) timeout: Duration,
    pub(crate) max_redirects: u32,
    pub(crate) raw: bool,
}

/// Headers of an answer that help a model; the rest is noise.
const SHOWN_HEADERS: [&str; 9] = [
    "content-type",
    "content-length",
    "content-language",
    "last-modified",
    "etag",
    "cache-control",
    "location",
    "retry-after",
    "www-authenticate",
];

/// An answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Fetched {
    /// HTTP status.
    pub(crate) status: u16,
    /// The URL that answered, after redirects.
    pub(crate) url: String,
    /// URLs that redirected, in order.
    pub(crate) redirects: Vec<String>,
    /// Headers of the answer, the useful ones.
    pub(crate) headers: BTreeMap<String, String>,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    /// Bytes of the body that were read.
    pub(crate) bytes: usize,
    /// The body was longer than `max_bytes`.
    pub(crate) truncated: bool,
    /// `skip_chars` to read on with; absent at the end of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_skip_chars: Option<usize>,
}

pub(crate) fn run(
    method: &str,
    mut url: Url,
    headers: &BTreeMap<String, String>,
    body: Vec<u8>,
    options: &Options,
    mut send: impl FnMut(Request) -> Result<Answer, HttpError>,
) -> Result<Structured<Fetched>, ToolError> {
    let first = url.clone();
    let started = Instant::now();
    let (mut method, mut body) = (method.to_owned(), body);
    let mut redirects = Vec::new();
    loop {
        let left = options.timeout.saturating_sub(started.elapsed());
        let request = request(&method, &url, &first, headers, &body).max_bytes(options.max_bytes).timeout(left);
        let answer = send(request).map_err(|error| explain(&url, &redirects, error))?;
        let location = answer.header("location").filter(|_| matches!(answer.status, 301 | 302 | 303 | 307 | 308));
        let Some(location) = location.filter(|_| options.max_redirects > 0) else {
            return Ok(result(answer, &url, redirects, options));
        };
        if redirects.len() >= options.max_redirects as usize {
            let hops = redirects.join(" -> ");
            return Err(ToolError::failed(format!("more than {} redirects: {hops} -> {url}", options.max_redirects)));
        }
        redirects.push(url.to_string());
        let next = url.join(location);
        url = next.map_err(|error| ToolError::failed(format!("`{url}` redirects to no web address: {error}")))?;
        // As browsers do: 303 always, 301 and 302 after a POST (RFC 9110, section 15.4).
        if answer.status == 303 || (method == "POST" && matches!(answer.status, 301 | 302)) {
            method = if method == "HEAD" { method } else { String::from("GET") };
            body = Vec::new();
        }
    }
}

/// The caller's headers may hold a key that is meant for one host.
fn request(method: &str, url: &Url, first: &Url, headers: &BTreeMap<String, String>, body: &[u8]) -> Request {
    let mut request = Request::new(method, url.clone()).body(body);
    let has = |name: &str| headers.keys().any(|known| known.eq_ignore_ascii_case(name));
    if !has("user-agent") {
        request = request.header("user-agent", concat!("tidegate-tool-fetch/", env!("CARGO_PKG_VERSION")));
    }
    if !has("accept") {
        request = request.header("accept", "text/html, application/json, text/*;q=0.9, */*;q=0.5");
    }
    for (name, value) in headers {
        let about_body = name.eq_ignore_ascii_case("content-type") && !body.is_empty();
        let harmless = name.eq_ignore_ascii_case("accept") || name.eq_ignore_ascii_case("user-agent") || about_body;
        let dropped = name.eq_ignore_ascii_case("content-type") && body.is_empty();
        if !dropped && (harmless || url.same_origin(first)) {
            request = request.header(name, value.as_str());
        }
    }
    request
}

fn explain(url: &Url, redirects: &[String], error: HttpError) -> ToolError {
    let via =
        if redirects.is_empty() { String::new() } else { format!(" (redirected from {})", redirects.join(" -> ")) };
    match error {
        HttpError::Cancelled => ToolError::Cancelled,
        error @ HttpError::Invalid(_) => ToolError::invalid("headers", error),
        error => ToolError::failed(format!("fetching `{url}`{via} failed: {error}")),
    }
}

fn result(answer: Answer, url: &Url, redirects: Vec<String>, options: &Options) -> Structured<Fetched> {
    let kind = answer.header("content-type").unwrap_or_default().to_owned();
    let headers: BTreeMap<String, String> =
        SHOWN_HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), answer.header(name)?.to_owned()))).collect();
    let whole = text::readable(&answer.body, &kind, options.raw);
    let (shown, next_skip_chars) = match &whole {
        None => (None, None),
        Some(whole) => {
            let (part, next) = text::part(whole, options.skip_chars, options.max_chars);
            (Some(part), next)
        }
    };
    let fetched = Fetched {
        status: answer.status,
        url: url.to_string(),
        redirects,
        headers,
        text: shown,
        bytes: answer.body.len(),
        truncated: answer.truncated,
        next_skip_chars,
    };
    let line = render(&fetched, &kind);
    Structured::new(fetched).text(line)
}

fn render(fetched: &Fetched, kind: &str) -> String {
    let mut head = format!("{} {}", fetched.status, fetched.url);
    if !kind.is_empty() {
        head.push_str(&format!(" ({kind})"));
    }
    if !fetched.redirects.is_empty() {
        head.push_str(&format!("\nredirected from {}", fetched.redirects.join(" -> ")));
    }
    if fetched.truncated {
        head.push_str(&format!("\nonly the first {} bytes were read", fetched.bytes));
    }
    match &fetched.text {
        Some(text) => head.push_str(&format!("\n\n{text}")),
        None => head.push_str(&format!("\n{} bytes that are no text", fetched.bytes)),
    }
    if let Some(next) = fetched.next_skip_chars {
        head.push_str(&format!("\n\n[read on with skip_chars {next}]"));
    }
    head
}
