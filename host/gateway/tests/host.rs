//! The embedding API with real components: let in, called, followed, cancelled, replaced, removed, and refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tidegate::attestation::{Algorithm, PrivateKey};
use tidegate::bundle::Bundle;
use tidegate::grant::{Allowance, ItemKind, Principal, Reach};
use tidegate::types::content::Content;
use tidegate::types::tools::Output;
use tidegate::{AdmitError, AuditEvent, Builder, CallError, CallEvent, Host, Record, RemoveError, Sink};

/// A folder with a publisher's key, and what it signs.
struct Publisher {
    folder: tempfile::TempDir,
    key: PrivateKey,
}

impl Publisher {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), key: PrivateKey::generate(Algorithm::Ed25519).unwrap() }
    }

    /// Signs a guest of the tests.
    fn sign(&self, name: &str) -> PathBuf {
        self.sign_bytes(name, std::fs::read(target().join("fixtures").join(format!("{name}.wasm"))).unwrap())
    }

    fn sign_bytes(&self, name: &str, bytes: Vec<u8>) -> PathBuf {
        let bundle = Bundle::new(bytes.clone(), Vec::new()).unwrap();
        let reference = bundle.manifest().unwrap().reference();
        let signature = tidegate::attestation::sign(&bundle, &reference, &self.key).unwrap();
        let path = self.folder.path().join(format!("{name}.wasm"));
        std::fs::write(&path, bytes).unwrap();
        std::fs::write(self.folder.path().join(format!("{name}.wasm.sigstore.json")), signature).unwrap();
        path
    }

    /// A builder that believes this publisher.
    fn builder(&self, grants: &str) -> Builder {
        let pem = self.key.public_key().to_pem();
        let policy = format!("version = 1\n\n[signers.publisher]\npublic-key = \"\"\"\n{pem}\"\"\"\n\n{grants}");
        let policy = tidegate::parse_policy("policy.toml", &policy).unwrap();
        // A test program cannot be its own compile child: the harness owns its `main`.
        let compiler = tidegate::Compiler { program: target().join("debug/tidegate"), args: Vec::new() };
        Host::builder(self.folder.path().join("state")).policy(policy).compiler(compiler)
    }

    async fn host(&self) -> Host {
        self.builder("").build().await.unwrap()
    }
}

/// Cargo's target directory. `cargo x guests` and `cargo build --package tidegate-cli` put there what is used here.
fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    target.map(Path::to_path_buf).unwrap()
}

fn text(output: &Output) -> &str {
    match output.content.first().unwrap() {
        Content::Text(text) => &text.text,
        other => panic!("no text: {other:?}"),
    }
}

fn names(host: &Host) -> Vec<String> {
    host.tools().into_iter().map(|tool| tool.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_added_called_and_removed() {
    let publisher = Publisher::new();
    let host = publisher.host().await;
    let report = host.add(&publisher.sign("echo")).await.unwrap();
    assert_eq!((report.name.as_str(), report.signer.name.as_str()), ("echo", "publisher"));
    assert_eq!(names(&host), ["echo"]);
    let echoed = host.call_tool("echo", r#"{"message":"ahoy"}"#).finish().await.unwrap();
    assert_eq!((text(&echoed), echoed.is_error), ("ahoy", false));
    let wrong = host.call_tool("echo", r#"{"mesage":"ahoy"}"#).finish().await;
    assert!(matches!(&wrong, Ok(output) if output.is_error) || matches!(&wrong, Err(CallError::InvalidArguments(_))));

    host.remove("echo").unwrap();
    assert!(names(&host).is_empty());
    let gone = host.call_tool("echo", r#"{"message":"ahoy"}"#).finish().await;
    assert!(matches!(&gone, Err(CallError::NotFound(_))), "{gone:?}");
    assert!(matches!(host.remove("echo"), Err(RemoveError::Unknown(name)) if name == "echo"));
}

/// Keeps the events that are written.
#[derive(Default)]
struct Notes(std::sync::Mutex<Vec<AuditEvent>>);

impl Sink for Notes {
    fn write(&self, record: &Record) {
        self.0.lock().unwrap().push(record.event.clone());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_calls_what_it_may_and_is_told_of_missing_scopes_only_where_they_help() {
    let publisher = Publisher::new();
    let notes = Arc::new(Notes::default());
    let host = publisher.builder("").audit(notes.clone()).build().await.unwrap();
    host.add(&publisher.sign("echo")).await.unwrap();
    let with = |pattern: &str, scopes: &[&str], held| {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let allowance = Allowance { kind: ItemKind::Tool, pattern: pattern.parse().unwrap(), scopes, held };
        Principal::new("key:a", Some("acme".to_owned()), Reach::Only(vec![allowance]))
    };
    let call =
        async |principal: &Principal| host.call_tool_as(principal, "echo", r#"{"message":"ahoy"}"#).finish().await;
    assert_eq!(text(&call(&with("echo/*", &["say"], true)).await.unwrap()), "ahoy");
    let Err(CallError::Forbidden(refusal)) = call(&with("*/echo", &["say", "loud"], false)).await else {
        panic!("not forbidden")
    };
    assert_eq!(refusal.scopes, ["say", "loud"]);
    assert!(refusal.challenge.is_none(), "nobody said that tokens are a way in");
    for other in [with("echo/ech", &[], true), with("other/echo", &["say"], false), Principal::nobody()] {
        assert!(matches!(call(&other).await, Err(CallError::NotFound(name)) if name == "echo"));
    }
    let notes = notes.0.lock().unwrap();
    let called = notes.iter().find_map(|event| match event {
        AuditEvent::Called { principal, tenant, .. } => Some((principal.as_str(), tenant.as_deref())),
        _ => None,
    });
    assert_eq!(called, Some(("key:a", Some("acme"))));
    let forbidden = notes.iter().filter(|event| matches!(event, AuditEvent::Forbidden { .. })).count();
    assert_eq!(forbidden, 4, "who asked for what they may not use is noted");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_by_how_they_ended() {
    let publisher = Publisher::new();
    let host = publisher.host().await;
    host.add(&publisher.sign("echo")).await.unwrap();
    for _ in 0..2 {
        host.call_tool("echo", r#"{"message":"ahoy"}"#).finish().await.unwrap();
    }
    let counts = host.metrics();
    for line in [
        r#"tidegate_calls_total{component="echo",end="done"} 2"#,
        r#"tidegate_calls_running{component="echo"} 0"#,
        r#"tidegate_loads_total{outcome="loaded"} 1"#,
    ] {
        assert!(counts.lines().any(|is| is == line), "{line} is missing in\n{counts}");
    }
    let memory = counts.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes ")).unwrap();
    assert!(memory.parse::<u64>().unwrap() > 1 << 20, "a process has more than a megabyte: {memory}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_added_is_there_after_a_restart_and_what_was_loaded_is_not() {
    let publisher = Publisher::new();
    let (kept, loaded) = (publisher.sign("echo"), publisher.sign("content"));
    let host = publisher.host().await;
    host.add(&kept).await.unwrap();
    assert_eq!(host.load(&loaded).await.unwrap().components.len(), 1);
    assert_eq!(host.components().len(), 2);
    drop(host);
    let host = publisher.host().await;
    let found = host.load_installed().await.unwrap();
    assert!(found.refused.is_empty(), "{:?}", found.refused);
    assert_eq!(names(&host), ["echo"]);
    assert!(found.components[0].cached, "the native code is kept too");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_while_the_call_runs_and_the_end_comes_last() {
    let publisher = Publisher::new();
    let host = publisher.host().await;
    host.add(&publisher.sign("events")).await.unwrap();
    let mut call = host.call_tool("work", r#"{"steps":3,"step_ms":30}"#);
    let (mut progress, mut messages, mut end) = (Vec::new(), Vec::new(), None);
    while let Some(event) = call.next().await {
        assert!(end.is_none(), "nothing comes after the end");
        match event {
            CallEvent::Progress(report) => progress.push((report.progress, report.total)),
            CallEvent::Message(message) => messages.push(message.data),
            CallEvent::Done(done) => end = Some(done.unwrap()),
        }
    }
    assert_eq!(progress, [(1.0, Some(3.0)), (2.0, Some(3.0)), (3.0, Some(3.0))]);
    assert_eq!(messages, [r#""step 1 done""#, r#""step 2 done""#, r#""step 3 done""#]);
    assert_eq!(text(&end.unwrap()), "3 steps");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_call_ends_and_the_component_stays() {
    let publisher = Publisher::new();
    let host = publisher.host().await;
    host.add(&publisher.sign("events")).await.unwrap();
    let mut call = host.call_tool("wait", r#"{"ms":60000}"#);
    let started = tokio::time::timeout(Duration::from_millis(200), call.next()).await;
    assert!(started.is_err(), "it runs: {started:?}");
    call.cancel();
    let end = tokio::time::timeout(Duration::from_secs(30), call.next()).await.expect("it ends long before its time");
    assert!(matches!(&end, Some(CallEvent::Done(Err(CallError::Cancelled)))), "{end:?}");

    // Dropping a call cancels it too: the one instance is free for the next.
    let mut dropped = host.call_tool("wait", r#"{"ms":60000}"#);
    assert!(tokio::time::timeout(Duration::from_millis(200), dropped.next()).await.is_err());
    drop(dropped);
    let next = host.call_tool("count", "{}").finish();
    let counted = tokio::time::timeout(Duration::from_secs(30), next).await.expect("nobody holds the instance");
    assert!(counted.is_ok(), "{counted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_takes_over_and_the_calls_of_the_old_one_finish() {
    let publisher = Publisher::new();
    let host = publisher.host().await;
    let path = publisher.sign("events");
    let mut newer = std::fs::read(&path).unwrap();
    host.add(&path).await.unwrap();
    let mut running = host.call_tool("work", r#"{"steps":20,"step_ms":50}"#);
    assert!(matches!(running.next().await, Some(CallEvent::Progress(_) | CallEvent::Message(_))));
    // The manifest's text is at the end of the file.
    let at = newer.windows(7).rposition(|window| window == b"\"0.1.0\"").unwrap();
    newer[at + 5] = b'1';
    let report = host.add(&publisher.sign_bytes("newer", newer)).await.unwrap();
    assert_eq!((report.version.as_str(), host.components().len()), ("0.1.1", 1));
    assert_eq!(text(&running.finish().await.unwrap()), "20 steps");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_signed_or_policy_does_not_grant_is_refused_and_changes_nothing() {
    let (publisher, stranger) = (Publisher::new(), Publisher::new());
    let host = publisher.host().await;
    let unknown = host.add(&stranger.sign("echo")).await.unwrap_err();
    assert!(matches!(unknown, AdmitError::Verify(_)) && unknown.is_refusal(), "{unknown}");

    let unsigned = publisher.sign("echo");
    std::fs::remove_file(unsigned.with_extension("wasm.sigstore.json")).unwrap();
    assert!(host.add(&unsigned).await.unwrap_err().is_refusal());

    let ungranted = host.add(&publisher.sign("kv-user")).await.unwrap_err();
    assert!(matches!(ungranted, AdmitError::Load { .. }), "{ungranted}");
    let mut text = ungranted.to_string();
    let mut source = std::error::Error::source(&ungranted);
    while let Some(cause) = source {
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    assert!(text.contains("tidegate:host/kv") && text.contains("kv = "), "it names the line that permits it: {text}");
    assert!(host.components().is_empty() && names(&host).is_empty());

    let grant = "[[grant]]\nsigner = \"publisher\"\ncomponent = \"kv-user\"\nkv = [{ namespace = \"notes\", access = \
                 \"read-write\" }]\n";
    drop(host);
    let host = publisher.builder(grant).build().await.unwrap();
    host.add(&publisher.sign("kv-user")).await.unwrap();
    let set = host.call_tool("kv", r#"{"namespace":"notes","action":"set","key":"a","value":"b"}"#);
    assert!(!set.finish().await.unwrap().is_error);
}
