//! Web pages and APIs over HTTP, as text that a model can read.

mod exchange;
mod text;

use std::time::Duration;

use exchange::{Fetched, Options};
use tidegate_sdk::http::{Request, Url};
use tidegate_sdk::prelude::*;

/// Fetches a web page or an API's answer by GET or HEAD. HTML becomes readable text, JSON is indented, other text is given
/// as it is; bytes that are no text are only described. Policy decides which hosts can be reached.
#[derive(Deserialize, JsonSchema)]
struct FetchUrl {
    /// An `https:` or `http:` URL.
    url: String,
    /// `HEAD` gives status and headers only.
    #[serde(default)]
    method: Method,
    /// Request headers: `{"accept": "application/json"}`. Sent only to the host of `url`, not after a redirect to another.
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    /// Bytes of the answer to read, 1 to 5242880. Default: 1048576.
    #[serde(default)]
    max_bytes: Option<usize>,
    /// Characters of text to give, 1 to 1000000. Default: 50000.
    #[serde(default)]
    max_chars: Option<usize>,
    /// Characters of text to pass over: to read on in a long page.
    #[serde(default)]
    skip_chars: usize,
    /// Seconds for everything, 1 to 60. Default: 20.
    #[serde(default)]
    timeout_seconds: Option<u64>,
    /// Redirects to follow, 0 to 10. Default: 5.
    #[serde(default)]
    max_redirects: Option<u32>,
    /// Give HTML as it came.
    #[serde(default)]
    raw: bool,
}

/// Posts to an API and gives the answer. It may change something at the other end.
#[derive(Deserialize, JsonSchema)]
struct PostUrl {
    /// An `https:` or `http:` URL.
    url: String,
    /// The body.
    body: String,
    /// Media type of the body. Default: `application/json`.
    #[serde(default)]
    content_type: Option<String>,
    /// Request headers: `{"accept": "application/json"}`. Sent only to the host of `url`, not after a redirect to another.
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    /// Bytes of the answer to read, 1 to 5242880. Default: 1048576.
    #[serde(default)]
    max_bytes: Option<usize>,
    /// Characters of text to give, 1 to 1000000. Default: 50000.
    #[serde(default)]
    max_chars: Option<usize>,
    /// Characters of text to pass over: to read on in a long page.
    #[serde(default)]
    skip_chars: usize,
    /// Seconds for everything, 1 to 60. Default: 20.
    #[serde(default)]
    timeout_seconds: Option<u64>,
    /// Redirects to follow, 0 to 10. Default: 5.
    #[serde(default)]
    max_redirects: Option<u32>,
    /// Give HTML as it came.
    #[serde(default)]
    raw: bool,
}

/// Reading methods.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    /// Fetch.
    #[default]
    Get,
    /// Headers only.
    Head,
}

/// Both tools take the same caps; they are written twice since a flattened struct hides misspelt arguments from us.
macro_rules! options {
    ($input:expr) => {
        Options {
            max_bytes: within("max_bytes", $input.max_bytes, 1024 * 1024, 1, 5 * 1024 * 1024)?,
            max_chars: within("max_chars", $input.max_chars, 50_000, 1, 1_000_000)?,
            skip_chars: $input.skip_chars,
            timeout: Duration::from_secs(within("timeout_seconds", $input.timeout_seconds, 20, 1, 60)?),
            max_redirects: within("max_redirects", $input.max_redirects, 5, 0, 10)?,
            raw: $input.raw,
        }
    };
}

fn within<T: PartialOrd + std::fmt::Display>(
    name: &str,
    given: Option<T>,
    default: T,
    min: T,
    max: T,
) -> Result<T, ToolError> {
    match given {
        None => Ok(default),
        Some(value) if value >= min && value <= max => Ok(value),
        Some(value) => Err(ToolError::invalid(name, format!("must be {min} to {max}, not {value}"))),
    }
}

fn fetch_url(input: FetchUrl, call: &Call) -> Result<Structured<Fetched>, ToolError> {
    let method = match input.method {
        Method::Get => "GET",
        Method::Head => "HEAD",
    };
    let options = options!(input);
    let url = address(&input.url)?;
    exchange::run(method, url, &input.headers, Vec::new(), &options, |request: Request| request.send(call))
}

fn post_url(input: PostUrl, call: &Call) -> Result<Structured<Fetched>, ToolError> {
    let mut headers = input.headers;
    if !headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
        let kind = input.content_type.unwrap_or_else(|| String::from("application/json"));
        headers.insert(String::from("content-type"), kind);
    }
    let options = options!(input);
    let url = address(&input.url)?;
    exchange::run("POST", url, &headers, input.body.into_bytes(), &options, |request: Request| request.send(call))
}

fn address(url: &str) -> Result<Url, ToolError> {
    Url::parse(url).map_err(|error| ToolError::invalid("url", error))
}

tidegate_sdk::tools! {
    "fetch_url" => fetch_url { title: "Fetch a URL", read_only: true, idempotent: true, open_world: true },
    "post_url" => post_url { title: "Post to a URL", read_only: false, destructive: true, idempotent: false, open_world: true },
}

#[cfg(test)]
mod tests;
