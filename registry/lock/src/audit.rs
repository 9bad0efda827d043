//! What looks wrong about components: grants wider than what they import, bytes known to be bad, and descriptions that talk
//! to models behind people's backs. Findings are for people to judge; nothing here lets anything in.

use std::fmt;

use serde::Serialize;

use crate::advisory::Advisories;
use crate::lock::{Lock, Locked};
use crate::words::{hidden, plain};

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// The component.
    pub component: String,
    /// Where: `grants`, `bytes`, or `tool NAME, character N`.
    pub place: String,
    /// Which rule.
    pub rule: Rule,
    /// What, and why it matters.
    pub reason: String,
}

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The bytes, or the version, are in a list of bad ones.
    KnownBad,
    /// Granted, but nothing that it imports could use it.
    TooWide,
    /// Characters in a description that people do not see.
    HiddenText,
    /// A description that tells a model what to do beyond using the tool.
    Instruction,
    /// A description that talks about another component's tool.
    OtherTool,
}

/// Which imports a grant needs to be of use, by the policy's key.
const USED_BY: &[(&str, &[&str])] = &[
    ("directories", &["wasi:filesystem/"]),
    ("network", &["wasi:http/outgoing-handler"]),
    ("environment", &["wasi:cli/environment"]),
    ("kv", &["tidegate:host/kv"]),
    ("secrets", &["tidegate:host/secrets"]),
    ("config", &["tidegate:host/config"]),
    ("system", &["tidegate:host/system"]),
    ("gateway", &["tidegate:gateway/"]),
];

/// What descriptions of tools have no reason to say. Compared in lower case, white space as one space.
const INSTRUCTIONS: &[&str] = &[
    "ignore all previous",
    "ignore previous",
    "ignore the previous",
    "ignore all other",
    "ignore any other",
    "disregard all",
    "disregard any",
    "disregard previous",
    "disregard the above",
    "forget everything",
    "forget all previous",
    "override your",
    "your instructions",
    "your system prompt",
    "system prompt",
    "new instructions",
    "do not tell the user",
    "don't tell the user",
    "do not inform the user",
    "do not mention",
    "don't mention",
    "without telling the user",
    "without asking the user",
    "without the user",
    "never tell the user",
    "hide this from",
    "keep this secret",
    "secretly",
    "you must first",
    "you must always",
    "you must call",
    "always call this tool",
    "call this tool first",
    "call this tool before",
    "before using any other tool",
    "before you use any other tool",
    "before using this tool, read",
    "instead of any other tool",
    "do not use any other tool",
    "<important>",
    "<system>",
    "</system>",
    "<instructions>",
    "<secret>",
    "[system]",
    "[inst]",
    "<|im_start|>",
    "read the file ~",
    "contents of ~/",
    ".ssh/",
    "id_rsa",
    "id_ed25519",
    "/etc/passwd",
    "environment variables and",
    "api key and",
    "conversation history",
    "previous messages",
    "chat history",
];

/// Shortest name that counts as a mention: shorter ones are words.
const MENTION: usize = 4;

/// Everything that looks wrong, by component, the most serious first.
#[must_use]
pub fn audit(lock: &Lock, advisories: &Advisories) -> Vec<Finding> {
    let mut findings = Vec::new();
    for locked in lock.components() {
        known_bad(locked, advisories, &mut findings);
        too_wide(locked, &mut findings);
        for tool in &locked.tools {
            let at = |character: usize| format!("tool {}, character {}", plain(&tool.name), character + 1);
            let mut push = |place: String, rule: Rule, reason: String| {
                findings.push(Finding { component: locked.name.to_string(), place, rule, reason });
            };
            for (index, letter, what) in hidden_in(&tool.description).into_iter().take(1) {
                let code = u32::from(letter);
                push(at(index), Rule::HiddenText, format!("{what} (U+{code:04X}): people do not see what models read"));
            }
            if let Some((index, words)) = instruction_in(&tool.description) {
                push(
                    at(index),
                    Rule::Instruction,
                    format!("`{words}`: that is said to a model, and not about the tool"),
                );
            }
            for (index, other, name) in mentions(lock, locked, &tool.description) {
                let reason = format!("it talks about `{name}`, a tool of `{other}`, and could change how that is used");
                push(at(index), Rule::OtherTool, reason);
            }
        }
    }
    findings.sort_by(|one, other| (&one.component, one.rule).cmp(&(&other.component, other.rule)));
    findings
}

fn known_bad(locked: &Locked, advisories: &Advisories, findings: &mut Vec<Finding>) {
    let bad = advisories.about(locked).map(|advisory| Finding {
        component: locked.name.to_string(),
        place: "bytes".to_owned(),
        rule: Rule::KnownBad,
        reason: format!("{} {} is known to be bad: {}", locked.name, locked.version, plain(&advisory.reason)),
    });
    findings.extend(bad);
}

fn too_wide(locked: &Locked, findings: &mut Vec<Finding>) {
    for grant in &locked.grants {
        let (key, what) = grant.split_once(": ").unwrap_or((grant, ""));
        let Some((_, needed)) = USED_BY.iter().find(|(known, _)| *known == key) else { continue };
        let used = locked.imports.iter().any(|import| needed.iter().any(|needed| import.starts_with(needed)));
        if !used {
            findings.push(Finding {
                component: locked.name.to_string(),
                place: "grants".to_owned(),
                rule: Rule::TooWide,
                reason: format!(
                    "{} is granted, and it imports no `{}`: take the line out of the policy",
                    plain(what),
                    needed.join("`, `")
                ),
            });
        }
    }
}

/// Where in a text, which character, and what is wrong with it.
fn hidden_in(text: &str) -> Vec<(usize, char, &'static str)> {
    let letters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    for (index, letter) in letters.iter().enumerate() {
        let Some(what) = hidden(*letter) else { continue };
        // Emoji are written with one of these two after or between pictures.
        let before = index.checked_sub(1).and_then(|before| letters.get(before)).copied().unwrap_or(' ');
        let joins = matches!(letter, '\u{fe0f}' | '\u{200d}') && is_picture(before);
        if !joins {
            found.push((index, *letter, what));
        }
    }
    found
}

fn is_picture(letter: char) -> bool {
    matches!(letter, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' | '\u{fe0f}' | '\u{a9}' | '\u{ae}')
}

/// The first instruction in a text, and where it begins.
fn instruction_in(text: &str) -> Option<(usize, &'static str)> {
    let (folded, places) = folded(text);
    let found = INSTRUCTIONS.iter().filter_map(|words| folded.find(words).map(|at| (at, *words)));
    let (at, words) = found.min()?;
    let character = folded.get(..at)?.chars().count();
    Some((places.get(character).copied().unwrap_or(0), words))
}

/// Lower case, look-alike letters as Latin ones, nothing hidden, white space as one space; and for each letter its place in
/// the text.
fn folded(text: &str) -> (String, Vec<usize>) {
    let (mut folded, mut places) = (String::new(), Vec::new());
    for (index, letter) in text.chars().enumerate() {
        if letter.is_whitespace() {
            if !folded.ends_with(' ') {
                folded.push(' ');
                places.push(index);
            }
        } else if hidden(letter).is_none() {
            for lower in latin(letter).to_lowercase() {
                folded.push(lower);
                places.push(index);
            }
        }
    }
    (folded, places)
}

/// The Latin letter that looks like this one: full width, and the common Cyrillic and Greek ones.
fn latin(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        'а' | 'А' | 'α' | 'Α' => 'a',
        'е' | 'Е' | 'ε' | 'Ε' => 'e',
        'о' | 'О' | 'ο' | 'Ο' => 'o',
        'р' | 'Р' | 'ρ' | 'Ρ' => 'p',
        'с' | 'С' => 'c',
        'у' | 'У' | 'υ' => 'y',
        'х' | 'Х' | 'χ' => 'x',
        'і' | 'І' | 'ι' => 'i',
        'ѕ' | 'Ѕ' => 's',
        'ј' | 'Ј' => 'j',
        '\u{2019}' => '\'',
        other => other,
    }
}

/// Tools of other components that a text names as a word of their own: where, whose, which.
fn mentions(lock: &Lock, own: &Locked, text: &str) -> Vec<(usize, String, String)> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | '/');
    let mut found = Vec::new();
    for other in lock.components().iter().filter(|other| other.name != own.name) {
        for tool in &other.tools {
            // A plain word is no mention; a name with a joint in it is nothing else.
            let joined = tool.name.contains(['_', '-', '/', '.']);
            let ours = own.tools.iter().any(|own| own.name == tool.name);
            if tool.name.len() < MENTION || !joined || ours {
                continue;
            }
            for (at, _) in text.match_indices(&tool.name).take(1) {
                let before = text.get(..at).and_then(|before| before.chars().next_back());
                let after = text.get(at + tool.name.len()..).and_then(|after| after.chars().next());
                let after = after.filter(|letter| *letter != '.');
                if !before.is_some_and(is_part) && !after.is_some_and(is_part) {
                    let character = text.get(..at).map_or(0, |before| before.chars().count());
                    found.push((character, other.name.to_string(), tool.name.clone()));
                }
            }
        }
    }
    found
}

// === impl Finding ===

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::KnownBad => "known-bad",
            Self::TooWide => "too-wide",
            Self::HiddenText => "hidden-text",
            Self::Instruction => "instruction",
            Self::OtherTool => "other-tool",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {} ({})", self.component, self.place, self.reason, self.rule)
    }
}

#[cfg(test)]
mod tests;
