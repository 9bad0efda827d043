#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

const ME: &[u8] = b"me";

fn kept_in(store: Option<&Path>) -> Arc<Mailboxes> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let store = store.map(|path| (Arc::new(Store::open(path, now()).unwrap()), "p".to_owned()));
    Arc::new(Mailboxes::new(store, || Ok(format!("{:032x}", COUNT.fetch_add(1, Ordering::Relaxed)))))
}

fn mailboxes() -> Arc<Mailboxes> {
    kept_in(None)
}

fn options(messages: u32) -> Options {
    Options { idle_seconds: 60, messages, durable: false, within: None }
}

fn durable() -> Options {
    Options { durable: true, ..options(4) }
}

fn within(id: &str) -> Options {
    Options { within: Some(id.to_owned()), ..options(4) }
}

fn bodies(messages: &[Message]) -> Vec<(u64, &[u8])> {
    messages.iter().map(|message| (message.number, message.body.as_slice())).collect()
}

#[tokio::test]
async fn messages_are_numbered_and_the_first_is_always_kept() {
    let mailboxes = mailboxes();
    let id = mailboxes.create(ME, options(3), b"first".to_vec()).await.unwrap();
    for body in [b"b", b"c", b"d", b"e"] {
        mailboxes.post(&id, body.to_vec()).await.unwrap();
    }
    let kept = mailboxes.read(&id, 0, 10).unwrap();
    assert_eq!(bodies(&kept), [(1, b"first".as_slice()), (4, b"d"), (5, b"e")]);
    assert_eq!(bodies(&mailboxes.read(&id, 4, 10).unwrap()), [(5, b"e".as_slice())]);
    assert_eq!(mailboxes.read(&id, 0, 1).unwrap().len(), 1);
}

#[tokio::test]
async fn closed_and_unknown_mailboxes_are_not_found() {
    let mailboxes = mailboxes();
    let id = mailboxes.create(ME, options(3), Vec::new()).await.unwrap();
    mailboxes.close(&id).await;
    mailboxes.close(&id).await;
    assert!(matches!(mailboxes.open(ME, &id).await, Err(Error::NotFound)));
    assert!(matches!(mailboxes.post("x", Vec::new()).await, Err(Error::NotFound)));
    assert!(matches!(mailboxes.read("x", 0, 1), Err(Error::NotFound)));
}

#[tokio::test]
async fn bounds_are_said() {
    let mailboxes = mailboxes();
    for bad in [
        Options { idle_seconds: 0, ..options(1) },
        Options { idle_seconds: 86_401, ..options(1) },
        Options { within: Some("x".to_owned()), ..durable() },
        options(0),
        options(4_097),
    ] {
        assert!(matches!(mailboxes.create(ME, bad, Vec::new()).await, Err(Error::Invalid(_))));
    }
    assert!(matches!(mailboxes.create(ME, options(1), vec![0; MESSAGE + 1]).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn bytes_are_bounded_and_come_back() {
    let mailboxes = mailboxes();
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(mailboxes.create(ME, options(8), vec![0; MESSAGE]).await.unwrap());
    }
    assert!(matches!(mailboxes.create(ME, options(8), vec![0; 1]).await, Err(Error::Full)));
    assert!(matches!(mailboxes.post(ids.first().unwrap(), vec![0; 1]).await, Err(Error::Full)));
    // Those within others have room of their own.
    let inner = mailboxes.create(ME, within(ids.first().unwrap()), vec![0; MESSAGE]).await.unwrap();
    mailboxes.post(&inner, vec![0; 1]).await.unwrap();
    mailboxes.close(ids.last().unwrap()).await;
    mailboxes.post(ids.first().unwrap(), vec![0; MESSAGE]).await.unwrap();
}

#[tokio::test]
async fn what_is_within_a_mailbox_is_bounded_and_goes_with_it() {
    let mailboxes = mailboxes();
    let outer = mailboxes.create(ME, options(2), Vec::new()).await.unwrap();
    let mut inner = Vec::new();
    for _ in 0..room::INNER {
        inner.push(mailboxes.create(ME, within(&outer), Vec::new()).await.unwrap());
    }
    assert!(matches!(mailboxes.create(ME, within(&outer), Vec::new()).await, Err(Error::Full)));
    mailboxes.close(inner.last().unwrap()).await;
    inner.push(mailboxes.create(ME, within(&outer), Vec::new()).await.unwrap());
    // Not of another depth, and not of what is gone.
    assert!(matches!(mailboxes.create(ME, within(inner.last().unwrap()), Vec::new()).await, Err(Error::NotFound)));
    mailboxes.close(&outer).await;
    for id in &inner {
        assert!(matches!(mailboxes.open(ME, id).await, Err(Error::NotFound)));
    }
    assert!(matches!(mailboxes.create(ME, within(&outer), Vec::new()).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn durable_mailboxes_outlive_the_host_with_their_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mailboxes.redb");
    let (kept, closed, plain) = {
        let mailboxes = kept_in(Some(&path));
        let kept = mailboxes.create(ME, durable(), b"first".to_vec()).await.unwrap();
        for body in [b"b", b"c", b"d", b"e"] {
            mailboxes.post(&kept, body.to_vec()).await.unwrap();
        }
        assert_eq!(mailboxes.inherited(&kept), 0);
        let closed = mailboxes.create(ME, durable(), Vec::new()).await.unwrap();
        mailboxes.close(&closed).await;
        (kept, closed, mailboxes.create(ME, options(4), Vec::new()).await.unwrap())
    };
    let mailboxes = kept_in(Some(&path));
    assert!(matches!(mailboxes.open(b"you", &kept).await, Err(Error::NotFound)));
    mailboxes.open(ME, &kept).await.unwrap();
    let messages = mailboxes.read(&kept, 0, 10).unwrap();
    assert_eq!(bodies(&messages), [(1, b"first".as_slice()), (3, b"c"), (4, b"d"), (5, b"e")]);
    assert_eq!(mailboxes.inherited(&kept), 5);
    assert_eq!(mailboxes.post(&kept, b"f".to_vec()).await.unwrap(), 6);
    assert_eq!(mailboxes.inherited(&kept), 5);
    for gone in [closed, plain] {
        assert!(matches!(mailboxes.open(ME, &gone).await, Err(Error::NotFound)));
    }
}

#[tokio::test]
async fn a_post_that_nobody_waits_for_any_more_is_made_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mailboxes.redb");
    let mailboxes = kept_in(Some(&path));
    let id = mailboxes.create(ME, durable(), Vec::new()).await.unwrap();
    {
        let mut post = Box::pin(mailboxes.post(&id, b"left".to_vec()));
        let waker = std::task::Waker::noop();
        assert!(post.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
    }
    assert_eq!(mailboxes.post(&id, b"next".to_vec()).await.unwrap(), 3);
    assert_eq!(bodies(&mailboxes.read(&id, 1, 9).unwrap()), [(2, b"left".as_slice()), (3, b"next")]);
}

#[tokio::test]
async fn durable_mailboxes_want_a_store() {
    assert!(matches!(mailboxes().create(ME, durable(), Vec::new()).await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_post_and_a_close_wake_who_waits() {
    let mailboxes = mailboxes();
    let id = mailboxes.create(ME, options(8), Vec::new()).await.unwrap();
    let wait = |after| {
        let (mailboxes, id) = (Arc::clone(&mailboxes), id.clone());
        tokio::spawn(async move { mailboxes.wait(&id, after).await })
    };
    let first = wait(1);
    tokio::task::yield_now().await;
    mailboxes.post(&id, b"x".to_vec()).await.unwrap();
    first.await.unwrap();
    let second = wait(2);
    tokio::task::yield_now().await;
    mailboxes.close(&id).await;
    second.await.unwrap();
}

#[tokio::test]
async fn a_mailbox_is_not_forgotten_under_who_waits() {
    let mailboxes = mailboxes();
    let id = mailboxes.create(ME, Options { idle_seconds: 1, ..options(2) }, Vec::new()).await.unwrap();
    let age = |by| {
        let mut inner = mailboxes.lock();
        inner.boxes.get_mut(&id).unwrap().age(Duration::from_secs(by));
        inner.swept = None;
    };
    let (here, name) = (Arc::clone(&mailboxes), id.clone());
    let waiting = tokio::spawn(async move { here.wait(&name, 1).await });
    tokio::task::yield_now().await;
    age(2);
    assert!(mailboxes.open(ME, &id).await.is_ok());
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    age(2);
    assert!(matches!(mailboxes.open(ME, &id).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_mailbox_without_use_is_forgotten() {
    let mailboxes = mailboxes();
    let id = mailboxes.create(ME, Options { idle_seconds: 1, ..options(1) }, Vec::new()).await.unwrap();
    {
        let mut inner = mailboxes.lock();
        inner.boxes.get_mut(&id).unwrap().age(Duration::from_secs(2));
        inner.swept = None;
    }
    assert!(matches!(mailboxes.open(ME, &id).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_mailbox_of_another_client_is_not_there() {
    let mailboxes = mailboxes();
    let mine = mailboxes.create(ME, options(2), Vec::new()).await.unwrap();
    assert!(matches!(mailboxes.open(b"you", &mine).await, Err(Error::NotFound)));
    assert!(matches!(mailboxes.create(b"you", within(&mine), Vec::new()).await, Err(Error::NotFound)));
    mailboxes.open(ME, &mine).await.unwrap();
    mailboxes.lock().boxes.get_mut(&mine).unwrap().age(Duration::from_secs(61));
    // Asking for what is another's does not keep it alive.
    assert!(matches!(mailboxes.open(b"you", &mine).await, Err(Error::NotFound)));
    mailboxes.lock().swept = None;
    assert!(matches!(mailboxes.open(ME, &mine).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_client_sees_a_list_of_its_own_durable_mailboxes_also_of_the_run_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mailboxes");
    let mut mine = Vec::new();
    {
        let mailboxes = kept_in(Some(&path));
        for _ in 0..3 {
            mine.push(mailboxes.create(ME, durable(), Vec::new()).await.unwrap());
        }
        mailboxes.create(b"you", durable(), Vec::new()).await.unwrap();
        mailboxes.create(ME, options(4), Vec::new()).await.unwrap();
        assert_eq!(mailboxes.list(ME, "", 10).await.unwrap(), mine);
    }
    let mailboxes = kept_in(Some(&path));
    assert_eq!(mailboxes.list(ME, "", 2).await.unwrap(), mine[..2]);
    assert_eq!(mailboxes.list(ME, &mine[1], 2).await.unwrap(), mine[2..]);
    assert_eq!(mailboxes.list(b"nobody", "", 2).await.unwrap(), Vec::<String>::new());
    mailboxes.close(&mine[2]).await;
    assert_eq!(mailboxes.list(ME, &mine[1], 2).await.unwrap(), Vec::<String>::new());
}
