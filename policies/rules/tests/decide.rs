//! Decisions: deny by default, union, specificity, and what is said about a refusal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};

use tidegate_grant::{
    Access, DirectoryRequest, EnvironmentRequest, Grant, KvRequest, NetworkRequest, Requests, SecretRequest,
};
use tidegate_rules::{
    ComponentPattern, Decision, FindingKind, Outcome, Permit, Policy, Source, Subject, decide, explain, parse,
};

const HEAD: &str = "version = 1\n[signers.acme]\npublic-key-file = \"acme.pub\"\n";

fn source(text: &str) -> Source {
    Source { name: "policy.toml".into(), folder: "/etc/tidegate".into(), text: text.into() }
}

fn policy(text: &str) -> Policy {
    parse(&[source(text)]).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn imports(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn weather<'a>(imports: &'a [String], requests: Option<&'a Requests>) -> Subject<'a> {
    Subject { signer: "acme", component: "weather", imports, requests }
}

fn kinds(decision: &Decision) -> Vec<FindingKind> {
    decision.findings.iter().map(|finding| finding.kind).collect()
}

const NEEDY: &[&str] = &[
    "wasi:http/outgoing-handler@0.2.12",
    "tidegate:host/kv@0.1.0",
    "tidegate:host/secrets@0.1.0",
    "tidegate:host/system@0.1.0",
    "tidegate:gateway/calls@0.1.0",
];

fn everything() -> Requests {
    let reason = || "because".to_owned();
    Requests {
        directories: vec![DirectoryRequest { guest: "/data".into(), access: Access::ReadWrite, reason: reason() }],
        network: vec![NetworkRequest { connect: "api.example.com:443".parse().unwrap(), reason: reason() }],
        environment: vec![EnvironmentRequest { name: "TZ".into(), reason: reason() }],
        kv: vec![KvRequest { namespace: "notes".into(), access: Access::ReadWrite, reason: reason() }],
        secrets: vec![SecretRequest { name: "api-key".into(), reason: reason() }],
        system: Some(reason()),
        gateway: Some(reason()),
        models: None,
    }
}

#[test]
fn an_empty_policy_grants_nothing_to_anybody() {
    let (imports, requests) = (imports(NEEDY), everything());
    for signer in ["acme", "", "*"] {
        let subject = Subject { signer, component: "weather", imports: &imports, requests: Some(&requests) };
        let decision = decide(&Policy::default(), &subject);
        assert_eq!(decision.grant, Grant::default());
        assert!(!decision.may_load());
        assert_eq!(decision.refusals().count(), 1 + NEEDY.len());
    }
}

#[test]
fn a_signer_alone_grants_nothing() {
    let none = imports(&["wasi:io/streams@0.2.12", "wasi:filesystem/preopens@0.2.12", "tidegate:host/log@0.1.0"]);
    let decision = decide(&policy(HEAD), &weather(&none, None));
    assert!(decision.may_load(), "{decision:?}");
    assert_eq!(decision.grant, Grant::default());
    for needy in NEEDY {
        let decision = decide(&policy(HEAD), &weather(&imports(&[needy]), None));
        assert_eq!(kinds(&decision), [FindingKind::ImportRefused], "{needy}");
        assert!(!decision.may_load());
    }
}

#[test]
fn grants_are_for_one_signer_and_component() {
    let text = format!(
        "{HEAD}[signers.other]\npublic-key-file = \"o.pub\"\n[[grant]]\nsigner = \"acme\"\ncomponent = \"weather\"\nsystem = true\n"
    );
    let policy = policy(&text);
    for (signer, component, granted) in [
        ("acme", "weather", true),
        ("acme", "weather2", false),
        ("acme", "*", false),
        ("other", "weather", false),
        ("local-build", "weather", false),
        ("nobody", "weather", false),
    ] {
        let decision = decide(&policy, &Subject { signer, component, imports: &[], requests: None });
        assert_eq!(decision.grant.system.is_some(), granted, "{signer} {component}");
    }
}

#[test]
fn what_the_host_does_not_offer_no_policy_permits() {
    let text = format!("{HEAD}[[grant]]\nsigner = \"acme\"\ncomponent = \"weather\"\nnetwork = [\"*:*\"]\n");
    let decision = decide(&policy(&text), &weather(&imports(&["wasi:sockets/tcp@0.2.12"]), None));
    assert_eq!(kinds(&decision), [FindingKind::ImportRefused]);
    assert_eq!(decision.findings[0].permit, None);
}

/// Appends what is proposed to a policy and decides again.
fn with(text: &str, permit: &Permit) -> (String, Policy) {
    let Permit::Append { toml } = permit else { panic!("{permit:?} is no text to append") };
    let text = format!("{text}\n{toml}");
    let policy = policy(&text);
    (text, policy)
}

#[test]
fn the_lines_of_a_refused_import_permit_it() {
    for needy in NEEDY {
        for (text, requests) in [(HEAD, None), ("version = 1", None), (HEAD, Some(everything()))] {
            let imports = imports(&[needy]);
            let subject = weather(&imports, requests.as_ref());
            let mut text = text.to_owned();
            let mut decision = decide(&policy(&text), &subject);
            assert!(!decision.may_load());
            let refusal = decision.findings.iter().find(|finding| finding.kind == FindingKind::ImportRefused).unwrap();
            let after;
            (text, after) = with(&text, refusal.permit.as_ref().unwrap());
            decision = decide(&after, &subject);
            assert!(decision.may_load(), "{needy}\n{text}\n{:?}", decision.findings);
        }
    }
}

#[test]
fn the_lines_of_every_refused_request_permit_it() {
    let requests = everything();
    let mut text = HEAD.to_owned();
    for count in (1..=requests.iter().count()).rev() {
        let decision = decide(&policy(&text), &weather(&[], Some(&requests)));
        assert_eq!(kinds(&decision), vec![FindingKind::RequestRefused; count]);
        (text, _) = with(&text, decision.findings[0].permit.as_ref().unwrap());
    }
    let decision = decide(&policy(&text), &weather(&[], Some(&requests)));
    assert_eq!(decision.findings, []);
    assert_eq!(decision.grant.lines().len(), requests.iter().count());
}

#[test]
fn a_line_that_grants_less_is_to_be_changed() {
    let text = format!(
        r#"{HEAD}[[grant]]
signer = "acme"
component = "weather"
directories = [{{ host = "/srv", guest = "/data/maps", access = "read-only" }}]
kv = [{{ namespace = "notes", access = "read-only" }}]
"#
    );
    let requests = Requests { directories: everything().directories, kv: everything().kv, ..Requests::default() };
    let decision = decide(&policy(&text), &weather(&[], Some(&requests)));
    let changes: Vec<String> =
        decision.findings.iter().map(|finding| finding.permit.as_ref().unwrap().to_string()).collect();
    assert_eq!(
        changes,
        [
            "policy.toml:7: change to guest = \"/data\", access = \"read-write\"",
            "policy.toml:8: change to access = \"read-write\"",
        ]
    );
}

#[test]
fn reading_is_not_writing() {
    for (granted, wanted, guest, ok) in [
        ("read-only", Access::ReadOnly, "/data", true),
        ("read-only", Access::ReadWrite, "/data", false),
        ("read-write", Access::ReadOnly, "/data", true),
        ("read-write", Access::ReadWrite, "/data/inside", true),
        ("read-only", Access::ReadWrite, "/data/inside", false),
        ("read-write", Access::ReadOnly, "/database", false),
    ] {
        let text = format!(
            "{HEAD}[[grant]]\nsigner = \"acme\"\ncomponent = \"weather\"\n\
             directories = [{{ host = \"/srv\", guest = \"/data\", access = \"{granted}\" }}]\n"
        );
        let request = DirectoryRequest { guest: guest.into(), access: wanted, reason: "because".into() };
        let requests = Requests { directories: vec![request], ..Requests::default() };
        let decision = decide(&policy(&text), &weather(&[], Some(&requests)));
        let refused = kinds(&decision).contains(&FindingKind::RequestRefused);
        assert_eq!(!refused, ok, "{granted} {wanted} {guest}");
    }
}

#[test]
fn a_signer_that_is_no_longer_believed_is_granted_nothing() {
    let text = format!("{HEAD}[[grant]]\nsigner = \"acme\"\ncomponent = \"weather\"\nsystem = true\n");
    let mut policy = policy(&text);
    assert!(decide(&policy, &weather(&[], None)).grant.system.is_some());
    policy.signers.clear();
    let decision = decide(&policy, &weather(&[], None));
    assert_eq!(decision.grant, Grant::default());
    assert_eq!(kinds(&decision), [FindingKind::UnknownSigner]);
    assert!(!decision.may_load());
}

#[test]
fn more_than_was_asked_for_is_noticed_and_listed() {
    let text = format!(
        "{HEAD}[[grant]]\nsigner = \"acme\"\ncomponent = \"weather\"\nnetwork = [\"*.example.com:443\", \"other.test:443\"]\nconfig = {{ a = \"b\" }}\n"
    );
    let requests = Requests { network: everything().network, ..Requests::default() };
    let decision = decide(&policy(&text), &weather(&[], Some(&requests)));
    assert_eq!(kinds(&decision), [FindingKind::NotRequested]);
    assert_eq!(decision.findings[0].message, "connect to other.test:443");
    assert!(decision.may_load());
    let explanation = explain(&policy(&text), &weather(&[], Some(&requests)));
    let grants: Vec<_> = explanation.grants.iter().map(|grant| (grant.line.name.as_str(), grant.asked_for)).collect();
    assert_eq!(grants, [("*.example.com:443", Some(true)), ("other.test:443", Some(false)), ("a", None)]);
    // Without a manifest nobody could ask.
    assert_eq!(decide(&policy(&text), &weather(&[], None)).findings, []);
}

#[test]
fn a_manifest_cannot_write_lines_of_its_own() {
    let evil = "x\"]\nsystem = true\u{1b}[2J\u{202e}";
    let requests = Requests {
        secrets: vec![SecretRequest { name: evil.into(), reason: evil.into() }],
        environment: vec![EnvironmentRequest { name: evil.into(), reason: evil.into() }],
        kv: vec![KvRequest { namespace: evil.into(), access: Access::ReadOnly, reason: evil.into() }],
        directories: vec![DirectoryRequest {
            guest: format!("/{evil}"),
            access: Access::ReadOnly,
            reason: evil.into(),
        }],
        ..Requests::default()
    };
    let explanation = explain(&policy(HEAD), &weather(&[], Some(&requests)));
    assert_eq!(explanation.entries.len(), 4);
    for entry in &explanation.entries {
        let Outcome::Refused { permit: Some(Permit::Append { toml }) } = &entry.outcome else { panic!("{entry:?}") };
        assert!(!toml.lines().any(|line| line.starts_with("system")), "{toml}");
        assert!(!toml.contains(['\u{1b}', '\u{202e}']), "{toml}");
        if let Ok(policy) = parse(&[source(&format!("{HEAD}{toml}"))]) {
            assert_eq!(decide(&policy, &weather(&[], None)).grant.system, None);
        }
    }
    let text = explanation.to_string();
    assert!(!text.contains('\u{1b}'));
    assert!(!text.lines().any(|line| line.trim_start().starts_with("system = true")), "{text}");
}

#[test]
fn several_files_are_one_policy() {
    let folder = PathBuf::from("/etc/tidegate");
    let file = |name: &str, text: &str| Source {
        name: name.into(),
        folder: folder.join(name),
        text: format!("version = 1\n{text}"),
    };
    let signers =
        file("signers.toml", "[signers.acme]\npublic-key-file = \"acme.pub\"\n[secrets.key]\nfile = \"key\"\n");
    let grants = file(
        "grants.toml",
        "[[grant]]\nsigner = \"acme\"\ncomponent = \"weather\"\nsecrets = [\"key\"]\nlimits = { memory = \"1MiB\" }\n",
    );
    let more = file(
        "more.toml",
        "[[grant]]\nsigner = \"acme\"\ncomponent = \"*\"\nsystem = true\nlimits = { memory = \"2MiB\", output = \"1MiB\" }\n",
    );
    let policy = parse(&[grants.clone(), signers.clone(), more.clone()]).unwrap();
    let decision = decide(&policy, &weather(&[], None));
    assert_eq!(decision.grant.secret("key").unwrap().origin.to_string(), "grants.toml:5");
    assert_eq!(decision.grant.system.unwrap().to_string(), "more.toml:5");
    assert_eq!((decision.grant.limits.memory, decision.grant.limits.output), (1 << 20, 1 << 20));
    assert_eq!(decision.limit_origins["memory"].to_string(), "grants.toml:6");
    assert_eq!(decision.limit_origins["output"].to_string(), "more.toml:6");

    let twice = parse(&[
        signers.clone(),
        signers,
        file("pool.toml", "[pool]\ninstances = 1\n"),
        file("pool2.toml", "[pool]\ninstances = 2\n"),
    ]);
    assert_eq!(
        twice.unwrap_err().to_string(),
        "signers.toml:2:10: [signers.acme] already stands at signers.toml:2\n\
         signers.toml:4:10: [secrets.key] already stands at signers.toml:4\n\
         pool2.toml:3:13: `instances` of [pool] is already set at pool.toml:3; there is one pool"
    );
    assert!(parse(&[grants, more]).unwrap_err().to_string().starts_with("grants.toml:3:10: no [signers.acme]"));
    assert_eq!(parse(&[]).unwrap(), Policy::default());
}

#[test]
fn the_explanation_for_people_and_for_programs() {
    let text = format!(
        "{HEAD}[[grant]]\nsigner = \"acme\"\ncomponent = \"weather\"\nnetwork = [\"api.example.com:443\"]\nlimits = {{ memory = \"1MiB\" }}\n"
    );
    let imports =
        imports(&["wasi:io/streams@0.2.12", "wasi:http/outgoing-handler@0.2.12", "tidegate:host/system@0.1.0"]);
    let requests =
        Requests { system: None, gateway: None, directories: vec![], kv: vec![], secrets: vec![], ..everything() };
    let explanation = explain(&policy(&text), &weather(&imports, Some(&requests)));
    let expected = "\
weather (signer acme)
is refused at load
  granted  import wasi:http/outgoing-handler@0.2.12 (policy.toml:7)
  refused  import tidegate:host/system@0.1.0
           to permit it, add to a policy file:
             [[grant]]
             signer = \"acme\"
             component = \"weather\"
             system = true
  granted  connect to api.example.com:443 (policy.toml:7)
           asked for: because
  refused  environment variable TZ
           asked for: because
           to permit it, add to a policy file:
             [[grant]]
             signer = \"acme\"
             component = \"weather\"
             environment = { \"TZ\" = \"VALUE\" }
  has      connect to api.example.com:443 (policy.toml:7)
  imports without authority: wasi:io/streams@0.2.12
  limits:
    memory = 1MiB (policy.toml:8)
";
    assert!(explanation.to_string().starts_with(expected), "{explanation}");
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["may-load"], false);
    assert_eq!(json["entries"][1]["outcome"], serde_json::json!({ "is": "granted", "by": "policy.toml:7" }));
    assert_eq!(json["entries"][2]["outcome"]["permit"]["how"], "append");
    assert_eq!(json["grants"][0]["key"], "network");
    assert_eq!(json["limits"][0]["by"], "policy.toml:8");
}

#[test]
fn the_presets_grant_what_they_say() {
    let preset = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../presets").join(name);
        let policy = parse(&[Source::new(&path, std::fs::read_to_string(&path).unwrap())]).unwrap();
        assert_eq!(policy.warnings, []);
        policy
    };
    assert_eq!(preset("deny-all.toml"), Policy::default());
    let policy = preset("developer.toml");
    // The one that may see the catalog; its name is that of a protocol, which no file of the host spells.
    let gateway = policy.rules.iter().find(|rule| rule.grant.gateway.is_some()).unwrap();
    let ComponentPattern::Exact(protocol) = &gateway.component else { panic!("catalog and calls for anybody") };
    for (component, import, keys) in [
        (protocol.as_str(), "tidegate:gateway/calls@0.1.0", vec!["gateway"]),
        ("tool-files", "wasi:filesystem/preopens@0.2.12", vec!["directories"]),
        ("tool-fetch", "wasi:http/outgoing-handler@0.2.12", vec!["network", "network"]),
        ("tool-time", "wasi:clocks/wall-clock@0.2.12", vec![]),
        ("tool-memory", "tidegate:host/kv@0.1.0", vec!["kv"]),
        ("tool-system", "tidegate:host/system@0.1.0", vec!["system"]),
        ("tool-models", "tidegate:model/models@0.1.0", vec!["models"]),
    ] {
        let imports = imports(&[import]);
        let decision = decide(&policy, &Subject { signer: "developer", component, imports: &imports, requests: None });
        assert!(decision.may_load(), "{component}");
        let granted: Vec<_> = decision.grant.lines().iter().map(|line| line.key).collect();
        assert_eq!(granted, keys, "{component}");
    }
    let folder = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../presets")).unwrap();
    assert_eq!(folder.count(), 2, "a preset without a case here");
}
