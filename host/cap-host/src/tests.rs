#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use tidegate_audit::{Audit, Event, Record, Sink};
use tidegate_bindings::host::tidegate::host::config::Host as _;
use tidegate_bindings::host::tidegate::host::secrets::{Error, HostSecret as _};
use tidegate_capability::CtxParts;
use tidegate_grant::{Granted, Origin};
use wasmtime::StoreLimits;
use wasmtime::component::Resource;

use super::*;

#[derive(Default)]
struct Recorded(Mutex<Vec<Event>>);

impl Sink for Recorded {
    fn write(&self, record: &Record) {
        self.0.lock().unwrap().push(record.event.clone());
    }
}

fn granted(value: &str) -> Granted<String> {
    Granted { value: value.into(), origin: Origin { file: "p.toml".into(), line: 3 } }
}

fn context(host: &Host, grant: Grant) -> (Ctx, Arc<Recorded>) {
    let recorded = Arc::new(Recorded::default());
    let sink: Arc<dyn Sink> = Arc::clone(&recorded) as Arc<dyn Sink>;
    let info = ComponentInfo { name: "test".into(), grant: Arc::new(grant), audit: Audit::new(vec![sink]) };
    let prepared = host.prepare(&info).unwrap();
    let limiter = Box::new(StoreLimits::default());
    (Ctx::new(CtxParts { component: "test".into(), limiter, prepared: &[prepared] }).unwrap(), recorded)
}

fn secrets(places: &[(&str, Where)]) -> Host {
    Host::new(SecretSource::new(places.iter().map(|(name, place)| ((*name).to_owned(), place.clone())).collect()))
}

fn variable(value: &str) -> Where {
    Where::Environment { variable: "TOKEN".into(), value: value.into() }
}

#[test]
fn settings_are_those_of_the_grant() {
    let config = BTreeMap::from([("b".to_owned(), granted("2")), ("a".to_owned(), granted("1"))]);
    let (mut ctx, _) = context(&secrets(&[]), Grant { config, ..Grant::default() });
    let mut view = view::of(&mut ctx);
    assert_eq!(view.get("a".into()).unwrap().as_deref(), Some("1"));
    assert_eq!(view.get("PATH".into()).unwrap(), None);
    assert_eq!(view.all().unwrap(), [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
}

#[test]
fn a_granted_secret_is_revealed_and_audited_without_its_bytes() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "from a file\r\n").unwrap();
    let host = secrets(&[("key", variable("swordfish")), ("file", Where::File(file.path().to_owned()))]);
    assert!(!format!("{host:?}").contains("swordfish"));
    let (mut ctx, recorded) =
        context(&host, Grant { secrets: vec![granted("key"), granted("file")], ..Grant::default() });
    let mut view = view::of(&mut ctx);
    for (name, bytes) in [("key", "swordfish"), ("file", "from a file")] {
        let secret = view.open(name.into()).unwrap().unwrap();
        assert_eq!(view.reveal(Resource::new_borrow(secret.rep())).unwrap(), bytes.as_bytes());
        view.drop(secret).unwrap();
    }
    let revealed = |secret: &str| Event::Revealed { component: "test".into(), secret: secret.into() };
    assert_eq!(*recorded.0.lock().unwrap(), [revealed("key"), revealed("file")]);
}

#[test]
fn a_secret_without_a_grant_is_refused_with_the_line() {
    let (mut ctx, recorded) = context(&secrets(&[("key", variable("swordfish"))]), Grant::default());
    let Err(Error::Denied(reason)) = view::of(&mut ctx).open("key".into()).unwrap() else { panic!("not denied") };
    assert!(reason.contains(r#"secrets = ["key"]"#) && !reason.contains("swordfish"), "{reason}");
    assert!(matches!(&recorded.0.lock().unwrap()[..], [Event::Denied { wanted, .. }] if wanted == "\"key\""));
}

#[test]
fn a_granted_secret_that_is_not_there_says_where_it_was_looked_for() {
    let large = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(large.path(), vec![b'x'; 64 * 1024 + 1]).unwrap();
    let places = [
        ("gone", Where::File("/nowhere/key".into())),
        ("empty", variable("")),
        ("large", Where::File(large.path().to_owned())),
    ];
    let names = ["gone", "empty", "large", "unknown"];
    let grant = Grant { secrets: names.map(granted).to_vec(), ..Grant::default() };
    let (mut ctx, _) = context(&secrets(&places), grant);
    let expected = ["file `/nowhere/key`", "variable `TOKEN`", "larger than 65536 bytes", "no place for"];
    for (name, expected) in names.iter().zip(expected) {
        let opened = view::of(&mut ctx).open((*name).to_owned()).unwrap();
        let Err(Error::NotFound(reason)) = opened else { panic!("`{name}` was found") };
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn only_secrets_need_a_grant() {
    let host = secrets(&[]);
    let check = |name, grant: &Grant| host.check(Interface::parse(name), grant);
    let none = Grant::default();
    assert!(matches!(check("tidegate:host/log@0.1.0", &none), Some(Verdict::Free(_))));
    assert!(matches!(check("tidegate:host/config@0.1.0", &none), Some(Verdict::Free(_))));
    let Some(Verdict::Missing(line)) = check("tidegate:host/secrets@0.1.0", &none) else { panic!("not missing") };
    assert!(line.starts_with("secrets = ["), "{line}");
    let some = Grant { secrets: vec![granted("key")], ..Grant::default() };
    assert!(matches!(check("tidegate:host/secrets@0.1.0", &some), Some(Verdict::Granted(_))));
    assert_eq!(check("tidegate:host/kv@0.1.0", &some), None);
}
