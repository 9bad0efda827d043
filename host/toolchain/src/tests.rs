#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use crate::command::{self, Stdout, is_scrubbed};
use crate::find::version_of;
use crate::{BuildError, BuildRequest, FindError, InstallError, Origin, Surroundings, Toolchain};

/// A machine in a folder: programs are shell scripts.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn file(&self, path: &str, text: &str) -> PathBuf {
        let file = self.at(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    fn program(&self, path: &str, script: &str) -> PathBuf {
        let file = self.file(path, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    /// A toolchain of rustup's with this name, whose `rustc` is on the path.
    fn rustup_toolchain(&self, name: &str) {
        let sysroot = self.at(&format!("rustup/toolchains/{name}"));
        self.program("bin/rustc", &format!("echo {}", sysroot.display()));
        self.program(&format!("rustup/toolchains/{name}/bin/rustc"), "true");
        self.program(&format!("rustup/toolchains/{name}/bin/cargo"), "true");
    }

    fn target_library(&self, name: &str) -> PathBuf {
        self.at(&format!("rustup/toolchains/{name}/lib/rustlib/wasm32-wasip2/lib/libstd-1.rlib"))
    }

    fn debian(&self, version: &str) {
        self.program("usr/bin/rustc", &format!("echo 'rustc {version} (built from a source tarball)'"));
        self.program("usr/bin/cargo", "true");
        self.file("usr/lib/rustlib/src/rust/library/std/Cargo.toml", "");
        self.file("usr/lib/wasm32-wasi/libc.a", "");
    }

    fn around(&self) -> Surroundings {
        Surroundings {
            path: std::env::join_paths([self.at("bin"), PathBuf::from("/bin")]).unwrap(),
            rustup_home: self.at("rustup"),
            cargo_home: self.at("cargo"),
            system_root: self.folder.path().to_path_buf(),
        }
    }
}

fn silent(_: &str) {}

#[test]
fn a_toolchain_with_the_target_builds_itself() {
    let machine = Machine::new();
    machine.rustup_toolchain("stable");
    machine.debian("1.96.0");
    let library = machine.target_library("stable");
    machine.file(library.strip_prefix(machine.folder.path()).unwrap().to_str().unwrap(), "");
    let found = Toolchain::find_in(&machine.around()).unwrap();
    assert_eq!(found.origin(), &Origin::Target);
    assert_eq!(found.cargo(), machine.at("rustup/toolchains/stable/bin/cargo"), "not a proxy, not Debian's");
}

#[test]
fn debian_builds_when_the_target_is_missing() {
    let machine = Machine::new();
    machine.rustup_toolchain("stable");
    machine.debian("1.96.0");
    let linker = machine.program("rustup/toolchains/old/lib/rustlib/x86_64/bin/wasm-component-ld", "true");
    let found = Toolchain::find_in(&machine.around()).unwrap();
    assert_eq!(found.origin(), &Origin::BuildStd { native: machine.at("usr/lib/wasm32-wasi") });
    assert_eq!(std::env::split_paths(&found.path).next().as_deref(), linker.parent(), "any toolchain's linker serves");
}

#[test]
fn debian_without_a_linker_names_the_command() {
    let machine = Machine::new();
    machine.debian("1.96.0");
    let missing = Toolchain::find_in(&machine.around()).unwrap_err();
    assert!(matches!(missing, FindError::NoComponentLinker), "{missing}");
    assert!(missing.to_string().contains("`cargo install --locked wasm-component-ld`"));
}

#[test]
fn an_old_debian_is_not_used() {
    let machine = Machine::new();
    machine.rustup_toolchain("stable");
    machine.debian("1.63.0");
    let missing = Toolchain::find_in(&machine.around()).unwrap_err();
    assert!(matches!(&missing, FindError::NoTarget { .. }), "{missing}");
    assert!(missing.to_string().contains("`rustup target add wasm32-wasip2`"));
    assert!(missing.to_string().contains("`sudo apt-get install -y rustc-web"));
}

#[test]
fn a_machine_without_rust_is_told_where_to_get_it() {
    let missing = Toolchain::find_in(&Surroundings { path: "".into(), ..Machine::new().around() }).unwrap_err();
    assert!(matches!(missing, FindError::NoRust));
}

#[test]
fn rustup_installs_the_target_of_the_toolchain_in_use() {
    let machine = Machine::new();
    machine.rustup_toolchain("stable");
    let library = machine.target_library("stable");
    let log = machine.at("asked");
    let script = format!(
        "echo \"$@\" > {}; mkdir -p {}; touch {}",
        log.display(),
        library.parent().unwrap().display(),
        library.display()
    );
    machine.program("bin/rustup", &script);
    let found = Toolchain::find_or_install_in(&machine.around(), &silent).unwrap();
    assert_eq!(found.origin(), &Origin::Target);
    assert_eq!(fs::read_to_string(log).unwrap(), "target add wasm32-wasip2 --toolchain stable\n");
}

#[test]
fn packages_are_the_second_way() {
    let machine = Machine::new();
    machine.rustup_toolchain("stable");
    machine.program("bin/rustup", "echo 'no route to host' >&2; exit 1");
    machine.program("rustup/toolchains/stable/lib/rustlib/x86_64/bin/wasm-component-ld", "true");
    machine.program("bin/id", "echo 0");
    let (debian, log) = (machine.at("later"), machine.at("asked"));
    // What the packages would put there lies ready, and `apt-get install` moves it into place.
    let ready = Machine { folder: tempfile::tempdir_in(machine.folder.path()).unwrap() };
    ready.debian("1.96.0");
    fs::rename(ready.at("usr"), &debian).unwrap();
    machine.program(
        "bin/apt-get",
        &format!(
            "echo \"$@\" >> {}; if [ $1 = install ]; then mv {} {}; fi",
            log.display(),
            debian.display(),
            machine.at("usr").display()
        ),
    );
    let found = Toolchain::find_or_install_in(&machine.around(), &silent).unwrap();
    assert!(matches!(found.origin(), Origin::BuildStd { .. }));
    let asked = fs::read_to_string(log).unwrap();
    assert!(asked.starts_with("update -q\ninstall -q -y --no-install-recommends rustc-web "), "{asked}");
}

#[test]
fn a_person_is_told_what_was_tried_and_what_to_run() {
    let machine = Machine::new();
    machine.rustup_toolchain("stable");
    machine.program("bin/rustup", "echo 'no route to host' >&2; exit 1");
    machine.program("bin/id", "echo 1000");
    machine.program("bin/sudo", "exit 1");
    machine.program("bin/apt-get", "exit 1");
    let lines = Mutex::new(Vec::new());
    let progress = |line: &str| lines.lock().unwrap().push(line.to_owned());
    let failed = Toolchain::find_or_install_in(&machine.around(), &progress).unwrap_err();
    let InstallError::NoWay { reasons, mend } = failed else { panic!("{failed}") };
    assert!(reasons[0].contains("no route to host"), "{reasons:?}");
    assert!(reasons[1].contains("needs root"), "{reasons:?}");
    assert!(mend.starts_with("sudo apt-get install -y rustc-web"), "{mend}");
    assert!(lines.lock().unwrap().iter().any(|line| line == "no route to host"), "rustup's own words are shown");
}

#[test]
fn a_child_that_takes_too_long_is_ended() {
    let mut slow = std::process::Command::new("sleep");
    let finished = command::run(slow.arg("600"), Some(Duration::from_millis(50)), Stdout::Collect, &silent).unwrap();
    assert!(finished.timed_out && !finished.success);
}

#[test]
fn what_an_outer_cargo_sets_is_scrubbed() {
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR", "RUSTUP_TOOLCHAIN", "CARGO_PKG_NAME"] {
        assert!(is_scrubbed(name), "{name}");
    }
    for name in ["PATH", "CARGO_HOME", "RUSTUP_HOME", "CARGO_HTTP_PROXY", "CARGO_REGISTRIES_X_INDEX", "HTTPS_PROXY"] {
        assert!(!is_scrubbed(name), "{name}");
    }
}

#[test]
fn versions_are_read() {
    assert_eq!(version_of("rustc 1.96.0 (ac68faa20 2026-05-25)"), Some((1, 96)));
    assert_eq!(version_of("clang"), None);
}

fn guest(source: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"tiny-guest\"\nversion = \"1.0.0\"\nedition = \"2024\"\n[workspace]\n";
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/main.rs"), source).unwrap();
    folder
}

fn request(folder: &Path) -> BuildRequest {
    BuildRequest { manifest_dir: folder.to_path_buf(), target_dir: folder.join("target"), ..BuildRequest::default() }
}

/// With the real toolchain of this machine, which `cargo x test` has installed by now.
#[test]
fn a_component_is_built_once() {
    let toolchain = Toolchain::find().unwrap();
    let folder = guest("fn main() {}");
    let built = toolchain.build(&request(folder.path()), &silent).unwrap();
    assert_eq!(built.len(), 1);
    assert!(!built[0].fresh);
    assert_eq!(built[0].manifest, folder.path().canonicalize().unwrap().join("Cargo.toml"));
    // The preamble of a component: magic, version 13, layer 1.
    assert_eq!(fs::read(&built[0].wasm).unwrap()[..8], *b"\0asm\x0d\0\x01\0");
    let again = toolchain.build(&request(folder.path()), &silent).unwrap();
    assert!(again[0].fresh);
}

#[test]
fn a_mistake_in_the_source_is_shown() {
    let toolchain = Toolchain::find().unwrap();
    let folder = guest("fn main() { this_is_not_there() }");
    let failed = toolchain.build(&request(folder.path()), &silent).unwrap_err();
    let BuildError::Failed { stderr, .. } = failed else { panic!("{failed}") };
    assert!(stderr.contains("this_is_not_there"), "{stderr}");
}
