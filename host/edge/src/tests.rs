#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;

use tidegate_commands::failure::Exit;

use crate::arguments::{Given, Typed, read};
use crate::command::COMMANDS;
use crate::help;

fn typed(line: &str) -> (&'static str, Given) {
    match read(line.split_whitespace().map(Into::into).collect()) {
        Ok(Typed::Command(command, given)) => (command.name, *given),
        Ok(Typed::Text(text)) => (text, Given::default()),
        Err(failure) => panic!("{line}: {}", failure.text()),
    }
}

fn refused(line: &str) -> String {
    let Err(failure) = read(line.split_whitespace().map(Into::into).collect()) else {
        panic!("`{line}` is understood");
    };
    assert_eq!(failure.exit(), Exit::Usage);
    failure.text()
}

#[test]
fn arguments_arrive_where_they_belong() {
    let (name, given) = typed("--json run --listen=127.0.0.1:0 --components a.wasm b --state s --policy p --policy q");
    assert_eq!((name, given.json, given.options.listen.as_deref()), ("run", true, Some("127.0.0.1:0")));
    assert_eq!(given.components, [Path::new("a.wasm"), Path::new("b")]);
    assert_eq!((given.options.state.as_deref(), given.options.policy.len()), (Some(Path::new("s")), 2));
    let (name, given) = typed("add x.wasm --locked y.wasm --log debug");
    assert_eq!((name, given.options.locked, given.words.len()), ("add", true, 2));
    let (name, given) = typed("access add-key phone --tenant home --tools notes/*");
    assert_eq!(
        (name, given.tenant.as_deref(), given.tools.len(), given.words.len()),
        ("access add-key", Some("home"), 1, 1)
    );
    assert_eq!(typed("run --stdio --protocol x").1.protocol.as_deref(), Some("x"));
    for line in ["--help", "help", "run --help", "access list -h"] {
        assert_eq!(typed(line).0, help::ALL);
    }
    assert_eq!(typed("--version").0, help::VERSION);
    // The engine's version is written where texts are made while compiling; it is one.
    for version in [help::VERSION, tidegate_commands::VERSION] {
        assert!(version.contains(&format!("wasmtime {}", tidegate::ENGINE_VERSION)), "{version}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (line, part) in [
        ("", "Usage: tidegate"),
        ("doctor", "no command `doctor` in the edge profile"),
        ("access", "no command `access`"),
        ("run extra", "takes options only"),
        ("remove", "takes names of components"),
        ("run --key k", "takes no option `--key`"),
        ("list --state", "`--state` wants a value"),
        ("list --state --json", "`--state` wants a value"),
        ("list --json=yes", "`--json` takes no value"),
        ("list --log loud", "`--log loud` is not understood"),
        ("run --stdio --listen 127.0.0.1:0", "exclude each other"),
        ("run --protocol x", "is for `--stdio`"),
    ] {
        let text = refused(line);
        assert!(text.contains(part), "{line}: {text}");
    }
}

#[test]
fn the_help_names_everything_that_is_taken() {
    for command in COMMANDS {
        assert!(help::ALL.contains(&format!("\n  {}", command.name)), "{}", command.name);
        for option in command.options {
            assert!(help::ALL.contains(option), "{option}");
        }
    }
}
