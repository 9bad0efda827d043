//! Links between the pages of the documentation.

use std::path::{Component, Path, PathBuf};

use crate::File;

/// Relative links in a markdown page that lead to no file, or to no heading of a markdown page. `read` gives a file's
/// text by its path from the root, `None` when there is no such file; a directory is an empty text.
#[must_use]
pub fn broken(page: &File, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut broken = Vec::new();
    for target in targets(&page.text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (path, heading) = target.split_once('#').map_or((target, None), |(path, heading)| (path, Some(heading)));
        let file = if path.is_empty() { page.path.clone() } else { resolve(&page.path, path) };
        match (read(&file), heading) {
            (None, _) => broken.push(format!("{}: `{target}` leads to no file", page.path)),
            (Some(text), Some(heading)) if file.ends_with(".md") && !headings(&text).any(|h| h == heading) => {
                broken.push(format!("{}: `{target}` leads to no heading", page.path));
            }
            _ => {}
        }
    }
    broken
}

/// The targets of `[text](target)`, outside of fenced blocks and code spans.
fn targets(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between backticks is code.
        for piece in line.split('`').step_by(2) {
            let ends = piece.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            found.extend(ends.map(|(target, _)| target.split_whitespace().next().unwrap_or_default()));
        }
        // A link whose text is code: `[`text`](target)`.
        for rest in line.split("`](").skip(1) {
            found.extend(rest.split_once(')').map(|(target, _)| target));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The anchors of a page's headings, as GitHub makes them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
    })
}

/// A path relative to a page, as a path from the root.
fn resolve(page: &str, path: &str) -> String {
    let folder = if path.starts_with('/') { Path::new("") } else { Path::new(page).parent().unwrap_or(Path::new("")) };
    let mut resolved = PathBuf::new();
    for part in folder.join(path.trim_start_matches('/')).components() {
        match part {
            Component::ParentDir => drop(resolved.pop()),
            Component::Normal(name) => resolved.push(name),
            _ => {}
        }
    }
    resolved.to_string_lossy().replace('\\', "/")
}
