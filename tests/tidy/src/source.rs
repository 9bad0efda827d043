//! Rules on single files: each gives its complaints.

use crate::File;

/// Lines a Rust file may have; tests in a sibling `tests.rs` or a folder of tests do not count.
pub const MAX_LINES: usize = 600;

/// Whether a file holds only tests.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs")
        || path.split('/').rev().skip(1).any(|folder| folder == "tests") && !path.starts_with("tests/")
        || path.starts_with("tests/") && path.contains("/tests/")
}

/// Rust files that are too long to be read in one go.
#[must_use]
pub fn too_long(file: &File) -> Option<String> {
    let lines = file.text.lines().count();
    let long = file.path.ends_with(".rs") && !is_test(&file.path) && lines > MAX_LINES;
    long.then(|| format!("{}: {lines} lines; split it by {MAX_LINES}", file.path))
}

/// Rust source without comments and without the insides of string literals: what the compiler acts on.
/// Character literals are left alone, except that a quote in one does not begin a string.
#[must_use]
pub fn code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = literal(rest) {
            code.push_str("\"\"");
            length
        } else if ["'\"'", "'\\\"'", "'\\''", "'\\\\'"].iter().any(|quote| rest.starts_with(quote)) {
            rest.char_indices()
                .skip(1)
                .skip_while(|(at, c)| *at < 2 || *c != '\'')
                .map(|(at, _)| at + 1)
                .next()
                .unwrap_or(1)
        } else {
            code.push(c);
            c.len_utf8()
        };
        rest = rest.get(skip..).unwrap_or_default();
    }
    code
}

/// The length in bytes of the string literal at the beginning of `text`.
fn literal(text: &str) -> Option<usize> {
    if let Some(raw) = text.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let body = raw.get(hashes..)?.strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        return Some(body.find(&close).map_or(text.len(), |end| 1 + hashes + 1 + end + close.len()));
    }
    let body = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = body.char_indices().find(|(_, c)| {
        let closes = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        closes
    });
    Some(end.map_or(text.len(), |(at, _)| at + 2))
}

/// Words in code, by characters that names have.
fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

/// `unsafe` outside of the engine.
#[must_use]
pub fn unsafe_code(file: &File) -> Option<String> {
    let allowed = file.path.starts_with("host/engine/");
    // The guests' bindings are generated code that carries `unsafe`; what people write there has none either.
    let found = !allowed && file.path.ends_with(".rs") && words(&code(&file.text)).any(|word| word == "unsafe");
    found.then(|| format!("{}: `unsafe` belongs into host/engine only", file.path))
}

/// The names of protocols where none may be known: in the trusted part, code and comments alike. Names of components
/// (`protocol-mcp`) may stand in data.
#[must_use]
pub fn protocol_names(file: &File) -> Vec<String> {
    let trusted = ["host/", "policies/", "registry/"].iter().any(|room| file.path.starts_with(room));
    if !trusted {
        return Vec::new();
    }
    let data = !file.path.ends_with(".rs");
    let lines = file.text.lines().enumerate().filter_map(|(index, line)| {
        let mut line = line.to_lowercase();
        if data {
            line = line.replace("protocol-mcp", "");
        }
        let known = ["mcp", "jsonrpc", "json-rpc", "json_rpc", "modelcontextprotocol", "model context protocol"];
        let name = known.into_iter().find(|name| line.contains(name))?;
        Some(format!("{}:{}: `{name}`: the host knows no protocol", file.path, index + 1))
    });
    lines.collect()
}

/// Members of a workspace without a comment that says what they are.
#[must_use]
pub fn silent_members(manifest: &File) -> Vec<String> {
    let members = manifest.text.lines().skip_while(|line| !line.starts_with("members = [")).skip(1);
    let silent = members.take_while(|line| !line.starts_with(']')).filter(|line| {
        let entry = line.trim_start();
        entry.starts_with('"') && entry.split_once('#').is_none_or(|(_, reason)| reason.trim().len() <= 3)
    });
    silent.map(|line| format!("{}: {} needs a comment on what it is", manifest.path, line.trim())).collect()
}

/// `allow` without a reason.
#[must_use]
pub fn silent_allows(file: &File) -> Vec<String> {
    if !file.path.ends_with(".rs") {
        return Vec::new();
    }
    let code = code(&file.text);
    let starts = code.match_indices("[allow(").chain(code.match_indices("[expect("));
    let silent = starts.filter(|(at, _)| {
        let attribute = code.get(*at..).and_then(|rest| rest.split_once(")]")).map_or("", |(inside, _)| inside);
        !attribute.contains("reason")
    });
    silent.map(|_| format!("{}: an `allow` needs its reason", file.path)).collect()
}

/// Items of WIT without documentation: interfaces, functions, types, fields, cases, worlds.
#[must_use]
pub fn undocumented_wit(file: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut documented = false;
    // What the innermost open brace holds.
    let mut inside: Vec<&str> = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("///") {
            documented = true;
            continue;
        }
        if line.starts_with('@') || line.starts_with("//") {
            continue;
        }
        let word = line.split(|c: char| !(c.is_alphanumeric() || c == '-')).next().unwrap_or_default();
        if !documented && is_item(line, word, inside.last().copied()) {
            complaints.push(format!("{}:{}: `{line}` is not documented", file.path, index + 1));
        }
        documented = false;
        if line.ends_with('{') && !line.contains(".{") {
            inside.push(word_of_block(word));
        } else if line.starts_with('}') {
            inside.pop();
        }
    }
    complaints
}

fn word_of_block(word: &str) -> &str {
    match word {
        "record" | "variant" | "enum" | "flags" => "fields",
        other => other,
    }
}

fn is_item(line: &str, word: &str, inside: Option<&str>) -> bool {
    if line.is_empty() || line.starts_with('}') || ["use", "import", "export", "include", "package"].contains(&word) {
        return false;
    }
    match inside {
        Some("fields") => !word.is_empty(),
        // A continued list of names or parameters begins with no keyword and declares nothing.
        Some("interface" | "resource") => {
            let declares = ["record", "variant", "enum", "flags", "resource", "type", "constructor"].contains(&word);
            declares || line.contains(": func(") || line.contains(": static func(") || line.contains(": async func(")
        }
        _ => word == "interface" || word == "world",
    }
}

/// Paths of one machine and addresses of private registries: they mean nothing to anybody else.
#[must_use]
pub fn machine_traces(file: &File) -> Vec<String> {
    let homes = ["/home/", "/Users/", "/root/", "/work/", "C:\\Users"];
    // Where anybody gets packages from; any other host in a lock file is somebody's mirror.
    let public =
        ["registry+https://github.com/rust-lang/crates.io-index", "https://registry.npmjs.org/", "https://pypi.org/"];
    let lock = file.path.ends_with("Cargo.lock")
        || file.path.ends_with("package-lock.json")
        || file.path.ends_with("requirements.txt");
    let mut complaints = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let mut complain =
            |what: &str| complaints.push(format!("{}:{}: {what}: {}", file.path, index + 1, line.trim()));
        if homes.iter().any(|home| begins_a_path(line, home)) {
            complain("a path of one machine");
        }
        let source = line.contains("source = ")
            || line.contains("\"resolved\"")
            || line.contains("index-url")
            || line.contains("find-links");
        if lock && source && !public.iter().any(|host| line.contains(host)) {
            complain("a registry of one machine");
        }
    }
    complaints
}

/// Whether `start` stands in the line as the beginning of an absolute path, and not inside a longer one.
fn begins_a_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~}/$*".contains(c))
    })
}
