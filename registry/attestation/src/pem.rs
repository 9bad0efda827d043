//! PEM, the strict textual encoding of RFC 7468 (section 3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest text, in bytes: keys are a few hundred.
const MAX_BYTES: usize = 16 * 1024;

/// The label and the contents of a text with exactly one PEM block, or nothing. Text before it is skipped.
pub(crate) fn decode(text: &str) -> Option<(&str, Vec<u8>)> {
    let text = if text.len() <= MAX_BYTES { text } else { return None };
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, rest) = rest.split_once("-----END ")?;
    let (end_label, after) = rest.split_once("-----")?;
    if end_label != label || after.contains("-----BEGIN ") {
        return None;
    }
    let base64: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    Some((label, STANDARD.decode(base64).ok()?))
}

/// One PEM block, 64 characters a line.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for (i, character) in STANDARD.encode(der).chars().enumerate() {
        if i > 0 && i % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str("\n-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}
