#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn terms(used: u64) -> Terms {
    Terms { idle_seconds: 60, messages: 8, used }
}

fn create(owner: &str, id: &str, used: u64) -> Change {
    Change::Create {
        owner: owner.into(),
        id: id.into(),
        client: b"me".to_vec(),
        terms: terms(used),
        first: b"first".to_vec(),
    }
}

fn post(owner: &str, id: &str, number: u64, dropped: &[u64]) -> Change {
    let body = number.to_string().into_bytes();
    Change::Post { owner: owner.into(), id: id.into(), number, body, dropped: dropped.to_vec(), used: 150 }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_the_file_was_closed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mailboxes.redb");
    {
        let store = Store::open(&path, 100).unwrap();
        for change in [create("p", "a", 100), create("p", "b", 100), create("q", "a", 100)] {
            store.change(change).await.unwrap();
        }
        for change in [post("p", "a", 2, &[]), post("p", "a", 3, &[2]), post("p", "gone", 9, &[])] {
            store.change(change).await.unwrap();
        }
        store.change(Change::Remove { owner: "p".into(), id: "b".into() }).await.unwrap();
    }
    let store = Store::open(&path, 200).unwrap();
    let messages = vec![(1, b"first".to_vec()), (3, b"3".to_vec())];
    assert_eq!(
        store.load("p").unwrap(),
        [Kept { id: "a".into(), client: b"me".to_vec(), terms: terms(150), messages }]
    );
    // `q`'s was without use for more than a minute.
    assert_eq!(store.load("q").unwrap(), []);
    assert_eq!(store.load("").unwrap(), []);
}

#[test]
fn a_file_in_use_and_a_file_that_is_none_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mailboxes.redb");
    let open = Store::open(&path, 0).unwrap();
    assert!(matches!(Store::open(&path, 0), Err(OpenError::InUse(_))));
    drop(open);
    std::fs::write(&path, b"no database").unwrap();
    assert!(matches!(Store::open(&path, 0), Err(OpenError::Damaged { .. })));
    assert!(matches!(Store::open(&dir.path().join("no/such"), 0), Err(OpenError::Io { .. })));
}

#[test]
fn a_clock_set_back_ends_nothing() {
    assert!(!terms(1_000).ended(10));
    assert!(!terms(1_000).ended(1_060));
    assert!(terms(1_000).ended(1_061));
}
