//! Streams of legacy sessions: what their clients miss waits for them.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::bindings::tidegate::gateway::calls::Event;
use crate::bindings::tidegate::types::event::{Change, Message};
use crate::gateway::Mailbox as _;

/// A tool that says so many things before its end.
fn talker(words: usize) -> Double {
    gateway().tool("talk", move |_| {
        let severity = crate::bindings::tidegate::types::content::Severity::Error;
        let say = |word: usize| Event::Message(Message { severity, logger: None, data: word.to_string() });
        (0..words).map(say).chain([done("end")]).collect()
    })
}

/// Calls `talk`; the client is gone after so many lines of the stream.
fn call(gateway: &Double, session: &str, patience: Option<usize>) -> Response {
    let headers = [&PLAIN[..], &[("Mcp-Session-Id", session)]].concat();
    let body = json!({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": "talk"}});
    exchange(gateway, Verb::Post, &headers, body.to_string().as_bytes(), patience)
}

fn resume(gateway: &Double, session: &str, last: &str) -> Response {
    exchange(gateway, Verb::Get, &[("Mcp-Session-Id", session), ("Last-Event-ID", last)], b"", None)
}

fn priming(response: &Response) -> Option<String> {
    let first = response.body.split("\n\n").next().unwrap();
    let id = first.lines().find_map(|line| line.strip_prefix("id: "))?;
    first
        .contains("\ndata: \n")
        .then_some(())
        .or(first.ends_with("\ndata: ").then_some(()))
        .filter(|()| first.contains("\nretry: "))
        .map(|()| id.to_owned())
}

fn brief(messages: &[(String, Value)]) -> Vec<Value> {
    let text = |one: &Value| match &one["method"] {
        Value::Null => one["result"]["content"][0]["text"].clone(),
        _ => one["params"]["data"].clone(),
    };
    messages.iter().map(|(_, one)| text(one)).collect()
}

#[test]
fn every_place_of_a_stream_is_one_to_come_back_to() {
    let gateway = talker(3);
    let session = begin(&gateway, "2025-11-25", json!({}));
    let whole = call(&gateway, &session, None).numbered();
    assert_eq!(brief(&whole), [json!(0), json!(1), json!(2), json!("end")]);
    // Gone after the start, after one message, ...: what was sent and what is sent later make the whole, once.
    for patience in 1..=4 {
        let first = call(&gateway, &session, Some(patience));
        let start = priming(&first).expect("an event to come back to before anything was said");
        let seen = first.numbered();
        let last = seen.last().map_or(start.clone(), |(id, _)| id.clone());
        let rest = resume(&gateway, &session, &last);
        assert_eq!(rest.session.as_deref(), Some(session.as_str()));
        assert_eq!(brief(&[seen, rest.numbered()].concat()), brief(&whole), "{patience}");
        // From another place, as often as one likes.
        assert_eq!(brief(&resume(&gateway, &session, &start).numbered()), brief(&whole));
    }
    let ids: Vec<String> = whole.iter().map(|(id, _)| id.clone()).collect();
    assert!(resume(&gateway, &session, ids.last().unwrap()).events().is_empty(), "nothing is sent twice");
    assert_eq!(gateway.cancels.get(), 0);
}

#[test]
fn a_stream_belongs_to_its_session() {
    let gateway = talker(1);
    let (mine, other) = (begin(&gateway, "2025-11-25", json!({})), begin(&gateway, "2025-11-25", json!({})));
    let id = call(&gateway, &mine, None).numbered()[0].0.clone();
    let foreign = resume(&gateway, &other, &id);
    let unknown = resume(&gateway, &other, "0123.1");
    assert_eq!((foreign.status, &foreign.body), (400, &unknown.body), "as one that never was");
    for bad in ["", ".", &mine, &format!("{mine}.1"), &format!("{id}x")] {
        assert_eq!(resume(&gateway, &mine, bad).status, 400, "{bad}");
    }
    assert_eq!(resume(&gateway, &mine, &id).status, 200);
}

#[test]
fn only_the_revision_that_knows_it_gets_an_event_without_a_message() {
    let gateway = talker(1);
    for (version, primed) in [("2025-03-26", false), ("2025-06-18", false), ("2025-11-25", true)] {
        let session = begin(&gateway, version, json!({}));
        let response = call(&gateway, &session, None);
        assert_eq!(priming(&response).is_some(), primed, "{version}: {}", response.body);
        let first = &response.numbered()[0].0;
        assert_eq!(brief(&resume(&gateway, &session, first).numbered()), [json!("end")]);
    }
}

#[test]
fn what_is_answered_at_once_costs_no_mailbox() {
    let gateway = talker(0);
    let session = begin(&gateway, "2025-11-25", json!({}));
    assert_eq!(call(&gateway, &session, None).json()["result"]["content"][0]["text"], "end");
    assert_eq!(gateway.boxes(), [session]);
}

#[test]
fn a_call_that_takes_long_has_a_stream_and_a_setting_closes_it() {
    let silent = || gateway().tool("talk", |_| vec![]).with("poll-after", "300");
    let gateway = silent();
    let session = begin(&gateway, "2025-11-25", json!({}));
    // Once until there is a stream, then until it has been open for 300 ms; a look at the double's clock takes 100.
    gateway.when_silent(9, |gateway| gateway.happen(done("late")));
    let response = call(&gateway, &session, None);
    let start = priming(&response).unwrap();
    assert!(response.ended && response.events().is_empty(), "{}", response.body);
    assert_eq!(brief(&resume(&gateway, &session, &start).numbered()), [json!("late")]);
}

#[test]
fn changes_wait_for_the_client_of_a_session_stream() {
    let gateway = Rc::new(talker(0));
    let session = begin(&gateway, "2025-11-25", json!({}));
    let rest: Rc<RefCell<Vec<Value>>> = Rc::default();
    gateway.when_waiting(|gateway| gateway.changes.borrow_mut().push(Change::Tools));
    // The connection breaks; then something changes.
    gateway.when_waiting(|gateway| gateway.gone.set(true));
    gateway.when_waiting(|gateway| {
        gateway.gone.set(false);
        gateway.changes.borrow_mut().push(Change::Prompts);
    });
    let (kept, mine) = (Rc::clone(&rest), session.clone());
    gateway.when_waiting(move |gateway| {
        // The client comes back with the first change it saw; while it reads, another one happens, and the session ends.
        gateway.when_waiting(|gateway| gateway.gone.set(true));
        let log = gateway.boxes().into_iter().find(|id| *id != mine).unwrap();
        let response = resume(gateway, &mine, &format!("{log}.2"));
        gateway.gone.set(false);
        kept.borrow_mut().extend(response.events());
        gateway.when_waiting(|gateway| gateway.forget());
    });
    let first = exchange(&gateway, Verb::Get, &[("Mcp-Session-Id", &session)], b"", None);
    let method = |one: &Value| one["method"].as_str().unwrap().to_owned();
    assert_eq!(first.events().iter().map(method).collect::<Vec<_>>(), ["notifications/tools/list_changed"]);
    assert_eq!(rest.borrow().iter().map(method).collect::<Vec<_>>(), ["notifications/prompts/list_changed"]);
}

#[test]
fn a_client_that_never_comes_back_is_not_waited_for_without_end() {
    let gateway = talker(0);
    let session = begin(&gateway, "2025-11-25", json!({}));
    gateway.when_waiting(|gateway| gateway.gone.set(true));
    exchange(&gateway, Verb::Get, &[("Mcp-Session-Id", &session)], b"", None);
    let log = gateway.boxes().into_iter().find(|id| *id != session).unwrap();
    assert!(crate::gateway::Gateway::open(&gateway, &log).unwrap().read(0, 99).is_err(), "it is forgotten");
    // Who comes back too late begins anew; only a call's stream is lost with its log.
    gateway.gone.set(false);
    gateway.when_waiting(|gateway| gateway.changes.borrow_mut().push(Change::Tools));
    let mine = session.clone();
    gateway.when_waiting(move |gateway| crate::gateway::Gateway::open(gateway, &mine).unwrap().close());
    assert_eq!(resume(&gateway, &session, &format!("{log}.1.all")).events().len(), 1);
}

#[test]
fn whoever_came_last_reads() {
    let gateway = talker(0);
    let session = begin(&gateway, "2025-11-25", json!({}));
    let log =
        super::super::log::Log::make(&gateway, &crate::gateway::Gateway::open(&gateway, &session).unwrap(), false);
    let id = log.unwrap().id().to_owned();
    gateway.when_waiting(|gateway| {
        let session = gateway.boxes()[0].clone();
        let log = crate::gateway::Gateway::open(gateway, &gateway.boxes()[1]).unwrap();
        log.post(b"R").unwrap();
        log.post(b"E{}").unwrap();
        assert_ne!(session, log.id());
    });
    assert!(resume(&gateway, &session, &format!("{id}.1")).events().is_empty());
}

#[test]
fn a_session_remembers_more_notes_than_are_kept() {
    let gateway = gateway();
    let session = begin(&gateway, "2025-11-25", json!({}));
    legacy(&gateway, &session, "resources/subscribe", json!({"uri": "test://a"}));
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "x"}});
    for _ in 0..600 {
        post(&gateway, &[("Mcp-Session-Id", &session)], &cancel);
    }
    legacy(&gateway, &session, "ping", json!({}));
    let mailbox = crate::gateway::Gateway::open(&gateway, &session).unwrap();
    let notes = mailbox.read(0, 9_999).unwrap();
    let sum = notes.iter().find(|note| note.body.starts_with(b"Z")).expect("a sum of the notes");
    assert!(std::str::from_utf8(&sum.body).unwrap().ends_with("[\"test://a\"]"), "{sum:?}");
}
