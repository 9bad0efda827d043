#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use tempfile::TempDir;
use tidegate_audit::{Audit, Event, Record, Sink};
use tidegate_bindings::host::tidegate::host::kv::{Error, HostStore as _, Store};
use tidegate_capability::CtxParts;
use tidegate_grant::{Access, KvGrant, Origin};
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

fn grant(namespace: &str, access: Access, bytes: u64) -> KvGrant {
    KvGrant { namespace: namespace.into(), access, bytes, origin: Origin { file: "p.toml".into(), line: 7 } }
}

fn context(kv: &Kv, grants: &[KvGrant], audit: &Audit) -> Ctx {
    let grant = Arc::new(Grant { kv: grants.to_vec(), ..Grant::default() });
    let info = ComponentInfo { name: "test".into(), grant, audit: audit.clone() };
    let prepared = kv.prepare(&info).unwrap();
    let limiter = Box::new(StoreLimits::default());
    Ctx::new(CtxParts { component: "test".into(), limiter, prepared: &[prepared] }).unwrap()
}

/// A namespace of 1 MiB in a database of its own.
fn notes(directory: &TempDir) -> (Kv, Ctx, Resource<Store>) {
    let kv = Kv::open(directory.path()).unwrap();
    let mut ctx = context(&kv, &[grant("notes", Access::ReadWrite, 1 << 20)], &Audit::none());
    let store = view::of(&mut ctx).open("notes".into()).unwrap().unwrap();
    (kv, ctx, store)
}

fn again(store: &Resource<Store>) -> Resource<Store> {
    Resource::new_borrow(store.rep())
}

async fn set(ctx: &mut Ctx, store: &Resource<Store>, key: &str, value: &[u8]) -> Result<(), Error> {
    view::of(ctx).set(again(store), key.into(), value.to_vec()).await.unwrap()
}

async fn get(ctx: &mut Ctx, store: &Resource<Store>, key: &str) -> Option<Vec<u8>> {
    view::of(ctx).get(again(store), key.into()).await.unwrap().unwrap()
}

async fn keys(ctx: &mut Ctx, store: &Resource<Store>, prefix: &str, after: Option<&str>, limit: u32) -> Vec<String> {
    let found =
        view::of(ctx).scan(again(store), prefix.into(), after.map(str::to_owned), limit).await.unwrap().unwrap();
    found.into_iter().map(|entry| entry.key).collect()
}

#[tokio::test]
async fn what_was_set_is_there_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let (kv, mut ctx, store) = notes(&directory);
    set(&mut ctx, &store, "a", b"1").await.unwrap();
    set(&mut ctx, &store, "b", b"2").await.unwrap();
    assert!(view::of(&mut ctx).delete(again(&store), "b".into()).await.unwrap().unwrap());
    assert!(!view::of(&mut ctx).delete(again(&store), "b".into()).await.unwrap().unwrap());
    view::of(&mut ctx).drop(store).await.unwrap();
    drop((kv, ctx));
    let (_kv, mut ctx, store) = notes(&directory);
    assert_eq!(get(&mut ctx, &store, "a").await.as_deref(), Some(b"1".as_slice()));
    assert_eq!(get(&mut ctx, &store, "b").await, None);
}

#[tokio::test]
async fn what_is_not_granted_is_refused_with_the_line_and_audited() {
    let directory = TempDir::new().unwrap();
    let kv = Kv::open(directory.path()).unwrap();
    let recorded = Arc::new(Recorded::default());
    let sink: Arc<dyn Sink> = Arc::clone(&recorded) as Arc<dyn Sink>;
    let audit = Audit::new(vec![sink]);
    let mut ctx = context(&kv, &[grant("read", Access::ReadOnly, 1000)], &audit);
    let Err(Error::Denied(reason)) = view::of(&mut ctx).open("notes".into()).unwrap() else { panic!("not denied") };
    assert!(reason.contains(r#"kv = [{ namespace = "notes", access = "read-write" }]"#), "{reason}");

    let store = view::of(&mut ctx).open("read".into()).unwrap().unwrap();
    assert_eq!(get(&mut ctx, &store, "a").await, None);
    let Err(Error::Denied(reason)) = set(&mut ctx, &store, "a", b"1").await else { panic!("not denied") };
    assert!(reason.contains(r#"kv = [{ namespace = "read", access = "read-write" }]"#), "{reason}");
    assert!(matches!(view::of(&mut ctx).delete(again(&store), "a".into()).await.unwrap(), Err(Error::Denied(_))));
    let swap = view::of(&mut ctx).swap(again(&store), "a".into(), None, None).await.unwrap();
    assert!(matches!(swap, Err(Error::Denied(_))));
    let events = recorded.0.lock().unwrap();
    assert_eq!(events.len(), 4);
    assert!(events.iter().all(|event| matches!(event, Event::Denied { interface, .. } if interface == INTERFACE)));
}

const INTERFACE: &str = "tidegate:host/kv";

#[test]
fn without_a_grant_the_interface_is_missing_and_says_how_to_get_it() {
    let directory = TempDir::new().unwrap();
    let kv = Kv::open(directory.path()).unwrap();
    let interface = Interface::parse("tidegate:host/kv@0.1.0");
    let Some(Verdict::Missing(line)) = kv.check(interface, &Grant::default()) else { panic!("not missing") };
    assert!(line.starts_with("kv = [{ namespace ="), "{line}");
    let granted = grant("a", Access::ReadOnly, 1);
    let origin = granted.origin.clone();
    let granted = Grant { kv: vec![granted], ..Grant::default() };
    assert_eq!(kv.check(interface, &granted), Some(Verdict::Granted(origin)));
    assert_eq!(kv.check(Interface::parse("tidegate:host/log@0.1.0"), &granted), None);
}

#[tokio::test]
async fn keys_values_and_names_have_bounds() {
    let directory = TempDir::new().unwrap();
    let (_kv, mut ctx, store) = notes(&directory);
    assert!(matches!(set(&mut ctx, &store, "", b"").await, Err(Error::Invalid(_))));
    assert!(matches!(set(&mut ctx, &store, &"k".repeat(513), b"").await, Err(Error::Invalid(_))));
    set(&mut ctx, &store, &"k".repeat(512), b"").await.unwrap();
    assert!(matches!(set(&mut ctx, &store, "v", &vec![0; (1 << 20) + 1]).await, Err(Error::Invalid(_))));
    assert!(matches!(view::of(&mut ctx).open("n".repeat(129)).unwrap(), Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_quota_counts_what_is_there_and_outlives_a_restart() {
    let directory = TempDir::new().unwrap();
    let grants = [grant("small", Access::ReadWrite, 10), grant("other", Access::ReadWrite, 10)];
    {
        let kv = Kv::open(directory.path()).unwrap();
        let mut ctx = context(&kv, &grants, &Audit::none());
        let store = view::of(&mut ctx).open("small".into()).unwrap().unwrap();
        set(&mut ctx, &store, "a", b"12345").await.unwrap();
        set(&mut ctx, &store, "a", b"1234567").await.unwrap();
        let Err(Error::Full(reason)) = set(&mut ctx, &store, "b", b"12").await else { panic!("not full") };
        assert!(reason.contains("10 bytes") && reason.contains("11"), "{reason}");
        assert_eq!(get(&mut ctx, &store, "b").await, None);
    }
    let kv = Kv::open(directory.path()).unwrap();
    let mut ctx = context(&kv, &grants, &Audit::none());
    let store = view::of(&mut ctx).open("small".into()).unwrap().unwrap();
    assert!(matches!(set(&mut ctx, &store, "b", b"12").await, Err(Error::Full(_))));
    let other = view::of(&mut ctx).open("other".into()).unwrap().unwrap();
    set(&mut ctx, &other, "b", b"12345").await.unwrap();
    assert!(view::of(&mut ctx).delete(again(&store), "a".into()).await.unwrap().unwrap());
    set(&mut ctx, &store, "b", b"123456789").await.unwrap();
    assert_eq!(get(&mut ctx, &other, "a").await, None, "namespaces do not see each other");
}

#[tokio::test]
async fn a_scan_is_ordered_bounded_and_goes_on_where_it_ended() {
    let directory = TempDir::new().unwrap();
    let (_kv, mut ctx, store) = notes(&directory);
    for key in ["b/2", "a", "b/10", "b/é", "c", "b"] {
        set(&mut ctx, &store, key, b"v").await.unwrap();
    }
    assert_eq!(keys(&mut ctx, &store, "", None, 100).await, ["a", "b", "b/10", "b/2", "b/é", "c"]);
    assert_eq!(keys(&mut ctx, &store, "b/", None, 100).await, ["b/10", "b/2", "b/é"]);
    assert_eq!(keys(&mut ctx, &store, "b/", Some("b/10"), 1).await, ["b/2"]);
    assert_eq!(keys(&mut ctx, &store, "b/", Some("a"), 2).await, ["b/10", "b/2"]);
    assert!(keys(&mut ctx, &store, "b/", Some("c"), 2).await.is_empty());
    assert!(keys(&mut ctx, &store, "", None, 0).await.is_empty());
}

#[tokio::test]
async fn a_scan_gives_no_more_than_a_megabyte_and_a_thousand_entries() {
    let directory = TempDir::new().unwrap();
    let kv = Kv::open(directory.path()).unwrap();
    let mut ctx = context(&kv, &[grant("big", Access::ReadWrite, 1 << 30)], &Audit::none());
    let store = view::of(&mut ctx).open("big".into()).unwrap().unwrap();
    for key in ["x1", "x2", "x3"] {
        set(&mut ctx, &store, key, &vec![7; 500 * 1024]).await.unwrap();
    }
    set(&mut ctx, &store, "y", &vec![7; 1 << 20]).await.unwrap();
    assert_eq!(keys(&mut ctx, &store, "x", None, 100).await, ["x1", "x2"]);
    assert_eq!(keys(&mut ctx, &store, "x", Some("x2"), 100).await, ["x3"]);
    assert_eq!(keys(&mut ctx, &store, "y", None, 100).await, ["y"], "one entry is given however large");
    // Changes of many tasks at once share transactions, so that this is quick.
    let all = (0..1_200).map(|number| {
        let change = writer::Change {
            namespace: "big".into(),
            key: format!("n{number:05}"),
            kind: writer::Kind::Set(vec![1]),
            quota: 1 << 30,
        };
        let storage = Arc::clone(&kv.storage);
        tokio::spawn(async move { storage.change(change).await.unwrap() })
    });
    for task in all.collect::<Vec<_>>() {
        assert!(task.await.unwrap());
    }
    assert_eq!(keys(&mut ctx, &store, "n", None, u32::MAX).await.len(), 1_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn swaps_of_many_tasks_lose_no_count() {
    let directory = TempDir::new().unwrap();
    let kv = Kv::open(directory.path()).unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let mut ctx = context(&kv, &[grant("n", Access::ReadWrite, 1000)], &Audit::none());
            tokio::spawn(async move {
                let store = view::of(&mut ctx).open("n".into()).unwrap().unwrap();
                for _ in 0..5 {
                    loop {
                        let present = get(&mut ctx, &store, "count").await;
                        let count: u32 =
                            present.as_ref().map_or(0, |text| str::from_utf8(text).unwrap().parse().unwrap());
                        let next = Some((count + 1).to_string().into_bytes());
                        let mut view = view::of(&mut ctx);
                        if view.swap(again(&store), "count".into(), present, next).await.unwrap().unwrap() {
                            break;
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(kv.storage.get("n", "count").unwrap().as_deref(), Some(b"80".as_slice()));
}

#[tokio::test]
async fn a_swap_removes_and_refuses() {
    let directory = TempDir::new().unwrap();
    let (_kv, mut ctx, store) = notes(&directory);
    let mut swap = async |expected: Option<&[u8]>, value: Option<&[u8]>| {
        let (expected, value) = (expected.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec));
        view::of(&mut ctx).swap(again(&store), "lock".into(), expected, value).await.unwrap().unwrap()
    };
    assert!(swap(None, Some(b"me")).await);
    assert!(!swap(None, Some(b"you")).await);
    assert!(!swap(Some(b"you"), None).await);
    assert!(swap(Some(b"me"), None).await);
    assert!(swap(None, Some(b"you")).await);
}

#[test]
fn a_second_process_is_told_who_is_in_the_way() {
    let directory = TempDir::new().unwrap();
    let _kv = Kv::open(directory.path()).unwrap();
    let error = Kv::open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::InUse(_)), "{error:?}");
}

#[test]
fn a_damaged_file_is_a_clear_error_and_not_overwritten() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("kv.redb");
    std::fs::write(&path, [0x5A_u8; 8192]).unwrap();
    let error = Kv::open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("restore it from a backup"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), [0x5A_u8; 8192]);
    assert!(matches!(Kv::open(&directory.path().join("absent")).unwrap_err(), OpenError::Io { .. }));
}

const CHILD: &str = "TIDEGATE_KV_TEST_DIRECTORY";

/// Not a test by itself: the process that `every_acknowledged_write_survives_kill` kills.
#[tokio::test]
async fn child_that_writes_until_it_is_killed() {
    let Ok(directory) = std::env::var(CHILD) else { return };
    let kv = Kv::open(Path::new(&directory)).unwrap();
    for number in 0_u32.. {
        let change = |key: String, value: Vec<u8>| writer::Change {
            namespace: "crash".into(),
            key,
            kind: writer::Kind::Set(value),
            quota: u64::MAX,
        };
        let (one, two) = (change(format!("a{number:06}"), vec![1; 3000]), change(format!("b{number:06}"), vec![2; 10]));
        let (one, two) = tokio::join!(kv.storage.change(one), kv.storage.change(two));
        assert!(one.unwrap() && two.unwrap());
        println!("acknowledged {number}");
    }
}

#[test]
fn every_acknowledged_write_survives_kill() {
    let directory = TempDir::new().unwrap();
    let mut held = 0_u32;
    for round in [3, 11, 20] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::child_that_writes_until_it_is_killed", "--nocapture"])
            .env(CHILD, directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let number = |line: String| line.split("acknowledged ").nth(1)?.trim().parse::<u32>().ok();
        let mut last = lines.by_ref().map_while(Result::ok).filter_map(number).find(|number| *number >= round).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // What was in the pipe when it died was acknowledged too.
        last = lines.map_while(Result::ok).filter_map(number).last().unwrap_or(last);
        held = held.max(last);
        let kv = Kv::open(directory.path()).unwrap();
        for number in 0..=held {
            assert_eq!(kv.storage.get("crash", &format!("a{number:06}")).unwrap(), Some(vec![1; 3000]), "{number}");
            assert_eq!(kv.storage.get("crash", &format!("b{number:06}")).unwrap(), Some(vec![2; 10]), "{number}");
        }
    }
}
