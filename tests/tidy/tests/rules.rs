//! Each rule on a text that breaks it and on one that does not: a rule that never complains would pass everything.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use tidegate_tidy::table::Edges;
use tidegate_tidy::{File, links, source, table};

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

fn edges(rows: &[(&str, &[&str])]) -> Edges {
    let row = |(name, may): &(&str, &[&str])| ((*name).to_owned(), may.iter().map(|may| (*may).to_owned()).collect());
    rows.iter().map(row).collect()
}

#[test]
fn a_dependency_without_permission_is_found() {
    let page =
        "text\n\n| crate | may depend on |\n|---|---|\n| `a` | `b`, `c` |\n| `b` | |\n| `c` | `*` |\n\nmore | text |\n";
    let table = table::read(page).unwrap();
    assert_eq!(table, edges(&[("a", &["b", "c"]), ("b", &[]), ("c", &["*"])]));
    let good = edges(&[("a", &["b"]), ("b", &[]), ("c", &["a", "b"])]);
    assert!(table::complaints(&table, &good).is_empty());
    let bad = edges(&[("a", &["b"]), ("b", &["c"]), ("d", &[])]);
    let complaints = table::complaints(&table, &bad).join("\n");
    assert!(complaints.contains("`b` depends on `c`"), "{complaints}");
    assert!(complaints.contains("`d` has no row"), "{complaints}");
    assert!(complaints.contains("`c` has a row and is no crate"), "{complaints}");
    assert!(table::read("no table").is_err());
    assert!(table::read(&page.replace("`b` | |", "`a` | |")).is_err(), "two rows");
}

#[test]
fn a_long_file_is_found() {
    let long = "\n".repeat(601);
    assert!(source::too_long(&file("host/a/src/lib.rs", &long)).is_some());
    assert!(source::too_long(&file("tests/e2e/src/lib.rs", &long)).is_some());
    assert!(source::too_long(&file("host/a/src/lib.rs", &"\n".repeat(600))).is_none());
    for tests in ["host/a/src/lib/tests.rs", "tests/e2e/tests/shipped.rs", "host/a/tests/x.rs"] {
        assert!(source::too_long(&file(tests, &long)).is_none(), "{tests}");
    }
}

#[test]
fn code_is_told_from_text() {
    let text = "let a = \"unsafe \\\" //\"; // unsafe\nlet q = '\"'; let b = r#\"x \" y\"#; /* unsafe */ let c = 'a';";
    let code = source::code(text);
    assert!(!code.contains("unsafe") && !code.contains('x') && !code.contains('y'), "{code}");
    assert!(code.contains("let q = ") && code.contains("let b = ") && code.contains("let c = 'a';"), "{code}");
}

#[test]
fn unsafe_code_is_found() {
    let text = "fn f() { unsafe { g() } }";
    assert!(source::unsafe_code(&file("host/router/src/lib.rs", text)).is_some());
    assert!(source::unsafe_code(&file("host/engine/src/lib.rs", text)).is_none());
    assert!(source::unsafe_code(&file("host/router/src/lib.rs", "// unsafe\nlet unsafe_code = 1;")).is_none());
}

#[test]
fn a_protocols_name_is_found() {
    for text in ["fn f() { jsonrpc() }", "// speaks MCP\n", "const A: &str = \"json-rpc\";"] {
        assert_eq!(source::protocol_names(&file("host/router/src/lib.rs", text)).len(), 1, "{text}");
    }
    assert_eq!(source::protocol_names(&file("policies/presets/a.toml", "x = \"mcp\"")).len(), 1);
    assert!(source::protocol_names(&file("policies/presets/a.toml", "component = \"protocol-mcp\"")).is_empty());
    assert!(source::protocol_names(&file("components/protocol-mcp/src/lib.rs", "// MCP")).is_empty());
}

#[test]
fn silent_members_and_allows_are_found() {
    let manifest =
        "[workspace]\nmembers = [\n    # --- rooms ---\n    \"a\", # what it is\n    \"b\",\n    \"c\", #\n]\n\"d\",\n";
    assert_eq!(source::silent_members(&file("Cargo.toml", manifest)).len(), 2);
    let text = "#[allow(dead_code)]\nfn f() {}\n#![allow(clippy::panic, reason = \"tests\")]\n// #[allow(x)]\n";
    assert_eq!(source::silent_allows(&file("a.rs", text)).len(), 1);
}

#[test]
fn wit_without_words_is_found() {
    let text = "/// P.\npackage a:b@0.1.0;\n\n/// I.\ninterface i {\n    use x.{y,\n        z};\n    /// R.\n    record r {\n        /// F.\n        a: u8,\n        b: u8,\n    }\n    /// H.\n    resource h {\n        constructor();\n        /// M.\n        m: func(\n            a: u8,\n        );\n    }\n    /// T.\n    type t = u8;\n    f: func() -> u8;\n}\nworld w {\n    import i;\n}\n";
    let complaints = source::undocumented_wit(&file("wit/a.wit", text)).join("\n");
    for missing in ["wit/a.wit:12:", "wit/a.wit:16:", "wit/a.wit:24:", "wit/a.wit:26:"] {
        assert!(complaints.contains(missing), "{missing} in\n{complaints}");
    }
    assert_eq!(complaints.lines().count(), 4, "{complaints}");
}

#[test]
fn traces_of_a_machine_are_found() {
    for text in ["path = \"/home/ann/x\"", "see /root/.cargo", "in /work/main"] {
        assert_eq!(source::machine_traces(&file("a.md", text)).len(), 1, "{text}");
    }
    for text in ["$HOME/work/x", "the folder target/work/a", "https://example.org/home/x", "guest /files"] {
        assert!(source::machine_traces(&file("a.md", text)).is_empty(), "{text}");
    }
    let lock = "source = \"registry+https://mirror.example/index\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    assert_eq!(source::machine_traces(&file("Cargo.lock", lock)).len(), 1);
    assert_eq!(
        source::machine_traces(&file("x/package-lock.json", "\"resolved\": \"https://mirror.example/a.tgz\",")).len(),
        1
    );
}

#[test]
fn a_broken_link_is_found() {
    let there = |path: &str| (path == "docs/A.md").then(|| "# One\n\n## Two words, `code`!\n".to_owned());
    let check = |text: &str| {
        links::broken(
            &file("docs/B.md", text),
            |path| if path == "docs/B.md" { Some(text.into()) } else { there(path) },
        )
    };
    for good in [
        "[a](A.md)",
        "[a](../docs/A.md#two-words-code)",
        "[`a`](/docs/A.md#one)",
        "[x](https://e.org)",
        "`[a](no.md)`",
        "```\n[a](no.md)\n```",
        "# Here\n[a](#here)",
    ] {
        assert!(check(good).is_empty(), "{good}: {:?}", check(good));
    }
    for bad in ["[a](no.md)", "see [a](A.md), [b](../A.md)", "[a](A.md#three)", "[`a`](no.md)", "[a](#nowhere)"] {
        assert_eq!(check(bad).len(), 1, "{bad}: {:?}", check(bad));
    }
}
