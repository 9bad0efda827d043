#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegate_bundle::CodeLayout;
use tidegate_rules::{PublicKey, SignedBy};

use super::*;

const WHOLE: &str = r#"
state = "/var/lib/tidegate"
listen = "[::1]:9000"
policy = ["policy.toml", "/etc/more.toml"]
keys = "my-keys"
lock = "my.lock"
locked = true
seal-key = "seal.key"
development = true
trusted-root = "root.json"

[http]
allowed-origins = ["https://App.example.com", "http://192.168.1.5:3000"]
allowed-hosts = ["gate.example.com"]
max-body = "4MiB"
header-timeout = "5s"
max-header-bytes = "32KiB"
idle-timeout = "1m"
socket-mode = "0660"

[tls]
certificate = "node.crt"
key = "/etc/node.key"

[access]
keys = true
resource = "https://gate.example.com/x"
scopes = ["files:read"]
roots = "ca.pem"

[[access.issuer]]
issuer = "https://login.example.com"
jwks = "https://login.example.com/keys"
jwks-file = "login.jwks"
algorithms = ["ES256"]
types = ["at+jwt", "JWT"]
leeway = "5s"

[models]
memory = "256MiB"

[engine]
code = "pulley"
compile = false
layout = "compact:16MiB"

[compile]
memory = "512MiB"
cpu = "20s"
wall = "40s"
output = "128MiB"
input = "32MiB"

[log]
level = "debug"
format = "json"

[[source]]
place = "https://plugins.example/edge"
index-key = "plugins.pub"

[[source]]
place = "stick"
index-key = "/etc/stick.pub"
"#;

/// A folder with a configuration file, and an environment that names it.
fn with_file(text: &str, variables: &[(&str, &str)]) -> (tempfile::TempDir, Environment) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tidegate.toml"), text).unwrap();
    let path = folder.path().join("tidegate.toml").display().to_string();
    let mut all = vec![("TIDEGATE_CONFIG", path.as_str()), ("HOME", "/users/ada")];
    all.extend(variables);
    let environment = Environment::with(&all, "/here");
    (folder, environment)
}

fn problems(text: &str) -> Vec<String> {
    let (_folder, environment) = with_file(text, &[]);
    match Config::load(&Options::default(), &environment) {
        Err(ConfigError::File { problems }) => {
            let place =
                |problem: &tidegate_rules::Problem| format!("{}:{}: {}", problem.line, problem.column, problem.message);
            problems.iter().map(place).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn defaults_without_a_file() {
    let environment = Environment::with(&[("HOME", "/users/ada")], "/here");
    let config = Config::load(&Options::default(), &environment).unwrap();
    let lines: Vec<_> = config.lines().into_iter().map(|line| (line.key, line.value)).collect();
    let expected = [
        ("config", "/users/ada/.config/tidegate/tidegate.toml"),
        ("state", "/users/ada/.local/state/tidegate"),
        ("listen", "127.0.0.1:8765"),
        ("policy", "/users/ada/.config/tidegate/policy.toml"),
        ("keys", "/users/ada/.config/tidegate/keys"),
        ("lock", "/users/ada/.config/tidegate/tidegate.lock"),
        ("locked", "false"),
        ("seal-key", ""),
        ("development", "false"),
        ("trusted-root", ""),
        ("source", ""),
        ("http.allowed-origins", ""),
        ("http.allowed-hosts", ""),
        ("http.max-body", "16MiB"),
        ("http.header-timeout", "10s"),
        ("http.max-header-bytes", "64KiB"),
        ("http.idle-timeout", "2m"),
        ("http.socket-mode", "0600"),
        ("tls", ""),
        ("access.keys", "false"),
        ("access.resource", ""),
        ("access.scopes", ""),
        ("access.roots", ""),
        ("access.issuer", ""),
        ("engine.code", "native"),
        ("engine.compile", "true"),
        ("engine.layout", "auto"),
        ("models.memory", "512MiB"),
        ("compile.memory", "1GiB"),
        ("compile.cpu", "1m"),
        ("compile.wall", "2m"),
        ("compile.output", "256MiB"),
        ("compile.input", "64MiB"),
        ("log.level", "info"),
        ("log.format", "text"),
    ];
    assert_eq!(lines, expected.map(|(key, value)| (key, value.to_owned())));
    assert!(config.lines().iter().all(|line| line.from == Provenance::Default));
}

#[test]
fn every_key_of_the_file_counts() {
    let (folder, environment) = with_file(WHOLE, &[]);
    let config = Config::load(&Options::default(), &environment).unwrap();
    assert_eq!(config.state.value, Path::new("/var/lib/tidegate"));
    assert_eq!(config.listen.value.to_string(), "[::1]:9000");
    assert_eq!(config.policy.value, [folder.path().join("policy.toml"), PathBuf::from("/etc/more.toml")]);
    assert_eq!(config.keys.value, folder.path().join("my-keys"));
    assert_eq!(config.lock.value, folder.path().join("my.lock"));
    assert!(config.locked.value);
    assert!(config.seal_key.value.as_ref().is_some_and(|path| path.ends_with("seal.key") && path.is_absolute()));
    assert!(config.development.value);
    assert_eq!(config.http.allowed_origins.value, ["https://app.example.com", "http://192.168.1.5:3000"]);
    assert_eq!(config.http.allowed_hosts.value, ["gate.example.com"]);
    assert_eq!(config.http.max_body.value, 4 << 20);
    assert_eq!(config.http.header_timeout.value, Duration::from_secs(5));
    assert_eq!(config.http.max_header_bytes.value, 32 << 10);
    assert_eq!(config.http.idle_timeout.value, Duration::from_secs(60));
    assert_eq!(config.models_memory.value, 256 << 20);
    assert_eq!(config.engine.code.value, CodeKind::Pulley);
    assert!(!config.engine.compile.value && config.engine.code.value.target().is_pulley());
    assert_eq!(config.engine.layout.value, Some(CodeLayout::Compact { max_memory: 16 << 20 }));
    assert_eq!(config.compile.memory.value, 512 << 20);
    assert_eq!(config.compile.cpu.value, Duration::from_secs(20));
    assert_eq!(config.compile.wall.value, Duration::from_secs(40));
    assert_eq!(config.compile.output.value, 128 << 20);
    assert_eq!(config.compile.input.value, 32 << 20);
    assert_eq!(config.trusted_root.value, Some(folder.path().join("root.json")));
    let stick = folder.path().join("stick").display().to_string();
    let sources = config.sources.value.iter().map(|source| (source.place.as_str(), source.index_key.clone()));
    let expected = [
        ("https://plugins.example/edge", folder.path().join("plugins.pub")),
        (stick.as_str(), PathBuf::from("/etc/stick.pub")),
    ];
    assert_eq!(sources.collect::<Vec<_>>(), expected);
    assert_eq!(config.log.level.value, LogLevel::Debug);
    assert_eq!(config.log.format.value, LogFormat::Json);
    let lines = config.lines();
    assert_eq!(lines[0].from, Provenance::Environment("TIDEGATE_CONFIG"));
    assert!(lines[1..].iter().all(|line| matches!(line.from, Provenance::File(_))), "{lines:?}");
    assert!(config.log.level.from.to_string().ends_with("tidegate.toml:55"), "{}", config.log.level.from);
}

#[test]
fn command_line_over_environment_over_file() {
    let variables = [
        ("TIDEGATE_STATE", "state"),
        ("TIDEGATE_LISTEN", "127.0.0.1:1"),
        ("TIDEGATE_POLICY", "/a.toml:b.toml"),
        ("TIDEGATE_KEYS", "/keys"),
        ("TIDEGATE_LOG", "warn"),
        ("TIDEGATE_LOG_FORMAT", "text"),
    ];
    let (_folder, environment) = with_file(WHOLE, &variables);
    let config = Config::load(&Options::default(), &environment).unwrap();
    assert_eq!(config.state.value, Path::new("/here/state"));
    assert_eq!(config.listen.value.to_string(), "127.0.0.1:1");
    assert_eq!(config.policy.value, [Path::new("/a.toml"), Path::new("/here/b.toml")]);
    assert_eq!(config.keys.value, Path::new("/keys"));
    assert_eq!((config.log.level.value, config.log.format.value), (LogLevel::Warn, LogFormat::Text));
    let from = |config: &Config| {
        let settings = [&config.state.from, &config.listen.from, &config.policy.from, &config.keys.from];
        settings
            .into_iter()
            .chain([&config.log.level.from, &config.log.format.from])
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(from(&config), variables.map(|(name, _)| format!("environment variable {name}")));

    let options = Options {
        config: None,
        state: Some("other".into()),
        listen: Some("127.0.0.1:2".into()),
        policy: vec!["c.toml".into()],
        keys: Some("/k".into()),
        log_level: Some(LogLevel::Error),
        log_format: Some(LogFormat::Json),
        development: true,
        lock: Some("other.lock".into()),
        locked: true,
    };
    let config = Config::load(&options, &environment).unwrap();
    assert_eq!(config.state.value, Path::new("/here/other"));
    assert_eq!(config.listen.value.to_string(), "127.0.0.1:2");
    assert_eq!(config.policy.value, [Path::new("/here/c.toml")]);
    assert_eq!(config.keys.value, Path::new("/k"));
    assert_eq!((config.log.level.value, config.log.format.value), (LogLevel::Error, LogFormat::Json));
    let flags = ["--state", "--listen", "--policy", "--keys", "--log", "--log-format"];
    assert_eq!(from(&config), flags.map(|flag| format!("option {flag}")));
    assert_eq!(config.development.from, Provenance::Option("--development"));
    assert_eq!((config.lock.value.as_path(), config.locked.value), (Path::new("/here/other.lock"), true));
    assert_eq!(config.locked.from, Provenance::Option("--locked"));
}

#[test]
fn base_directories() {
    let load = |variables: &[(&str, &str)]| Config::load(&Options::default(), &Environment::with(variables, "/here"));
    let config = load(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s"), ("XDG_CONFIG_HOME", "/c")]).unwrap();
    assert_eq!(config.state.value, Path::new("/s/tidegate"));
    assert_eq!(config.policy.value, [Path::new("/c/tidegate/policy.toml")]);
    // Relative ones are to be ignored, empty ones are not set.
    let config = load(&[("HOME", "/h"), ("XDG_STATE_HOME", "s"), ("XDG_CONFIG_HOME", "")]).unwrap();
    assert_eq!(config.state.value, Path::new("/h/.local/state/tidegate"));
    assert_eq!(config.file.value, Path::new("/h/.config/tidegate/tidegate.toml"));
    assert!(matches!(load(&[]), Err(ConfigError::NoHome)));
    assert!(matches!(load(&[("XDG_CONFIG_HOME", "/c")]), Err(ConfigError::NoHome)));
    assert!(load(&[("XDG_CONFIG_HOME", "/c"), ("TIDEGATE_STATE", "/s")]).is_ok());
}

#[test]
fn what_others_reach_takes_a_certificate_and_clients_who_prove_who_they_are() {
    let tls = "[tls]\ncertificate = \"a\"\nkey = \"b\"\n";
    let keys = "[access]\nkeys = true\n";
    let issuer = "[access]\nresource = \"https://a.example\"\n[[access.issuer]]\nissuer = \"https://b.example\"\n";
    for (listen, local) in [
        ("0.0.0.0:8765", false),
        ("[::]:8765", false),
        ("192.168.1.2:8765", false),
        ("[::ffff:192.168.1.2]:8765", false),
        ("127.0.0.1:0", true),
        ("127.8.8.8:80", true),
        ("[::1]:8765", true),
        ("[::ffff:127.0.0.1]:8765", true),
        ("unix:/run/x.sock", true),
    ] {
        for (text, missing) in [
            (String::new(), &["[tls]", "[access]"][..]),
            (tls.to_owned(), &["[access]"]),
            (keys.to_owned(), &["[tls]"]),
            (format!("{tls}[access]\nkeys = false\n"), &["[access]"]),
            (format!("{tls}{keys}"), &[]),
            (format!("{tls}{issuer}"), &[]),
        ] {
            let (_folder, environment) = with_file(&text, &[("TIDEGATE_LISTEN", listen)]);
            match Config::load(&Options::default(), &environment) {
                Ok(config) => {
                    assert!(local || missing.is_empty(), "{listen} {text}");
                    assert_eq!(config.listen.value.to_string(), listen);
                }
                Err(error) => {
                    let error = error.to_string();
                    assert!(!local && !missing.is_empty(), "{listen} {text}: {error}");
                    for setting in ["[tls]", "[access]"] {
                        assert_eq!(error.contains(setting), missing.contains(&setting), "{error}");
                    }
                    assert!(error.starts_with("environment variable TIDEGATE_LISTEN: "), "{error}");
                }
            }
        }
    }
    let environment = Environment::with(&[("HOME", "/h")], "/here");
    for listen in ["localhost:8765", "8765", "127.0.0.1", "", "unix:", "unix:~/x"] {
        let options = Options { listen: Some(listen.into()), ..Options::default() };
        let error = Config::load(&options, &environment).unwrap_err().to_string();
        assert!(error.contains("is not an address and a port") || error.contains("names no socket"), "{error}");
    }
    let options = Options { listen: Some("unix:x.sock".into()), ..Options::default() };
    let config = Config::load(&options, &environment).unwrap();
    assert_eq!(config.listen.value, Listen::Unix("/here/x.sock".into()));
}

#[test]
fn access_is_read_whole_and_strictly() {
    let (folder, environment) = with_file(WHOLE, &[]);
    let config = Config::load(&Options::default(), &environment).unwrap();
    let tls = config.tls.value.unwrap();
    assert_eq!((tls.certificate, tls.key), (folder.path().join("node.crt"), PathBuf::from("/etc/node.key")));
    assert_eq!(config.http.socket_mode.value, 0o660);
    assert!(config.access.is_on() && config.access.keys.value);
    assert_eq!(config.access.resource.value.as_deref(), Some("https://gate.example.com/x"));
    assert_eq!(config.access.scopes.value.unwrap(), ["files:read"]);
    let issuer = IssuerConfig {
        issuer: "https://login.example.com".into(),
        jwks: Some("https://login.example.com/keys".into()),
        jwks_file: Some(folder.path().join("login.jwks")),
        algorithms: vec!["ES256".into()],
        types: vec!["at+jwt".into(), "JWT".into()],
        leeway: Duration::from_secs(5),
    };
    assert_eq!(config.access.issuers.value, [issuer]);
    assert_eq!(
        problems(
            "[http]\nsocket-mode = \"0777\"\n[tls]\nkey = \"k\"\n[access]\nkey = true\nscopes = [\"offline_access\", \"a b\"]\n\
             [[access.issuer]]\nissuer = \"http://login.example.com\"\n[[access.issuer]]\nissuer = \"https://a.example\"\n\
             algorithms = [\"HS256\", \"none\"]\nleeway = \"1h\"\njwks = \"http://127.0.0.1.evil.example/\"\n"
        ),
        [
            "2:15: `socket-mode` is `0777`: `\"0600\"` is for this user, `\"0660\"` for its group too, `\"0666\"` for everybody",
            "4:7: `certificate` is missing in [tls]: it takes `certificate` and `key`, PEM files",
            "6:1: unknown key `key` in [access]; did you mean `keys`?",
            "7:11: `offline_access` is between a client and its authorization server: nothing here takes it",
            "7:29: `a b` is no scope: no spaces, quotes and backslashes",
            "8:1: [access] has issuers and no `resource`: say what this host is called in tokens, the address that clients use, such as `https://node.example.com/PATH`",
            "9:10: `issuer` is `http://login.example.com`: it must be a https:// address without `?` and `#` (http:// on this machine only)",
            "12:15: `HS256` is no algorithm of tokens here: `RS256`, `PS256`, `ES256` and `EdDSA` are",
            "12:24: `none` is no algorithm of tokens here: `RS256`, `PS256`, `ES256` and `EdDSA` are",
            "13:10: `leeway` is 1h; it must be from 0ms to 5m",
            "14:8: `jwks` is `http://127.0.0.1.evil.example/`: it must be a https:// address without `?` and `#` (http:// on this machine only)",
        ]
    );
}

#[test]
fn unknown_keys_and_wrong_values_have_a_place() {
    assert_eq!(
        problems("stat = \"/a\"\nlisten = \"0.0.0.0\"\n[http]\nmax-bodi = 1\n[log]\nlevel = \"loud\"\ncolour = true\n"),
        [
            "1:1: unknown key `stat`; did you mean `state`?",
            "2:10: `0.0.0.0` is not an address and a port: write `127.0.0.1:8765`, `[::1]:8765` (names are not resolved) or `unix:/PATH`",
            "4:1: unknown key `max-bodi` in [http]; did you mean `max-body`?",
            "6:9: `loud` is not one of `error`, `warn`, `info`, `debug` and `trace`",
            "7:1: unknown key `colour` in [log]; known are `level` and `format`",
        ]
    );
    assert_eq!(
        problems(
            "state = 1\npolicy = \"a.toml\"\nkeys = \"~/keys\"\ndevelopment = \"yes\"\n[http]\n\
             allowed-origins = [\"*\", \"example.com\", \"https://a/b\"]\nallowed-hosts = [\"*.a\", \"a:1\"]\nmax-body = 1\n\
             header-timeout = 5\nmax-header-bytes = \"2MiB\"\nidle-timeout = \"2h\"\n[log]\nformat = \"xml\"\n"
        ),
        [
            "1:9: `state` must be a string, not an integer",
            "2:10: `policy` must be an array, not a string",
            "3:8: `keys` must be a path; `~` is not expanded, write the whole path",
            "4:15: `development` must be `true` or `false`, not a string",
            "6:20: `*` is a pattern: origins are compared whole, name each",
            "6:25: `example.com` is not an origin: scheme and host without a path, `https://app.example.com`",
            "6:40: `https://a/b` is not an origin: scheme and host without a path, `https://app.example.com`",
            "7:18: `*.a` is a pattern: hosts are compared whole, name each",
            "7:25: `a:1` is not a host name: leave scheme, port and path away",
            "8:12: `max-body` is 1; it must be from 1KiB to 1GiB",
            "9:18: `header-timeout` must be a duration in quotes, with its unit, such as \"30s\", not an integer",
            "10:20: `max-header-bytes` is 2MiB; it must be from 8KiB to 1MiB",
            "11:16: `idle-timeout` is 2h; it must be from 1s to 1h",
            "13:10: `xml` is not one of `text` and `json`",
        ]
    );
    assert_eq!(
        problems("[engine]\ncode = \"jit\"\ncompile = \"no\"\nlayout = \"small\"\n"),
        [
            "2:8: `jit` is not one of `native` and `pulley`",
            "3:11: `compile` must be `true` or `false`, not a string",
            "4:10: `small` is no layout: write `generous`, `compact`, or `compact:SIZE` with the largest memory, 64KiB to 4GiB \
             in steps of 64KiB, such as `compact:64MiB`, or `auto`",
        ]
    );
    assert_eq!(problems("http = 1\nlog = [").len(), 1);
    assert_eq!(problems("http = 1\nlog = 2\n").len(), 2);
}

#[test]
fn wrong_values_in_the_environment_name_their_variable() {
    for (name, value) in [("TIDEGATE_LOG", "loud"), ("TIDEGATE_LOG_FORMAT", "xml"), ("TIDEGATE_LISTEN", "x")] {
        let environment = Environment::with(&[("HOME", "/h"), (name, value)], "/here");
        let error = Config::load(&Options::default(), &environment).unwrap_err().to_string();
        assert!(error.starts_with(&format!("environment variable {name}: `{value}`")), "{error}");
    }
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let environment = Environment::with(&[("HOME", "/h"), ("TIDEGATE_CONFIG", "/nowhere/tidegate.toml")], "/here");
    let error = Config::load(&Options::default(), &environment).unwrap_err();
    assert!(matches!(&error, ConfigError::Read { path, .. } if path == Path::new("/nowhere/tidegate.toml")), "{error}");
    let options = Options { config: Some("other.toml".into()), ..Options::default() };
    let error = Config::load(&options, &environment).unwrap_err().to_string();
    assert_eq!(error, "cannot read the configuration file `/here/other.toml`");
}

#[test]
fn every_variable_is_listed_once_and_read() {
    let mut names: Vec<_> = VARIABLES.iter().map(|variable| variable.name).collect();
    // Without its tests, which name the variables too.
    let service = include_str!("service.rs").split("#[cfg(test)]").next().unwrap();
    let sources = [include_str!("config.rs"), include_str!("environment.rs"), include_str!("log.rs"), service].concat();
    for name in &names {
        assert!(sources.matches(&format!("\"{name}\"")).count() >= 2, "{name} is listed and nobody reads it");
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), VARIABLES.len());
    assert_eq!(Environment::with(&[("PATH", "/bin")], "/"), Environment::with(&[], "/"));
    // The process's own environment: what it says about HOME is what the system says.
    let home = std::env::var("HOME").ok().filter(|home| !home.is_empty());
    assert_eq!(Environment::of_process().get("HOME"), home.as_deref());
}

#[test]
fn policy_files_with_their_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.toml");
    fs::write(&path, "version = 1\n[signers.acme]\npublic-key-file = \"acme.pub\"\n[[grant]]\nsigner = \"acme\"\ncomponent = \"a\"\ndirectories = [{ host = \"data\", guest = \"/data\", access = \"read-only\" }]\n").unwrap();
    let error = read_policy(std::slice::from_ref(&path), None).unwrap_err();
    assert!(matches!(&error, PolicyFileError::Key { signer, .. } if signer == "acme"), "{error}");
    fs::write(folder.path().join("acme.pub"), "pem").unwrap();
    let policy = read_policy(std::slice::from_ref(&path), None).unwrap();
    assert_eq!(policy.signers["acme"].by, SignedBy::Key(PublicKey::Pem("pem".into())));
    assert_eq!(policy.rules[0].grant.directories[0].host, folder.path().join("data"));
    assert_eq!(policy.rules[0].grant.directories[0].origin.to_string(), format!("{}:7", path.display()));

    fs::write(&path, "version = 1\nx = 1\n").unwrap();
    let error = read_policy(std::slice::from_ref(&path), None).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:2:1: unknown key `x`", path.display())), "{error}");
    assert!(matches!(read_policy(&[folder.path().join("none.toml")], None), Err(PolicyFileError::Read { .. })));
}

#[test]
fn signers_that_name_no_authorities_have_those_of_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let (path, root) = (folder.path().join("policy.toml"), folder.path().join("root.json"));
    let text = "version = 1\n[signers.acme]\nidentity = \"dev@example.com\"\nissuer = \"https://a.example\"\n";
    fs::write(&path, text).unwrap();
    let files = std::slice::from_ref(&path);
    let error = read_policy(files, None).unwrap_err().to_string();
    assert!(error.contains("`trusted-root-file`") && error.contains("`trusted-root` in the configuration"), "{error}");
    assert!(matches!(read_policy(files, Some(&root)), Err(PolicyFileError::Key { what: "trusted root", .. })));
    fs::write(&root, "{}").unwrap();
    let policy = read_policy(files, Some(&root)).unwrap();
    let SignedBy::Identity { root, .. } = &policy.signers["acme"].by else { panic!("{policy:?}") };
    assert!(*root == tidegate_rules::TrustedRoot::Json("{}".to_owned()));
}
