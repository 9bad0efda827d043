//! `list_directory`, and walking through directories.
use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use tidegate_sdk::prelude::*;

use crate::info::{Info, Kind};
use crate::paths;

/// Entries of one answer unless asked for fewer or more, and the most there are.
const DEFAULT_LIMIT: usize = 200;
const MAX_LIMIT: usize = 2000;

/// Levels below the directory: a cycle of mounts must end.
const MAX_DEPTH: u32 = 16;

/// Lists files and directories. Without a path it lists the directories that this tool may see: start there when you do
/// not know any path.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ListDirectory {
    /// Absolute path, or relative when only one directory is granted. Default: the granted directories.
    #[serde(default)]
    path: Option<String>,
    /// Levels to go down, 1 to 16. Default: 1, only the directory itself.
    #[serde(default)]
    depth: Option<u32>,
    /// Entries at most, 1 to 2000. Default: 200.
    #[serde(default)]
    limit: Option<usize>,
}

/// Entries.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Listing {
    /// Files and directories, ordered by path, level by level.
    pub(crate) entries: Vec<Info>,
    /// There are more than were asked for.
    pub(crate) truncated: bool,
}

pub(crate) fn list_directory(input: ListDirectory, call: &Call) -> Result<Structured<Listing>, ToolError> {
    let depth = input.depth.unwrap_or(1);
    let limit = input.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_DEPTH).contains(&depth) {
        return Err(ToolError::invalid("depth", format!("must be 1 to {MAX_DEPTH}")));
    }
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ToolError::invalid("limit", format!("must be 1 to {MAX_LIMIT}")));
    }
    let Some(path) = input.path else { return roots() };
    let path = paths::resolve(&path)?;
    let mut entries = Vec::new();
    let mut truncated = false;
    walk(&path, depth, call, |info| {
        truncated = entries.len() == limit;
        if !truncated {
            entries.push(info);
        }
        Ok(!truncated)
    })?;
    let mut text: String = entries.iter().map(|info: &Info| info.line() + "\n").collect();
    match (entries.is_empty(), truncated) {
        (true, _) => text.push_str("Empty."),
        (_, true) => text.push_str(&format!("More than {limit}; raise `limit` or list a directory below.")),
        _ => {}
    }
    Ok(Structured::new(Listing { entries, truncated }).text(text))
}

fn roots() -> Result<Structured<Listing>, ToolError> {
    let mut entries = Vec::new();
    for directory in tidegate_sdk::files::granted() {
        let path = PathBuf::from(&directory);
        let metadata = fs::metadata(&path).map_err(|error| paths::explain(&path, &error))?;
        entries.push(Info::new(directory, &metadata));
    }
    Ok(Structured::new(Listing { entries, truncated: false }).text(paths::granted()))
}

/// Visits what is below a directory, level by level, in the order of names; links are shown, not followed. Ends when
/// `each` says false. Directories below that cannot be read are passed over.
pub(crate) fn walk(
    start: &Path,
    depth: u32,
    call: &Call<'_>,
    mut each: impl FnMut(Info) -> Result<bool, ToolError>,
) -> Result<(), ToolError> {
    let mut waiting = VecDeque::from([(start.to_path_buf(), 1)]);
    let mut visited = 0.0;
    while let Some((directory, level)) = waiting.pop_front() {
        call.check()?;
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if directory == start => return Err(paths::explain(start, &error)),
            Err(_) => continue,
        };
        let mut names: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.file_name()).collect();
        names.sort();
        for name in names {
            let path = directory.join(name);
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let info = Info::new(path.display().to_string(), &metadata);
            if info.kind == Kind::Directory && level < depth {
                waiting.push_back((path, level + 1));
            }
            if !each(info)? {
                return Ok(());
            }
        }
        visited += 1.0;
        call.progress(visited, None, &directory.display().to_string());
    }
    Ok(())
}
