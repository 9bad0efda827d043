//! Calls that become tasks.

use super::*;
use crate::bindings::tidegate::gateway::calls::{Error, Event, Outcome};
use crate::bindings::tidegate::types::input::{Form, NamedQuestion, Question, Questions};
use crate::bindings::tidegate::types::tools::TaskSupport;
use crate::gateway::Mailbox as _;

pub(super) fn knows_tasks() -> Value {
    json!({"io.modelcontextprotocol/clientCapabilities": {
        "elicitation": {}, "extensions": {"io.modelcontextprotocol/tasks": {}},
    }})
}

fn gateway_of(support: TaskSupport, events: impl Fn(usize) -> Vec<Event> + 'static) -> Double {
    let rounds = std::cell::Cell::new(0);
    let script = move |_: &_| {
        rounds.set(rounds.get() + 1);
        events(rounds.get())
    };
    Double::default().tool("job", script).describe("job", move |tool| tool.task = support)
}

fn call(gateway: &Double, meta: Value) -> Response {
    modern_with(gateway, "tools/call", json!({"name": "job"}), meta)
}

pub(super) fn of_task(gateway: &Double, method: &str, id: &str, more: Value) -> Response {
    let mut params = json!({"taskId": id});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    modern_with(gateway, method, params, knows_tasks())
}

fn question(id: &str) -> NamedQuestion {
    NamedQuestion { id: id.into(), question: Question::Form(Form { message: "?".into(), schema: "{}".into() }) }
}

fn only_task(gateway: &Double) -> String {
    let boxes = gateway.boxes();
    assert_eq!(boxes.len(), 1, "one task");
    boxes[0].clone()
}

#[test]
fn what_is_quick_is_answered_at_once_unless_the_tool_is_always_a_task() {
    let response = call(&gateway_of(TaskSupport::Optional, |_| vec![done("quick")]), knows_tasks());
    assert_eq!(response.json()["result"]["content"][0]["text"], "quick");
    let gateway = gateway_of(TaskSupport::Required, |_| vec![done("quick")]);
    let created = call(&gateway, knows_tasks()).json()["result"].clone();
    assert_eq!((&created["resultType"], &created["status"]), (&json!("task"), &json!("working")));
    assert!(created["ttlMs"].is_u64() && created["pollIntervalMs"].is_u64() && created.get("result").is_none());
    let task = of_task(&gateway, "tasks/get", created["taskId"].as_str().unwrap(), json!({})).json()["result"].clone();
    assert_eq!((&task["resultType"], &task["status"]), (&json!("complete"), &json!("completed")));
    assert_eq!(task["result"]["content"][0]["text"], "quick");
}

#[test]
fn a_client_that_knows_no_tasks_waits_or_is_told() {
    let response = call(&gateway_of(TaskSupport::Optional, |_| vec![done("waited")]), json!({}));
    assert_eq!(response.json()["result"]["content"][0]["text"], "waited");
    let required = json!({"requiredCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}}});
    let gateway = gateway_of(TaskSupport::Required, |_| vec![done("never")]);
    let response = call(&gateway, json!({}));
    assert_eq!((response.status, response.code()), (400, json!(-32021)));
    assert_eq!(response.json()["error"]["data"], required);
    assert!(gateway.started.borrow().is_empty(), "it did not run");
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        assert_eq!(modern(&gateway, method, json!({"taskId": "x"})).code(), json!(-32021), "{method}");
    }
}

#[test]
fn failures_of_the_tool_complete_a_task_and_failures_of_the_host_fail_it() {
    let broken = || Event::Done(Err(Error::Failed("it trapped".into())));
    let gateway = gateway_of(TaskSupport::Required, move |_| vec![broken()]);
    let id = call(&gateway, knows_tasks()).json()["result"]["taskId"].as_str().unwrap().to_owned();
    let task = of_task(&gateway, "tasks/get", &id, json!({})).json()["result"].clone();
    assert_eq!((&task["status"], &task["error"]["code"]), (&json!("failed"), &json!(-32603)));
    assert!(task.get("result").is_none());
    let failed = || {
        Event::Done(Ok(Outcome::Tool(crate::bindings::tidegate::types::tools::Output { is_error: true, ..text("no") })))
    };
    let gateway = gateway_of(TaskSupport::Required, move |_| vec![failed()]);
    let id = call(&gateway, knows_tasks()).json()["result"]["taskId"].as_str().unwrap().to_owned();
    let task = of_task(&gateway, "tasks/get", &id, json!({})).json()["result"].clone();
    assert_eq!((&task["status"], &task["result"]["isError"]), (&json!("completed"), &json!(true)));
}

#[test]
fn questions_at_once_belong_to_the_request_and_no_task_is_made() {
    let asks = || Event::Done(Ok(Outcome::InputRequired(Questions { questions: vec![question("q")], state: None })));
    let gateway = gateway_of(TaskSupport::Required, move |_| vec![asks()]);
    let result = call(&gateway, knows_tasks()).json()["result"].clone();
    assert_eq!(result["resultType"], "input_required");
    assert!(result.get("taskId").is_none() && gateway.boxes().is_empty());
}

#[test]
fn a_task_asks_and_goes_on_when_every_answer_is_there() {
    let gateway = gateway_of(TaskSupport::Optional, |round| if round == 1 { vec![] } else { vec![done("both")] });
    // The wait for a quick end has a limit, so it uses no hook that is not there; the second wait plays the tool's end.
    gateway.when_waiting_without_end(|gateway| {
        let questions = vec![question("one"), question("two")];
        gateway.happen(Event::Done(Ok(Outcome::InputRequired(Questions { questions, state: None }))));
    });
    gateway.when_waiting_without_end(|gateway| {
        let id = only_task(gateway);
        let task = of_task(gateway, "tasks/get", &id, json!({})).json()["result"].clone();
        assert_eq!(task["status"], "input_required");
        assert_eq!(task["inputRequests"].as_object().unwrap().len(), 2);
        let accept = json!({"inputResponses": {"one": {"action": "accept", "content": {}}, "other": {}}});
        assert_eq!(of_task(gateway, "tasks/update", &id, accept).json()["result"]["resultType"], "complete");
        let left = of_task(gateway, "tasks/get", &id, json!({})).json()["result"].clone();
        assert_eq!(left["inputRequests"].as_object().unwrap().keys().collect::<Vec<_>>(), ["two"]);
        let bad = json!({"inputResponses": {"two": 5}});
        assert_eq!(of_task(gateway, "tasks/update", &id, bad).code(), json!(-32602));
    });
    gateway.when_waiting_without_end(|gateway| {
        let accept = json!({"inputResponses": {"two": {"action": "decline"}}});
        of_task(gateway, "tasks/update", &only_task(gateway), accept);
    });
    let created = call(&gateway, knows_tasks()).json()["result"].clone();
    let task = of_task(&gateway, "tasks/get", created["taskId"].as_str().unwrap(), json!({})).json()["result"].clone();
    assert_eq!((&task["status"], &task["result"]["content"][0]["text"]), (&json!("completed"), &json!("both")));
    assert_eq!(gateway.started.borrow()[1].answers.len(), 2);
}

#[test]
fn a_cancellation_ends_a_task_and_its_call() {
    let gateway = gateway_of(TaskSupport::Optional, |_| vec![]);
    gateway.when_waiting_without_end(|gateway| {
        let cancelled = of_task(gateway, "tasks/cancel", &only_task(gateway), json!({})).json()["result"].clone();
        assert_eq!(cancelled["resultType"], "complete");
        assert!(cancelled.get("status").is_none());
    });
    let id = call(&gateway, knows_tasks()).json()["result"]["taskId"].as_str().unwrap().to_owned();
    assert_eq!(gateway.cancels.get(), 1);
    for _ in 0..2 {
        assert_eq!(of_task(&gateway, "tasks/get", &id, json!({})).json()["result"]["status"], "cancelled");
        assert_eq!(of_task(&gateway, "tasks/cancel", &id, json!({})).json()["result"]["resultType"], "complete");
    }
}

#[test]
fn what_is_no_task_is_an_invalid_parameter() {
    let gateway = gateway_of(TaskSupport::Optional, |_| vec![]);
    assert_eq!(of_task(&gateway, "tasks/get", "0123", json!({})).code(), json!(-32602));
    let session = begin(&gateway, "2025-11-25", json!({}));
    assert_eq!(of_task(&gateway, "tasks/get", &session, json!({})).code(), json!(-32602));
    assert_eq!(of_task(&gateway, "tasks/update", &session, json!({"inputResponses": {}})).code(), json!(-32602));
    for method in ["tasks/list", "tasks/result"] {
        let response = of_task(&gateway, method, "0123", json!({}));
        assert_eq!((response.status, response.code()), (404, json!(-32601)), "{method}");
    }
    let opened = crate::gateway::Gateway::open(&gateway, &session).unwrap();
    assert_eq!(opened.id(), session);
}

#[test]
fn a_client_that_goes_before_it_is_told_of_a_task_cancels_the_call() {
    let gateway = gateway_of(TaskSupport::Required, |_| vec![]);
    gateway.gone.set(true);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "job", "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
    }}});
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "job")];
    assert_eq!(post(&gateway, &headers, &body).status, 0, "nothing is sent");
    assert!(gateway.boxes().is_empty());
}
