//! Tasks whose host ended.

use super::tasks::{knows_tasks, of_task};
use super::*;
use crate::bindings::tidegate::gateway::mailboxes::Options;
use crate::bindings::tidegate::types::tools::TaskSupport;
use crate::gateway::Mailbox as _;

/// A tool, and whether it says that it may run twice.
fn gateway_of(idempotent: bool) -> Double {
    Double::default().tool("job", |request| vec![done(&format!("{} answers", request.answers.len()))]).describe(
        "job",
        move |tool| {
            tool.task = TaskSupport::Optional;
            let hints = tool.annotations.as_mut().unwrap();
            (hints.read_only, hints.idempotent) = (None, Some(idempotent));
        },
    )
}

/// What an earlier run of the host left: a task with these messages.
fn left(gateway: &Double, messages: &[&str]) -> String {
    let request = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "job"}});
    let options = Options { idle_seconds: 60, messages: 99, durable: true, within: None };
    let mailbox = gateway.make(options, format!("T100 f {request}").as_bytes()).unwrap();
    for message in messages {
        mailbox.post(message.as_bytes()).unwrap();
    }
    gateway.restart();
    mailbox.id()
}

fn task(gateway: &Double, id: &str) -> Value {
    of_task(gateway, "tasks/get", id, json!({})).json()["result"].clone()
}

#[test]
fn what_has_ended_is_known_after_a_restart() {
    let gateway = gateway_of(false);
    let id = left(&gateway, &["S200 completed {\"content\":[]}"]);
    let task = task(&gateway, &id);
    assert_eq!((&task["status"], &task["result"]), (&json!("completed"), &json!({"content": []})));
    assert_eq!(task["createdAt"], "1970-01-01T00:00:00.100Z");
    assert!(gateway.started.borrow().is_empty());
}

#[test]
fn a_call_that_must_not_run_twice_is_said_to_have_failed() {
    let gateway = gateway_of(false);
    let id = left(&gateway, &[]);
    for _ in 0..2 {
        let task = task(&gateway, &id);
        assert_eq!((&task["status"], &task["error"]["code"]), (&json!("failed"), &json!(-32603)));
        assert!(task["error"]["message"].as_str().unwrap().contains("restarted"), "{task}");
    }
    assert!(gateway.started.borrow().is_empty(), "it did not run again");
}

#[test]
fn a_call_that_may_run_twice_starts_again_once() {
    let gateway = gateway_of(true);
    let id = left(&gateway, &[]);
    assert_eq!(task(&gateway, &id)["status"], "working");
    let task = task(&gateway, &id);
    assert_eq!((&task["status"], &task["result"]["content"][0]["text"]), (&json!("completed"), &json!("0 answers")));
    assert_eq!(gateway.started.borrow().len(), 1);
}

#[test]
fn a_task_that_another_instance_took_over_is_left_to_it() {
    let gateway = gateway_of(true);
    let id = left(&gateway, &[]);
    gateway.open(&id).unwrap().post(b"W").unwrap();
    assert_eq!(task(&gateway, &id)["status"], "working");
    assert!(gateway.started.borrow().is_empty());
}

#[test]
fn questions_wait_over_a_restart_with_their_state() {
    // Also of a tool that must not run twice: the round that asked has ended.
    let gateway = gateway_of(false);
    let asked = "S200 input_required {\"one\":{\"method\":\"m\"},\"two\":{\"method\":\"m\"}}";
    let id = left(&gateway, &["KaGVsbG8=", asked, "U{\"one\":{\"action\":\"decline\"}}"]);
    let waiting = task(&gateway, &id);
    assert_eq!(waiting["status"], "input_required");
    assert_eq!(waiting["inputRequests"].as_object().unwrap().keys().collect::<Vec<_>>(), ["two"]);
    let answer = json!({"inputResponses": {"two": {"action": "accept", "content": {}}}});
    assert_eq!(of_task(&gateway, "tasks/update", &id, answer).json()["result"]["resultType"], "complete");
    assert_eq!(task(&gateway, &id)["result"]["content"][0]["text"], "2 answers");
    assert_eq!(gateway.started.borrow()[0].state.as_deref(), Some(&b"hello"[..]));
}

#[test]
fn a_task_without_its_host_is_cancelled_at_once() {
    for idempotent in [true, false] {
        let gateway = gateway_of(idempotent);
        let id = left(&gateway, &[]);
        of_task(&gateway, "tasks/cancel", &id, json!({}));
        assert_eq!(task(&gateway, &id)["status"], "cancelled");
        assert!(gateway.started.borrow().is_empty());
    }
}

#[test]
fn subscriptions_tell_how_tasks_stand_until_they_end() {
    let gateway = gateway_of(false);
    let id = left(&gateway, &["S200 working "]);
    let other = id.clone();
    gateway.when_waiting(move |gateway| {
        gateway.open(&other).unwrap().post(b"S300 completed {\"content\":[]}").unwrap();
    });
    gateway.when_waiting(|gateway| gateway.gone.set(true));
    let wanted = json!({"notifications": {"taskIds": [id, "none"]}});
    let events = modern_with(&gateway, "subscriptions/listen", wanted, knows_tasks()).events();
    assert_eq!(events[0]["params"]["notifications"]["taskIds"], json!([id]));
    let told: Vec<_> = events[1..].iter().map(|one| (&one["method"], &one["params"]["status"])).collect();
    let method = &json!("notifications/tasks");
    assert_eq!(told, [(method, &json!("working")), (method, &json!("completed"))]);
    assert_eq!(events[2]["params"]["result"], json!({"content": []}));
    assert_eq!(events[2]["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], json!(1));
}
