//! The rules, over the whole checkout.
#![allow(clippy::unwrap_used, reason = "tests")]

use tidegate_tidy::{File, files, links, none, root, source, table};

fn gathered(rule: impl Fn(&File) -> Vec<String>) -> Vec<String> {
    files().unwrap().iter().flat_map(rule).collect()
}

#[test]
fn dependencies_point_one_way() {
    let page = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    none("docs/ARCHITECTURE.md", &table::complaints(&table::read(&page).unwrap(), &table::actual().unwrap()));
}

#[test]
fn files_are_short_enough_to_read() {
    none("file length", &gathered(|file| source::too_long(file).into_iter().collect()));
}

#[test]
fn unsafe_is_in_the_engine_only() {
    none("unsafe", &gathered(|file| source::unsafe_code(file).into_iter().collect()));
}

#[test]
fn the_host_knows_no_protocol() {
    none("protocol names", &gathered(source::protocol_names));
}

#[test]
fn every_allow_has_a_reason() {
    none("allow", &gathered(source::silent_allows));
}

#[test]
fn every_member_says_what_it_is() {
    let manifests = files().unwrap().into_iter().filter(|file| file.text.contains("\n[workspace]"));
    none("workspace members", &manifests.flat_map(|file| source::silent_members(&file)).collect::<Vec<_>>());
}

#[test]
fn wit_is_documented() {
    let ours = |file: &&File| {
        file.path.starts_with("wit/") && !file.path.starts_with("wit/deps/") && file.path.ends_with(".wit")
    };
    let files = files().unwrap();
    assert!(files.iter().filter(ours).count() > 10, "the WIT packages were not found");
    none("WIT", &files.iter().filter(ours).flat_map(source::undocumented_wit).collect::<Vec<_>>());
}

#[test]
fn the_sdks_wit_is_ours() {
    // A copy, because `tidegate new` writes the SDK into projects that have no checkout beside them.
    let copy = root().join("components/sdk/wit");
    let mut drifted = Vec::new();
    for package in std::fs::read_dir(&copy).unwrap() {
        let package = package.unwrap().path();
        for file in std::fs::read_dir(&package).unwrap() {
            let file = file.unwrap().path();
            let ours = root().join("wit").join(file.strip_prefix(&copy).unwrap());
            if std::fs::read(&file).ok() != std::fs::read(&ours).ok() {
                drifted.push(format!("{} differs from {}: copy it again", file.display(), ours.display()));
            }
        }
    }
    none("WIT of the SDK", &drifted);
}

#[test]
fn vendored_wit_is_that_of_the_runtime() {
    let about = std::process::Command::new(env!("CARGO")).arg("-vV").output().unwrap();
    let about = String::from_utf8(about.stdout).unwrap();
    let platform = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    // Only this platform's packages: the others may never have been downloaded.
    let metadata = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", platform])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata.get("packages").and_then(|packages| packages.as_array()).unwrap();
    let runtime = packages.iter().find(|package| package.get("name").is_some_and(|name| name == "wasmtime-wasi-http"));
    let manifest = runtime.and_then(|package| package.get("manifest_path")?.as_str()).unwrap();
    let theirs = std::path::Path::new(manifest).parent().unwrap().join("wit/deps");
    let drifted = std::fs::read_dir(root().join("wit/deps")).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let ours = std::fs::read(root().join("wit/deps").join(&name)).unwrap();
        let same = std::fs::read(theirs.join(&name)).is_ok_and(|theirs| theirs == ours);
        (!same).then(|| format!("wit/deps/{name} differs from {}", theirs.join(&name).display()))
    });
    none("vendored WIT", &drifted.collect::<Vec<_>>());
}

#[test]
fn nothing_names_one_machine() {
    // These rules and their examples name what they look for.
    none(
        "machine paths",
        &gathered(|file| if file.path.starts_with("tests/tidy/") { Vec::new() } else { source::machine_traces(file) }),
    );
}

#[test]
fn links_lead_somewhere() {
    let read = |path: &str| {
        let path = root().join(path);
        if path.is_dir() { Some(String::new()) } else { std::fs::read_to_string(path).ok() }
    };
    none("links", &gathered(|file| if file.path.ends_with(".md") { links::broken(file, read) } else { Vec::new() }));
}

#[test]
fn lock_files_pin_everything() {
    let mut complaints = Vec::new();
    let mut locks = 0;
    for file in files().unwrap() {
        if file.path.ends_with("Cargo.lock") {
            locks += 1;
        } else if file.path.ends_with("requirements.txt") {
            locks += 1;
            let loose = file
                .text
                .lines()
                .filter(|line| !line.starts_with('#') && !line.trim().is_empty() && !line.contains("=="));
            complaints.extend(loose.map(|line| format!("{}: `{line}` has no exact version", file.path)));
        } else if file.path.ends_with("package-lock.json") {
            locks += 1;
            let lock: serde_json::Value = serde_json::from_str(&file.text).unwrap();
            for (name, package) in lock.get("packages").and_then(|packages| packages.as_object()).unwrap() {
                if !name.is_empty() && package.get("integrity").is_none() {
                    complaints.push(format!("{}: `{name}` has no hash", file.path));
                }
            }
        }
    }
    assert!(locks >= 3, "a lock file is missing: only {locks}");
    for workspace in ["", "components/", "tests/fixtures/"] {
        if root().join(workspace).join("Cargo.toml").is_file() && !root().join(workspace).join("Cargo.lock").is_file() {
            complaints.push(format!("{workspace}Cargo.lock is missing"));
        }
    }
    none("lock files", &complaints);
}

#[test]
fn the_machine_runs_the_readmes_command() {
    let script = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    let lines = script.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let expected = ["set -euo pipefail", "cd \"$(dirname \"$0\")/..\"", "exec cargo x test </dev/null 2>&1"];
    assert_eq!(lines.collect::<Vec<_>>(), expected, ".ci/run calls the test command and nothing else");
}
