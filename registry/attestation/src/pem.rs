//! PEM, the strict textual encoding of RFC 7468 (section 3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest text, in bytes: keys are a few hundred.
const MAX_BYTES: usize = 16 * 1024;

/// The label and the contents of a text with exactly one PEM block, or nothing. Text before and after it is skipped, if
/// nobody could find the beginning of another block in it.
pub(crate) fn decode(text: &str) -> Option<(&str, Vec<u8>)> {
    if text.len() > MAX_BYTES || text.matches("-----BEGIN ").count() != 1 {
        return None;
    }
    let mut lines = text.lines().map(str::trim_ascii);
    let label = lines.find_map(|line| boundary(line, "-----BEGIN "))?;
    let mut base64 = String::new();
    loop {
        let line = lines.next()?;
        match boundary(line, "-----END ") {
            Some(end) if end == label => return Some((label, STANDARD.decode(base64).ok()?)),
            Some(_) => return None,
            None => base64.extend(line.chars().filter(|c| !c.is_ascii_whitespace())),
        }
    }
}

/// The label of a line that is a boundary.
fn boundary<'t>(line: &'t str, kind: &str) -> Option<&'t str> {
    line.strip_prefix(kind)?.strip_suffix("-----")
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
