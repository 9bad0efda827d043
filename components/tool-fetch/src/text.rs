//! Bodies as text: encodings, HTML, JSON.
use encoding_rs::{Encoding, UTF_8};
use tidegate_sdk::serde_json::{self, Value};

/// Columns of the text: wide, since a model needs no line breaks.
const WIDTH: usize = 120;

/// Bytes at the start of a page in which its encoding may be declared, as browsers look for it.
const DECLARATION: usize = 1024;

/// The body as text; `None` if it is none.
pub(crate) fn readable(body: &[u8], kind: &str, raw: bool) -> Option<String> {
    let (media, _) = kind.split_once(';').unwrap_or((kind, ""));
    let media = media.trim().to_ascii_lowercase();
    let is_json = media == "application/json" || media.ends_with("+json");
    let is_html =
        media == "text/html" || media == "application/xhtml+xml" || (media.is_empty() && looks_like_html(body));
    let is_text = is_json
        || is_html
        || media.starts_with("text/")
        || media.ends_with("+xml")
        || [
            "application/xml",
            "application/javascript",
            "application/x-ndjson",
            "application/toml",
            "application/yaml",
        ]
        .contains(&media.as_str())
        || (media.is_empty() && !body.contains(&0) && std::str::from_utf8(body).is_ok());
    if !is_text {
        return None;
    }
    let text = decode(body, kind, is_html);
    if raw {
        return Some(text);
    }
    if is_json {
        let pretty = serde_json::from_str::<Value>(&text).and_then(|value| serde_json::to_string_pretty(&value));
        return Some(pretty.unwrap_or(text));
    }
    if is_html {
        let plain = html2text::config::plain().string_from_read(text.as_bytes(), WIDTH);
        return Some(plain.map(|plain| plain.trim().to_owned()).unwrap_or(text));
    }
    Some(text)
}

fn looks_like_html(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(body.get(..body.len().min(DECLARATION)).unwrap_or_default()).to_lowercase();
    start.contains("<!doctype html") || start.contains("<html")
}

/// The encoding is that of a byte order mark, of the header, of the page's own declaration, or UTF-8, in this order.
fn decode(body: &[u8], kind: &str, is_html: bool) -> String {
    let declared = || {
        let start = body.get(..body.len().min(DECLARATION)).filter(|_| is_html)?;
        charset(&String::from_utf8_lossy(start))
    };
    let encoding = charset(kind).or_else(declared).unwrap_or(UTF_8);
    encoding.decode(body).0.into_owned()
}

/// The encoding named after `charset=`.
fn charset(text: &str) -> Option<&'static Encoding> {
    let lower = text.to_ascii_lowercase();
    let (_, rest) = lower.split_once("charset=")?;
    let name: String = rest
        .trim_start_matches(['"', '\'', ' '])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_:.".contains(*c))
        .collect();
    Encoding::for_label(name.as_bytes())
}

/// A part of the text, and where the next one starts.
pub(crate) fn part(text: &str, skip: usize, max: usize) -> (String, Option<usize>) {
    let part: String = text.chars().skip(skip).take(max).collect();
    let end = skip.saturating_add(max);
    let more = text.chars().nth(end).is_some();
    (part, more.then_some(end))
}
