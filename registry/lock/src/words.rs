//! Texts of strangers, shown to people.

use tidegate_reference::Digest;

/// What hides in a text, if this character does: a name for it.
pub(crate) fn hidden(letter: char) -> Option<&'static str> {
    Some(match letter {
        '\n' | '\t' => return None,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}' => {
            "a character that turns the direction of writing"
        }
        '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{180e}' | '\u{00ad}' | '\u{034f}' => {
            "a character without width"
        }
        '\u{e0000}'..='\u{e007f}' => "a tag character, which models read and people do not see",
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => "a variation selector, which can carry hidden text",
        '\u{2028}' | '\u{2029}' => "a hidden end of line",
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => "a private character, which has no meaning for people",
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => "an empty letter",
        letter if letter.is_control() => "a control character",
        _ => return None,
    })
}

/// One line of which everything is seen.
pub(crate) fn plain(text: &str) -> String {
    text.chars().fold(String::new(), |mut shown, letter| {
        if hidden(letter).is_some() || letter.is_control() {
            match letter {
                '\n' => shown.push_str("\\n"),
                '\t' => shown.push_str("\\t"),
                other => shown.push_str(&format!("\\u{{{:x}}}", u32::from(other))),
            }
        } else {
            shown.push(letter);
        }
        shown
    })
}

/// The beginning of a digest: enough to compare by eye.
pub(crate) fn short(digest: &Digest) -> String {
    let hex: String = digest.to_hex().chars().take(12).collect();
    format!("sha256:{hex}...")
}
