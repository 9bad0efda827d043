#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

const ME: &[u8] = b"me";

fn mailboxes() -> Arc<Mailboxes> {
    let count = AtomicU32::new(0);
    Arc::new(Mailboxes::new(move || Ok(format!("{:032x}", count.fetch_add(1, Ordering::Relaxed)))))
}

fn options(messages: u32) -> Options {
    Options { idle_seconds: 60, messages }
}

fn bodies(messages: &[Message]) -> Vec<(u64, &[u8])> {
    messages.iter().map(|message| (message.number, message.body.as_slice())).collect()
}

#[test]
fn messages_are_numbered_and_the_first_is_always_kept() {
    let mailboxes = mailboxes();
    let id = mailboxes.create(ME, options(3), b"first".to_vec()).unwrap();
    for body in [b"b", b"c", b"d", b"e"] {
        mailboxes.post(&id, body.to_vec()).unwrap();
    }
    let kept = mailboxes.read(&id, 0, 10).unwrap();
    assert_eq!(bodies(&kept), [(1, b"first".as_slice()), (4, b"d"), (5, b"e")]);
    assert_eq!(bodies(&mailboxes.read(&id, 4, 10).unwrap()), [(5, b"e".as_slice())]);
    assert_eq!(mailboxes.read(&id, 0, 1).unwrap().len(), 1);
}

#[test]
fn closed_and_unknown_mailboxes_are_not_found() {
    let mailboxes = mailboxes();
    let id = mailboxes.create(ME, options(3), Vec::new()).unwrap();
    mailboxes.close(&id);
    mailboxes.close(&id);
    assert!(matches!(mailboxes.open(ME, &id), Err(Error::NotFound)));
    assert!(matches!(mailboxes.post("x", Vec::new()), Err(Error::NotFound)));
    assert!(matches!(mailboxes.read("x", 0, 1), Err(Error::NotFound)));
}

#[test]
fn bounds_are_said() {
    let mailboxes = mailboxes();
    for bad in [
        Options { idle_seconds: 0, messages: 1 },
        Options { idle_seconds: 86_401, messages: 1 },
        options(0),
        options(4_097),
    ] {
        assert!(matches!(mailboxes.create(ME, bad, Vec::new()), Err(Error::Invalid(_))));
    }
    assert!(matches!(mailboxes.create(ME, options(1), vec![0; MESSAGE + 1]), Err(Error::Invalid(_))));
}

#[test]
fn bytes_are_bounded_and_come_back() {
    let mailboxes = mailboxes();
    let ids: Vec<_> = (0..8).map(|_| mailboxes.create(ME, options(8), vec![0; MESSAGE]).unwrap()).collect();
    assert!(matches!(mailboxes.create(ME, options(8), vec![0; 1]), Err(Error::Full)));
    assert!(matches!(mailboxes.post(ids.first().unwrap(), vec![0; 1]), Err(Error::Full)));
    mailboxes.close(ids.last().unwrap());
    mailboxes.post(ids.first().unwrap(), vec![0; MESSAGE]).unwrap();
}

#[tokio::test]
async fn a_post_and_a_close_wake_who_waits() {
    let mailboxes = mailboxes();
    let id = mailboxes.create(ME, options(8), Vec::new()).unwrap();
    let wait = |after| {
        let (mailboxes, id) = (Arc::clone(&mailboxes), id.clone());
        tokio::spawn(async move { mailboxes.wait(&id, after).await })
    };
    let first = wait(1);
    tokio::task::yield_now().await;
    mailboxes.post(&id, b"x".to_vec()).unwrap();
    first.await.unwrap();
    let second = wait(2);
    tokio::task::yield_now().await;
    mailboxes.close(&id);
    second.await.unwrap();
}

#[test]
fn a_mailbox_without_use_is_forgotten() {
    let mailboxes = mailboxes();
    let id = mailboxes.create(ME, Options { idle_seconds: 1, messages: 1 }, Vec::new()).unwrap();
    {
        let mut inner = mailboxes.lock();
        let entry = inner.boxes.get_mut(&id).unwrap();
        entry.used -= Duration::from_secs(2);
        inner.swept = None;
    }
    assert!(matches!(mailboxes.open(ME, &id), Err(Error::NotFound)));
}

#[test]
fn a_mailbox_is_not_there_for_others() {
    let mailboxes = mailboxes();
    let id = mailboxes.create(ME, options(3), b"first".to_vec()).unwrap();
    for other in [&b"you"[..], b"", b"m", b"me "] {
        assert!(matches!(mailboxes.open(other, &id), Err(Error::NotFound)));
    }
    mailboxes.open(ME, &id).unwrap();
}
