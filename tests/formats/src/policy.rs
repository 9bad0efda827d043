//! Policy texts: several files in parts.

use std::collections::BTreeSet;

use serde_json::Value;
use tidegate_grant::{Destination, Limits};
use tidegate_rules::{
    ComponentPattern, Identity, Policy, PolicyError, Source, Subject, admit, decide, explain, parse, scopes,
};

use crate::input::parts;
use crate::second;

const KNOWN: &[&str] = &[
    "version",
    "signers.*",
    "secrets.*",
    "pool.stack",
    "pool.instances",
    "client-limits.*",
    "client[].claims.*",
    "client[].gid",
    "client[].issuer",
    "client[].key",
    "client[].models[]",
    "client[].prompts[]",
    "client[].resources[]",
    "client[].scopes[]",
    "client[].subject",
    "client[].tenant",
    "client[].tools[]",
    "client[].uid",
    "grant[].component",
    "grant[].config.*",
    "grant[].directories[].access",
    "grant[].directories[].guest",
    "grant[].directories[].host",
    "grant[].environment.*",
    "grant[].gateway",
    "grant[].kv[].access",
    "grant[].kv[].bytes",
    "grant[].kv[].namespace",
    "grant[].limits.*",
    "grant[].models[]",
    "grant[].network[]",
    "grant[].secrets[]",
    "grant[].signer",
    "grant[].system",
];

/// What imports ask for.
const IMPORTS: &[&str] =
    &["wasi:http/outgoing-handler@0.2.12", "tidegate:host/kv@0.1.0", "wasi:filesystem/types@0.2.12"];

/// Whether it is taken.
pub fn policy(data: &[u8]) -> bool {
    let Ok(texts) = parts(data).into_iter().map(String::from_utf8).collect::<Result<Vec<_>, _>>() else {
        return false;
    };
    let source = |(index, text): (usize, &String)| Source {
        name: format!("{index}.toml"),
        folder: "/etc/tidegate".into(),
        text: text.clone(),
    };
    let mut sources: Vec<Source> = texts.iter().enumerate().map(source).collect();
    let policy = match parse(&sources) {
        Ok(policy) => policy,
        Err(error) => {
            problems_have_a_place(&sources, &error);
            return false;
        }
    };
    let said: Vec<Value> = texts.iter().map(|text| second::toml(text)).collect();
    said.iter().for_each(|said| second::only_known(said, KNOWN));
    counts(&policy, &said);
    let lists = |key: &str| -> Vec<&Value> { said.iter().filter_map(|said| said[key].as_array()).flatten().collect() };
    let grants = lists("grant");
    for (signer, component) in subjects(&policy) {
        decision_is_what_lines_say(&policy, &grants, &signer, &component);
    }
    strangers_stay_outside(&policy, &lists("client"));
    sources.push(Source { name: "more.toml".into(), folder: "/".into(), text: "version = 1\n".into() });
    assert_eq!(parse(&sources).as_ref(), Ok(&policy), "a file that says nothing changes nothing");
    true
}

fn problems_have_a_place(sources: &[Source], error: &PolicyError) {
    assert!(!error.problems.is_empty());
    for problem in &error.problems {
        let source = sources.iter().find(|source| *source.name == *problem.file).expect("it is in one of the files");
        let line =
            source.text.split('\n').nth(usize::try_from(problem.line).unwrap() - 1).expect("the file has the line");
        let column = usize::try_from(problem.column).unwrap();
        assert!((1..=line.chars().count() + 1).contains(&column), "{problem}");
        assert!(!problem.message.is_empty());
        is_shown(&problem.to_string());
    }
}

/// Nothing in what people see acts on their terminal.
fn is_shown(text: &str) {
    assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'), "a terminal would obey {text:?}");
}

/// As much was read as stands there.
fn counts(policy: &Policy, said: &[Value]) {
    let keys = |key: &str| said.iter().filter_map(|said| said[key].as_object()).flat_map(|table| table.keys()).count();
    let items = |key: &str| said.iter().filter_map(|said| said[key].as_array()).map(Vec::len).sum::<usize>();
    assert_eq!(policy.signers.len(), keys("signers"));
    assert_eq!(policy.secrets.len(), keys("secrets"));
    assert_eq!(policy.rules.len(), items("grant"));
    assert_eq!(policy.clients.len(), items("client"));
    let roots = said.iter().filter_map(|said| said["signers"].as_object()).flat_map(|signers| signers.values());
    roots.for_each(|signer| {
        second::only_known(
            signer,
            &["identity", "issuer", "public-key", "public-key-file", "roles[]", "trusted-root-file"],
        );
    });
}

/// Everybody whom the policy speaks of, and somebody else.
fn subjects(policy: &Policy) -> BTreeSet<(String, String)> {
    let mut subjects = BTreeSet::from([("nobody".to_owned(), "another".to_owned())]);
    for rule in &policy.rules {
        let component = match &rule.component {
            ComponentPattern::Any => "another",
            ComponentPattern::Exact(name) => name,
        };
        for component in [component, "another"] {
            subjects.insert((rule.signer.clone(), component.to_owned()));
        }
    }
    subjects
}

/// What is granted is what the lines for this component name: not more, not less.
fn decision_is_what_lines_say(policy: &Policy, grants: &[&Value], signer: &str, component: &str) {
    let ours: Vec<&&Value> = grants
        .iter()
        .filter(|grant| grant["signer"] == signer && (grant["component"] == component || grant["component"] == "*"))
        .collect();
    let mut named = BTreeSet::new();
    for grant in &ours {
        let items = |key: &str| grant[key].as_array().into_iter().flatten();
        let texts = |key: &str, field: &str| -> Vec<String> {
            items(key).map(|item| item[field].as_str().unwrap().to_owned()).collect()
        };
        let keys = |key: &str| grant[key].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        let flag = |key: &str| if grant[key] == true { vec![String::new()] } else { Vec::new() };
        let all = [
            ("directories", texts("directories", "guest")),
            ("network", items("network").map(|item| destination(item.as_str().unwrap())).collect()),
            ("environment", keys("environment")),
            ("kv", texts("kv", "namespace")),
            ("secrets", items("secrets").map(|item| item.as_str().unwrap().to_owned()).collect()),
            ("models", items("models").map(|item| item.as_str().unwrap().to_owned()).collect()),
            ("config", keys("config")),
            ("system", flag("system")),
            ("gateway", flag("gateway")),
        ];
        named.extend(all.into_iter().flat_map(|(key, names)| names.into_iter().map(move |name| (key, name))));
    }
    let imports: Vec<String> = IMPORTS.iter().map(|import| (*import).to_owned()).collect();
    let subject = Subject { signer, component, imports: &imports, requests: None };
    let decision = decide(policy, &subject);
    let granted: BTreeSet<_> = decision.grant.lines().into_iter().map(|line| (line.key, line.name)).collect();
    assert_eq!(granted, named, "{component} of {signer}");
    bounds(&decision.grant.limits, &ours);
    assert!(policy.knows_signer(signer) || !decision.may_load(), "nobody knows {signer}");
    assert_eq!(decide(policy, &subject), decision, "the same question, the same answer");
    let explanation = explain(policy, &subject);
    assert_eq!(explanation.may_load, decision.may_load());
    is_shown(&explanation.to_string());
}

/// A destination as it is shown, which is another way of writing it.
fn destination(text: &str) -> String {
    let destination: Destination = text.parse().unwrap();
    assert_eq!(destination.to_string().parse().as_ref(), Ok(&destination), "written and read again");
    destination.to_string()
}

/// Limits stay below what any policy may set, and have their defaults where no line sets them.
fn bounds(limits: &Limits, grants: &[&&Value]) {
    assert!(limits.memory <= Limits::MAX_MEMORY && limits.table_elements <= Limits::MAX_TABLE_ELEMENTS);
    assert!(limits.instances <= Limits::MAX_INSTANCES && limits.concurrency <= Limits::MAX_CONCURRENCY);
    assert!(limits.host_call <= Limits::MAX_BYTES && limits.output <= Limits::MAX_BYTES);
    assert!(limits.deadline <= Limits::MAX_DEADLINE);
    if !grants.iter().any(|grant| grant.get("limits").is_some()) {
        assert_eq!(*limits, Limits::default());
    }
}

/// Clients that no line means are not let in.
fn strangers_stay_outside(policy: &Policy, clients: &[&Value]) {
    let none = std::collections::BTreeMap::new();
    let token =
        Identity::Token { issuer: "https://stranger.invalid", subject: "x", claims: &none, scopes: &scopes(policy) };
    let of_issuer = clients.iter().any(|client| client["issuer"] == "https://stranger.invalid");
    assert!(of_issuer || admit(policy, &token).is_err());
    let any_key = clients.iter().any(|client| client["key"] == "*" || client["key"] == "stranger");
    assert!(any_key || admit(policy, &Identity::Key { name: "stranger" }).is_err());
    let (uid, gid) = (77_777, 77_778);
    let of_peer = clients.iter().any(|client| client["uid"] == uid || client["gid"] == gid);
    assert!(of_peer || admit(policy, &Identity::Peer { uid, gid }).is_err());
}
