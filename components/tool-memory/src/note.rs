//! A note, its limits and its time stamps.
use std::time::{SystemTime, UNIX_EPOCH};

use tidegate_sdk::prelude::*;

/// Characters of a title: it is one line of a list.
const MAX_TITLE: usize = 200;
/// Bytes of a text. A value may have 1 MiB; a note that fills a model's context helps nobody.
const MAX_BODY: usize = 64 * 1024;
/// Tags of a note, and characters of a tag.
const MAX_TAGS: usize = 16;
const MAX_TAG: usize = 50;

/// A note.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Note {
    /// Id: grows with every note.
    pub(crate) id: u64,
    /// What it is about.
    pub(crate) title: String,
    /// The text.
    pub(crate) body: String,
    /// Words to find it by, lower case.
    pub(crate) tags: Vec<String>,
    /// When it was added, ISO 8601 in UTC.
    pub(crate) created: String,
    /// When it was last changed, ISO 8601 in UTC.
    pub(crate) updated: String,
}

/// The parts of a note that its author writes.
#[derive(Debug, Clone, Default)]
pub(crate) struct NoteText {
    pub(crate) title: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
}

impl Note {
    /// Takes what is given, within the limits.
    pub(crate) fn write(&mut self, text: &NoteText, append: Option<&str>) -> Result<(), ToolError> {
        if let Some(title) = &text.title {
            self.title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        if let Some(body) = &text.body {
            self.body.clone_from(body);
        }
        if let Some(append) = append {
            if !self.body.is_empty() && !self.body.ends_with('\n') {
                self.body.push('\n');
            }
            self.body.push_str(append);
        }
        if let Some(tags) = &text.tags {
            self.tags = tags.iter().map(|tag| tag.trim().to_lowercase()).filter(|tag| !tag.is_empty()).collect();
            self.tags.sort();
            self.tags.dedup();
        }
        self.check()
    }

    fn check(&self) -> Result<(), ToolError> {
        let long = |tag: &&String| tag.chars().count() > MAX_TAG;
        if self.title.is_empty() || self.title.chars().count() > MAX_TITLE {
            return Err(ToolError::invalid("title", format!("must have 1 to {MAX_TITLE} characters")));
        }
        if self.body.len() > MAX_BODY {
            let text = format!("has {} bytes, limit {MAX_BODY}; split it into several notes", self.body.len());
            return Err(ToolError::invalid("body", text));
        }
        if self.tags.len() > MAX_TAGS || self.tags.iter().any(|tag| long(&tag)) {
            return Err(ToolError::invalid("tags", format!("at most {MAX_TAGS}, each up to {MAX_TAG} characters")));
        }
        Ok(())
    }

    pub(crate) fn has_tag(&self, tag: Option<&str>) -> bool {
        tag.is_none_or(|tag| self.tags.contains(&tag.trim().to_lowercase()))
    }

    /// One line.
    pub(crate) fn line(&self) -> String {
        let tags: String = self.tags.iter().map(|tag| format!(" #{tag}")).collect();
        format!("{}: {}{tags}", self.id, self.title)
    }

    /// Everything.
    pub(crate) fn full(&self) -> String {
        format!("{}\n(added {}, changed {})\n\n{}", self.line(), self.created, self.updated, self.body)
    }
}

/// A limit within bounds.
pub(crate) fn limit(given: Option<usize>, default: usize, max: usize) -> Result<usize, ToolError> {
    match given.unwrap_or(default) {
        limit if (1..=max).contains(&limit) => Ok(limit),
        other => Err(ToolError::invalid("limit", format!("must be 1 to {max}, not {other}"))),
    }
}

/// The time, ISO 8601 in UTC.
pub(crate) fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    iso(seconds)
}

/// Seconds since 1970 as ISO 8601. The civil date of a day number is Howard Hinnant's algorithm
/// (<https://howardhinnant.github.io/date_algorithms.html>, `civil_from_days`), for days after 1970.
pub(crate) fn iso(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
