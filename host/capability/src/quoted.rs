/// Longest text of a component, in bytes, that a refusal repeats.
const LONGEST: usize = 256;

/// A text as a TOML basic string, with its quotes: what a refusal tells people to write. Texts of a component longer
/// than 256 bytes are cut, because refusals are logged.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut toml = String::with_capacity(text.len().min(LONGEST) + 2);
    toml.push('"');
    for character in text.chars() {
        if toml.len() > LONGEST {
            toml.push('…');
            break;
        }
        match character {
            '"' | '\\' => {
                toml.push('\\');
                toml.push(character);
            }
            _ if character.is_control() => toml.push_str(&format!("\\u{:04X}", u32::from(character))),
            _ => toml.push(character),
        }
    }
    toml.push('"');
    toml
}
