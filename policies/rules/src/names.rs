//! Names that a policy gives or uses.

/// Names of components and of signers: a letter, then up to 62 letters, digits and `-`; lower case, no `--`, no `-` at
/// the end.
pub(crate) fn is_name(text: &str) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    letters && starts && text.len() <= 63 && !text.contains("--") && !text.ends_with('-')
}

/// Names of key-value namespaces and secrets: 1 to 63 letters, digits, `-`, `_` and `.`, beginning with a letter or
/// digit, so that one can be a file's name anywhere.
pub(crate) fn is_plain(text: &str) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    letters && text.len() <= 63 && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
}

/// Names of environment variables: what a shell can set.
pub(crate) fn is_variable(text: &str) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    letters && text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

/// Why a text is no path that a component can see, if it is none: absolute, `/` between names, no `.` or `..`.
pub(crate) fn guest_path_problem(path: &str) -> Option<&'static str> {
    let Some(rest) = path.strip_prefix('/') else { return Some("must begin with `/`") };
    if path.chars().any(|letter| letter == '\\' || letter.is_control()) {
        return Some("must not contain a backslash or a control character");
    }
    if rest.is_empty() {
        return None;
    }
    rest.split('/').find_map(|part| match part {
        "" => Some("must not end with `/` or contain `//`"),
        "." | ".." => Some("must not contain `.` or `..`"),
        "*" | "**" => Some("is a directory, not a pattern: globs are not supported; everything below is granted"),
        _ => None,
    })
}

/// Whether one guest path is the other or lies inside it.
pub(crate) fn guest_paths_overlap(a: &str, b: &str) -> bool {
    guest_path_contains(a, b) || guest_path_contains(b, a)
}

/// Whether `inner` is `outer` or lies inside it.
pub(crate) fn guest_path_contains(outer: &str, inner: &str) -> bool {
    let outer = outer.trim_end_matches('/');
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
