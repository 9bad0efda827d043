//! Policy files and what is read from them: `ok/NAME.toml` with `NAME.out`, `fail/NAME.toml` with `NAME.err`.
//!
//! `BLESS=1 cargo test -p tidegate-rules --test golden` writes what is read now; look at the difference before you
//! commit it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tidegate_rules::{ComponentPattern, Identity, NotAdmitted, Policy, Source, Subject, admit, explain, parse};

fn texts(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

fn source(path: &Path) -> Source {
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    Source { name, folder: "/etc/tidegate".into(), text: fs::read_to_string(path).unwrap() }
}

fn compare(path: &Path, extension: &str, found: &str, wrong: &mut Vec<String>) {
    let golden = path.with_extension(extension);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&golden, found).unwrap();
    } else if fs::read_to_string(&golden).unwrap_or_default() != found {
        wrong.push(format!("--- {}\n{found}", golden.display()));
    }
}

/// Signers, secrets and pool, then the explanation for every component that is named, and for one that is not.
fn render(policy: &Policy) -> String {
    let mut text = String::new();
    for (name, signer) in &policy.signers {
        writeln!(text, "signer {name}: {:?} as {:?} ({})", signer.by, signer.roles, signer.origin).unwrap();
    }
    for (name, secret) in &policy.secrets {
        writeln!(text, "secret {name}: {:?} ({})", secret.source, secret.origin).unwrap();
    }
    writeln!(text, "{:?} {:?}", policy.pool, policy.pool_origins).unwrap();
    if !policy.client_limit_origins.is_empty() {
        writeln!(text, "{:?} {:?}", policy.client_limits, policy.client_limit_origins).unwrap();
    }
    for warning in &policy.warnings {
        writeln!(text, "warning {warning}").unwrap();
    }
    let mut subjects = BTreeSet::new();
    for rule in &policy.rules {
        let component = match &rule.component {
            ComponentPattern::Any => "another",
            ComponentPattern::Exact(name) => name,
        };
        subjects.insert((rule.signer.as_str(), component));
    }
    for (signer, component) in subjects {
        let subject = Subject { signer, component, imports: &[], requests: None };
        write!(text, "\n{}", explain(policy, &subject)).unwrap();
    }
    for (identity, held) in clients() {
        let identity = identity.borrowed(held);
        match admit(policy, &identity) {
            Ok(admission) => write!(text, "\n{admission}").unwrap(),
            // A policy without a line for it says nothing of this kind of client.
            Err(NotAdmitted::NoLine(_)) => {}
            Err(error) => write!(text, "\n{error}\n").unwrap(),
        }
    }
    text
}

/// Clients that the policies speak of.
enum Client {
    Token { subject: &'static str, claims: BTreeMap<String, Vec<String>> },
    Key(&'static str),
    Peer(u32, u32),
}

impl Client {
    fn borrowed<'a>(&'a self, scopes: &'a [String]) -> Identity<'a> {
        match self {
            Self::Token { subject, claims } => {
                Identity::Token { issuer: "https://login.example.com", subject, claims, scopes }
            }
            Self::Key(name) => Identity::Key { name },
            Self::Peer(uid, gid) => Identity::Peer { uid: *uid, gid: *gid },
        }
    }
}

fn clients() -> Vec<(Client, &'static [String])> {
    let claims: BTreeMap<String, Vec<String>> = [("groups", vec!["staff", "admins"]), ("org.name", vec!["acme"])]
        .map(|(name, texts)| (name.to_owned(), texts.into_iter().map(str::to_owned).collect()))
        .into();
    let read: &'static [String] = vec!["files:read".to_owned()].leak();
    vec![
        (Client::Token { subject: "stranger", claims: BTreeMap::new() }, &[]),
        (Client::Token { subject: "ada", claims: claims.clone() }, read),
        (Client::Token { subject: "bob", claims }, &[]),
        (Client::Key("laptop"), &[]),
        (Client::Key("other"), &[]),
        (Client::Peer(1000, 100), &[]),
        (Client::Peer(1001, 100), &[]),
    ]
}

#[test]
fn policies_that_are_read() {
    let mut wrong = Vec::new();
    for path in texts("ok") {
        let policy = parse(&[source(&path)]).unwrap_or_else(|error| panic!("{error}"));
        compare(&path, "out", &render(&policy), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn policies_that_are_refused() {
    let mut wrong = Vec::new();
    for path in texts("fail") {
        let error = parse(&[source(&path)]).expect_err(&path.display().to_string());
        compare(&path, "err", &format!("{error}\n"), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every key that a policy can have.
const KEYS: &[&str] = &[
    "version",
    "signers",
    "public-key",
    "public-key-file",
    "identity",
    "issuer",
    "trusted-root-file",
    "roles",
    "signer",
    "component",
    "directories",
    "host",
    "guest",
    "access",
    "network",
    "environment",
    "kv",
    "namespace",
    "bytes",
    "secrets",
    "config",
    "system",
    "gateway",
    "models",
    "limits",
    "memory",
    "deadline",
    "concurrency",
    "table-elements",
    "instances",
    "host-call",
    "output",
    "pool",
    "client-limits",
    "rate",
    "burst",
    "tenant-rate",
    "tenant-burst",
    "tenant-concurrency",
    "stack",
    "file",
    "client",
    "issuer",
    "subject",
    "claims",
    "scopes",
    "key",
    "uid",
    "gid",
    "tenant",
    "tools",
    "resources",
    "prompts",
];

#[test]
fn every_key_has_a_case_that_is_read_and_one_that_is_refused() {
    let all = |folder: &str| texts(folder).iter().map(|path| fs::read_to_string(path).unwrap()).collect::<String>();
    let errors: String =
        texts("fail").iter().map(|path| fs::read_to_string(path.with_extension("err")).unwrap_or_default()).collect();
    let read = all("ok");
    for key in KEYS {
        let word = |text: &str| {
            text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').any(|word| word == *key)
        };
        assert!(word(&read), "no policy in ok/ has `{key}`");
        assert!(word(&errors), "no error in fail/ names `{key}`");
    }
}
