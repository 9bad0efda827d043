//! `search_files`.
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use tidegate_sdk::prelude::*;

use crate::info::Kind;
use crate::list::walk;
use crate::paths;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// Levels below the directory.
const MAX_DEPTH: u32 = 16;

/// Bytes of a file that are searched: more is a log or a data base, and would take the whole call.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Characters of a line that are shown.
const MAX_LINE: usize = 300;

/// Finds files by name, by words in them, or both, below a directory. Files that are no text are not searched for words.
/// Give at least one of `name` and `text`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SearchFiles {
    /// Directory to search in: absolute path, or relative when only one directory is granted.
    path: String,
    /// Pattern of the name: `*.txt`, `report-????.md`; with a `/` of the path below the directory: `src/**/*.rs`.
    #[serde(default)]
    name: Option<String>,
    /// Text to find in the files, as it is written (no pattern).
    #[serde(default)]
    text: Option<String>,
    /// Upper and lower case differ. Default: they do not.
    #[serde(default)]
    case_sensitive: bool,
    /// Matches at most, 1 to 1000. Default: 100.
    #[serde(default)]
    limit: Option<usize>,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Found {
    /// Matches: files, or lines when a text was searched.
    pub(crate) matches: Vec<Match>,
    /// There are more than were asked for.
    pub(crate) truncated: bool,
    /// Files that were looked at.
    pub(crate) files: usize,
}

/// A match.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Match {
    /// The file.
    pub(crate) path: String,
    /// Number of the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// The line, up to 300 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
}

pub(crate) fn search_files(input: SearchFiles, call: &Call) -> Result<Structured<Found>, ToolError> {
    let limit = input.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ToolError::invalid("limit", format!("must be 1 to {MAX_LIMIT}")));
    }
    let wanted = input.text.as_ref().filter(|text| !text.is_empty());
    if input.name.is_none() && wanted.is_none() {
        return Err(ToolError::invalid("name", "give `name`, `text` or both"));
    }
    let start = paths::resolve(&input.path)?;
    let wanted = wanted.map(|text| if input.case_sensitive { text.clone() } else { text.to_lowercase() });
    let mut found = Found { matches: Vec::new(), truncated: false, files: 0 };
    walk(&start, MAX_DEPTH, call, |info| {
        let path = Path::new(&info.path);
        let relative = path.strip_prefix(&start).unwrap_or(path).to_string_lossy().into_owned();
        if info.kind != Kind::File || !input.name.as_ref().is_none_or(|glob| paths::matches(glob, &relative)) {
            return Ok(true);
        }
        found.files += 1;
        match &wanted {
            None => found.matches.push(Match { path: info.path, line: None, text: None }),
            Some(wanted) => lines(&info.path, wanted, input.case_sensitive, limit, call, &mut found.matches)?,
        }
        // One more than asked for shows that there are more.
        Ok(found.matches.len() <= limit)
    })?;
    found.truncated = found.matches.len() > limit;
    found.matches.truncate(limit);
    let text = render(&found, limit);
    Ok(Structured::new(found).text(text))
}

/// The lines of a file that have the text; none of a file that is no text, or cannot be read.
fn lines(
    path: &str,
    wanted: &str,
    case_sensitive: bool,
    limit: usize,
    call: &Call<'_>,
    matches: &mut Vec<Match>,
) -> Result<(), ToolError> {
    let Ok(file) = File::open(path) else { return Ok(()) };
    let mut reader = BufReader::new(file.take(MAX_FILE));
    let mut bytes = Vec::new();
    let first = matches.len();
    for number in 1.. {
        bytes.clear();
        if number % 1000 == 0 {
            call.check()?;
        }
        if !matches!(reader.read_until(b'\n', &mut bytes), Ok(length) if length > 0) {
            break;
        }
        if bytes.contains(&0) {
            matches.truncate(first);
            break;
        }
        let line = String::from_utf8_lossy(&bytes);
        let hit = if case_sensitive { line.contains(wanted) } else { line.to_lowercase().contains(wanted) };
        if hit {
            let text = line.trim_end().chars().take(MAX_LINE).collect();
            matches.push(Match { path: path.to_owned(), line: Some(number), text: Some(text) });
            if matches.len() > limit {
                break;
            }
        }
    }
    Ok(())
}

fn render(found: &Found, limit: usize) -> String {
    let line = |found: &Match| match (&found.line, &found.text) {
        (Some(line), Some(text)) => format!("{}:{line}: {text}\n", found.path),
        _ => format!("{}\n", found.path),
    };
    let mut text: String = found.matches.iter().map(line).collect();
    match (found.matches.is_empty(), found.truncated) {
        (true, _) => text.push_str(&format!("Nothing found in {} files.", found.files)),
        (_, true) => text.push_str(&format!("More than {limit}; narrow the search or raise `limit`.")),
        _ => {}
    }
    text
}
