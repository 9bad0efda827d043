#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use tidegate_sdk::serde_json::{Value, from_str, json};

use crate::paths::matches;

/// A directory that is removed at the end of a test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tool-files-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(path.join("sub/deep")).unwrap();
        fs::write(path.join("a.txt"), "first\nSecond line\nthird\n").unwrap();
        fs::write(path.join("sub/b.md"), "second file\n").unwrap();
        fs::write(path.join("sub/deep/c.bin"), b"second\0\xff").unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn call(name: &str, arguments: &Value) -> Value {
    let output = crate::toolbox().call_detached(name, &arguments.to_string()).unwrap();
    assert!(!output.is_error, "{}", output.plain_text());
    from_str(output.structured.as_ref().unwrap()).unwrap()
}

fn refused(name: &str, arguments: &Value) -> String {
    match crate::toolbox().call_detached(name, &arguments.to_string()) {
        Ok(output) if output.is_error => output.plain_text(),
        Ok(output) => panic!("not refused: {output:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_directory_is_listed_to_a_depth_and_a_limit() {
    let dir = Dir::new();
    let flat = call("list_directory", &json!({"path": dir.path("")}));
    assert_eq!(flat["entries"].as_array().unwrap().len(), 2);
    assert_eq!(
        (flat["entries"][0]["kind"].as_str(), flat["entries"][1]["kind"].as_str()),
        (Some("file"), Some("directory"))
    );
    let deep = call("list_directory", &json!({"path": dir.path(""), "depth": 3}));
    assert_eq!(deep["entries"].as_array().unwrap().len(), 5);
    let cut = call("list_directory", &json!({"path": dir.path(""), "depth": 3, "limit": 2}));
    assert_eq!((cut["entries"].as_array().unwrap().len(), cut["truncated"].as_bool()), (2, Some(true)));
}

#[test]
fn text_is_read_whole_and_in_parts() {
    let dir = Dir::new();
    let whole = call("read_file", &json!({"path": dir.path("a.txt")}));
    assert_eq!((whole["text"].as_str(), whole.get("next_offset")), (Some("first\nSecond line\nthird\n"), None));
    let part = call("read_file", &json!({"path": dir.path("a.txt"), "offset": 6, "limit": 6}));
    assert_eq!((part["text"].as_str(), part["next_offset"].as_u64()), (Some("Second"), Some(12)));
    fs::write(dir.path("umlaut"), "aäb").unwrap();
    let cut = call("read_file", &json!({"path": dir.path("umlaut"), "limit": 2}));
    assert_eq!((cut["text"].as_str(), cut["next_offset"].as_u64()), (Some("a"), Some(1)), "no half characters");
}

#[test]
fn bytes_are_read_only_when_asked_for() {
    let dir = Dir::new();
    let path = dir.path("sub/deep/c.bin");
    assert!(refused("read_file", &json!({"path": path})).contains("set `binary`"));
    let bytes = call("read_file", &json!({"path": path, "binary": true}));
    assert_eq!(bytes["base64"], "c2Vjb25kAP8=");
}

#[test]
fn files_are_replaced_created_and_appended_to() {
    let dir = Dir::new();
    let path = dir.path("a.txt");
    assert_eq!(call("write_file", &json!({"path": path, "content": "new"}))["existed"], true);
    assert!(refused("write_file", &json!({"path": path, "content": "x", "mode": "create"})).contains("exists"));
    call("write_file", &json!({"path": path, "content": "er", "mode": "append"}));
    assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
    call("write_file", &json!({"path": path, "content": "AP8=", "base64": true}));
    assert_eq!(fs::read(&path).unwrap(), [0, 255]);
    let names: Vec<_> = fs::read_dir(&dir.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "no temporary file is left: {names:?}");
}

#[test]
fn directories_are_made_only_when_asked_for() {
    let dir = Dir::new();
    let path = dir.path("x/y/z.txt");
    assert!(refused("write_file", &json!({"path": path, "content": "z"})).contains("create_directories"));
    call("write_file", &json!({"path": path, "content": "z", "create_directories": true}));
    assert_eq!(fs::read_to_string(path).unwrap(), "z");
}

#[test]
fn files_are_found_by_name_and_by_text() {
    let dir = Dir::new();
    let paths = |found: &Value| -> Vec<String> {
        found["matches"].as_array().unwrap().iter().map(|found| found["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(paths(&call("search_files", &json!({"path": dir.path(""), "name": "*.md"}))), [dir.path("sub/b.md")]);
    let text = call("search_files", &json!({"path": dir.path(""), "text": "second"}));
    assert_eq!(paths(&text), [dir.path("a.txt"), dir.path("sub/b.md")], "bytes are passed over");
    assert_eq!(
        (text["matches"][0]["line"].as_u64(), text["matches"][0]["text"].as_str()),
        (Some(2), Some("Second line"))
    );
    let exact = call("search_files", &json!({"path": dir.path(""), "text": "second", "case_sensitive": true}));
    assert_eq!(paths(&exact), [dir.path("sub/b.md")]);
    let cut = call("search_files", &json!({"path": dir.path(""), "text": "second", "limit": 1}));
    assert_eq!((paths(&cut).len(), cut["truncated"].as_bool()), (1, Some(true)));
    assert!(refused("search_files", &json!({"path": dir.path("")})).contains("`name`, `text` or both"));
}

#[test]
fn globs_mean_what_shells_mean() {
    for (glob, path, expected) in [
        ("*.txt", "a.txt", true),
        ("*.txt", "sub/a.txt", true),
        ("*.txt", "a.txt.gz", false),
        ("a?c", "abc", true),
        ("src/*.rs", "src/a.rs", true),
        ("src/*.rs", "src/x/a.rs", false),
        ("src/**/*.rs", "src/x/y/a.rs", true),
        ("src/**/*.rs", "src/a.rs", true),
        ("**/a.rs", "a.rs", true),
        ("src/**", "src/x/y", true),
        ("src/**", "other/x", false),
    ] {
        assert_eq!(matches(glob, path), expected, "{glob} {path}");
    }
    assert!(!matches(&"*a".repeat(50), &"a".repeat(49)), "and quickly");
}

#[test]
fn errors_say_what_there_is() {
    let dir = Dir::new();
    assert!(refused("read_file", &json!({"path": "../etc/passwd"})).contains("has `..`"));
    assert!(refused("read_file", &json!({"path": "relative"})).contains("is relative"));
    assert!(refused("read_file", &json!({"path": dir.path("none")})).contains("no directory is granted"));
    assert!(refused("read_file", &json!({"path": dir.path("sub")})).contains("`list_directory`"));
    assert!(refused("list_directory", &json!({"path": "/", "depth": 99})).contains("1 to 16"));
}

#[test]
fn a_link_is_shown_and_not_followed() {
    let dir = Dir::new();
    std::os::unix::fs::symlink("/etc", dir.0.join("out")).unwrap();
    assert_eq!(call("file_info", &json!({"path": dir.path("out")}))["kind"], "link");
    let deep = call("list_directory", &json!({"path": dir.path(""), "depth": 2}));
    assert!(!deep.to_string().contains("passwd"));
}
