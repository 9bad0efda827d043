//! Paths: what is asked for, and errors that say what there is instead.
use std::io;
use std::path::{Component, Path, PathBuf};

use tidegate_sdk::files;
use tidegate_sdk::prelude::*;

/// The path as we use it: a relative one counts from the only granted directory.
pub(crate) fn resolve(path: &str) -> Result<PathBuf, ToolError> {
    if path.is_empty() || path.contains('\0') {
        return Err(ToolError::invalid("path", format!("is empty or has a NUL; {}", granted())));
    }
    let given = Path::new(path);
    if given.components().any(|component| component == Component::ParentDir) {
        return Err(ToolError::invalid("path", format!("`{path}` has `..`; write the whole path; {}", granted())));
    }
    match files::granted().as_slice() {
        [only] if given.is_relative() => Ok(Path::new(only).join(given)),
        _ if given.is_relative() => Err(ToolError::invalid("path", format!("`{path}` is relative; {}", granted()))),
        _ => Ok(given.to_path_buf()),
    }
}

/// Which directories there are, for messages.
pub(crate) fn granted() -> String {
    match files::granted() {
        none if none.is_empty() => {
            String::from("no directory is granted to this tool (`directories` of its grant in the policy)")
        }
        some => format!("granted directories are {}", some.join(", ")),
    }
}

/// An error of the file system with the path and what to do.
pub(crate) fn explain(path: &Path, error: &io::Error) -> ToolError {
    let shown = path.display();
    let inside = files::granted().iter().any(|directory| path.starts_with(directory));
    ToolError::failed(match error.kind() {
        io::ErrorKind::NotFound if inside => format!("`{shown}` does not exist"),
        io::ErrorKind::NotFound => format!("`{shown}` does not exist, or is outside of what is granted; {}", granted()),
        io::ErrorKind::PermissionDenied => {
            format!(
                "`{shown}` is not permitted: it is outside of what is granted, or granted only for reading; {}",
                granted()
            )
        }
        io::ErrorKind::IsADirectory => format!("`{shown}` is a directory; `list_directory` lists it"),
        io::ErrorKind::NotADirectory => format!("a part of `{shown}` is a file, not a directory"),
        io::ErrorKind::ReadOnlyFilesystem => format!("`{shown}` is granted only for reading; {}", granted()),
        _ => format!("`{shown}`: {error}"),
    })
}

/// Whether a name or path matches a glob: `*` and `?` do not cross `/`, `**` does. A glob without `/` is about names.
pub(crate) fn matches(glob: &str, relative: &str) -> bool {
    let name = relative.rsplit('/').next().unwrap_or(relative);
    let text: Vec<char> = if glob.contains('/') { relative } else { name }.chars().collect();
    let glob: Vec<char> = glob.trim_start_matches("./").chars().collect();
    glob_matches(&glob, &text)
}

/// Row by row over the text, so that `*a*a*a*a*b` takes no exponential time.
fn glob_matches(glob: &[char], text: &[char]) -> bool {
    let mut reached = vec![false; text.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    let mut rest = glob;
    while let Some((head, tail)) = rest.split_first() {
        rest = tail;
        let crosses = *head == '*' && tail.first() == Some(&'*');
        if crosses {
            rest = tail.get(1..).unwrap_or_default();
            // `**/` also stands for no directory at all.
            if rest.first() == Some(&'/') {
                let without = rest.get(1..).unwrap_or_default();
                let starts = reached.iter().enumerate().filter(|(_, reached)| **reached);
                for (start, _) in starts {
                    if text.get(start..).is_some_and(|text| glob_matches(without, text)) {
                        return true;
                    }
                }
            }
        }
        let mut next = vec![false; text.len() + 1];
        let mut before = false;
        for (index, (from, to)) in reached.iter().zip(next.iter_mut()).enumerate() {
            let previous = index.checked_sub(1).and_then(|index| text.get(index));
            *to = match head {
                '*' => *from || (before && (crosses || previous != Some(&'/'))),
                '?' => index > 0 && reached.get(index - 1) == Some(&true) && previous != Some(&'/'),
                exact => index > 0 && reached.get(index - 1) == Some(&true) && previous == Some(exact),
            };
            before = *to;
        }
        reached = next;
    }
    reached.last() == Some(&true)
}
