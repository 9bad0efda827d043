//! The tasks of the core: 2025-11-25.

use super::*;
use crate::bindings::tidegate::gateway::calls::{Error, Event, Outcome, Refusal};
use crate::bindings::tidegate::gateway::mailboxes::Options;
use crate::bindings::tidegate::types::input::{Form, NamedQuestion, Question, Questions, Sample};
use crate::bindings::tidegate::types::tools::{Output, TaskSupport};
use crate::gateway::Mailbox as _;

const RELATED: &str = "io.modelcontextprotocol/related-task";

fn gateway_of(events: impl Fn(usize) -> Vec<Event> + 'static) -> Double {
    let rounds = std::cell::Cell::new(0);
    let script = move |_: &_| {
        rounds.set(rounds.get() + 1);
        events(rounds.get())
    };
    let double = gateway().tool("job", script).describe("job", |tool| tool.task = TaskSupport::Required);
    double.tool("other", |_| vec![done("other")]).describe("other", |tool| tool.task = TaskSupport::Optional)
}

fn start(gateway: &Double, session: &str, task: Value) -> Response {
    legacy(gateway, session, "tools/call", json!({"name": "job", "task": task}))
}

fn begun(gateway: &Double, session: &str) -> String {
    let created = start(gateway, session, json!({})).json()["result"].clone();
    created["task"]["taskId"].as_str().unwrap_or_else(|| panic!("{created}")).to_owned()
}

fn of(gateway: &Double, session: &str, method: &str, id: &str) -> Response {
    legacy(gateway, session, method, json!({"taskId": id}))
}

/// The task that was made last.
fn newest(gateway: &Double, session: &str) -> String {
    let listed = legacy(gateway, session, "tasks/list", json!({})).json();
    listed["result"]["tasks"].as_array().unwrap().last().unwrap()["taskId"].as_str().unwrap().to_owned()
}

fn asks(question: Question) -> Event {
    let questions = vec![NamedQuestion { id: "q".into(), question }];
    Event::Done(Ok(Outcome::InputRequired(Questions { questions, state: Some(b"left".to_vec()) })))
}

fn form() -> Question {
    Question::Form(Form { message: "?".into(), schema: "{\"type\":\"object\"}".into() })
}

#[test]
fn a_call_with_a_task_is_answered_at_once_and_its_result_comes_later() {
    let gateway = gateway_of(|_| vec![]);
    let session = begin(&gateway, "2025-11-25", json!({}));
    let (own, also) = (session.clone(), session.clone());
    gateway.when_waiting_without_end(move |gateway| {
        let id = newest(gateway, &own);
        let task = of(gateway, &own, "tasks/get", &id).json()["result"].clone();
        assert_eq!((&task["taskId"], &task["status"]), (&json!(id), &json!("working")));
        assert!(task.get("resultType").is_none() && task.get("_meta").is_none(), "{task}");
        gateway.happen(done("late"));
    });
    let created = start(&gateway, &session, json!({"ttl": 90_500})).json()["result"].clone();
    let task = &created["task"];
    assert_eq!((&task["status"], &task["ttl"]), (&json!("working"), &json!(91_000)), "{created}");
    assert!(task["pollInterval"].is_u64() && task["createdAt"] == task["lastUpdatedAt"] && task.get("ttlMs").is_none());
    let id = task["taskId"].as_str().unwrap();
    let task = of(&gateway, &also, "tasks/get", id).json()["result"].clone();
    assert_eq!(task["status"], "completed");
    assert!(task.get("result").is_none(), "the result has a method of its own: {task}");
    let result = of(&gateway, &also, "tasks/result", id).json()["result"].clone();
    assert_eq!(result["content"][0]["text"], "late");
    assert_eq!(result["_meta"], json!({RELATED: {"taskId": id}}));
}

#[test]
fn only_this_revision_has_them() {
    let gateway = gateway_of(|_| vec![done("plain")]);
    for (version, has) in [("2024-11-05", false), ("2025-03-26", false), ("2025-06-18", false), ("2025-11-25", true)] {
        let params =
            json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let body = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let begun = post(&gateway, &[], &body);
        let tasks = json!({"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}});
        assert_eq!(begun.json()["result"]["capabilities"].get("tasks"), has.then_some(&tasks), "{version}");
        let session = begun.session.unwrap();
        let tools = legacy(&gateway, &session, "tools/list", json!({})).json()["result"]["tools"].clone();
        let support: Vec<_> = tools.as_array().unwrap().iter().map(|tool| tool.get("execution").cloned()).collect();
        let optional = has.then(|| json!({"taskSupport": "optional"}));
        assert_eq!(support, [None, optional.clone(), optional], "{version}");
        let answer = start(&gateway, &session, json!({})).json()["result"].clone();
        assert_eq!(answer.get("task").is_some(), has, "{version}: {answer}");
        // Whoever asks for none gets the result, also of a tool that always makes a task elsewhere.
        let plain = legacy(&gateway, &session, "tools/call", json!({"name": "job"})).json();
        assert_eq!(plain["result"]["content"][0]["text"], "plain");
        for method in ["tasks/get", "tasks/result", "tasks/list", "tasks/cancel"] {
            let code = of(&gateway, &session, method, "0123").json()["error"]["code"].clone();
            let expected = match (has, method) {
                (false, _) => json!(-32601),
                (true, "tasks/list") => Value::Null,
                (true, _) => json!(-32602),
            };
            assert_eq!(code, expected, "{version} {method}");
        }
        assert_eq!(of(&gateway, &session, "tasks/update", "0123").code(), json!(-32601));
    }
}

#[test]
fn what_cannot_become_a_task_is_refused_before_it_runs() {
    let gateway = gateway_of(|_| vec![done("never")]);
    let session = begin(&gateway, "2025-11-25", json!({}));
    let call = |name: &str, task: Value| legacy(&gateway, &session, "tools/call", json!({"name": name, "task": task}));
    assert_eq!(call("echo", json!({})).code(), json!(-32601), "it makes no tasks");
    for bad in [json!(5), json!(null), json!({"ttl": "long"})] {
        assert_eq!(call("job", bad.clone()).code(), json!(-32602), "{bad}");
    }
    assert!(gateway.started.borrow().is_empty());
    assert_eq!(call("nowhere", json!({})).code(), json!(-32602));
    for (ttl, kept) in [(1.0, 60_000), (1e300, 3_600_000), (-5.0, 60_000)] {
        assert_eq!(call("job", json!({"ttl": ttl})).json()["result"]["task"]["ttl"], kept);
    }
    assert_eq!(call("job", json!({"ttl": null})).json()["result"]["task"]["ttl"], 3_600_000);
}

#[test]
fn a_client_that_lacks_rights_is_told_with_the_challenge_and_no_task_is_made() {
    let refusal = || Refusal { reason: "no".into(), scopes: vec!["s".into()], challenge: Some("Bearer x".into()) };
    let gateway = gateway_of(move |_| vec![Event::Done(Err(Error::Forbidden(refusal())))]);
    let session = begin(&gateway, "2025-11-25", json!({}));
    let response = start(&gateway, &session, json!({}));
    assert_eq!((response.status, response.challenge.as_deref()), (403, Some("Bearer x")));
    assert_eq!(gateway.boxes(), [session]);
}

#[test]
fn a_task_ends_as_its_call_would_have() {
    let broken = |round| match round {
        1 => Event::Done(Err(Error::Failed("it trapped".into()))),
        2 => Event::Done(Err(Error::InvalidArguments("`/a`".into()))),
        _ => Event::Done(Ok(Outcome::Tool(Output { is_error: true, meta: Some("{\"a\":1}".into()), ..text("no") }))),
    };
    let gateway = gateway_of(move |round| vec![broken(round)]);
    let session = begin(&gateway, "2025-11-25", json!({}));
    for expected in ["the component failed: it trapped", "invalid arguments: `/a`", "no"] {
        let id = begun(&gateway, &session);
        assert_eq!(of(&gateway, &session, "tasks/get", &id).json()["result"]["status"], "failed", "{expected}");
        let result = of(&gateway, &session, "tasks/result", &id).json()["result"].clone();
        assert_eq!((&result["isError"], &result["content"][0]["text"]), (&json!(true), &json!(expected)));
        assert_eq!(result["_meta"][RELATED]["taskId"], json!(id));
        assert_eq!(result["_meta"].get("a").is_some(), expected == "no", "the component's own stays");
    }
}

#[test]
fn the_wait_for_a_result_puts_questions_and_takes_their_answers() {
    let gateway = gateway_of(|round| if round == 1 { vec![asks(form())] } else { vec![done("thanks")] });
    let session = begin(&gateway, "2025-11-25", json!({"elicitation": {}}));
    let own = session.clone();
    gateway.when_waiting_without_end(move |gateway| {
        let id = newest(gateway, &own);
        assert_eq!(of(gateway, &own, "tasks/get", &id).json()["result"]["status"], "input_required");
        // The client answers while it waits for the result, then it waits no longer: the task goes on.
        let (inner, also) = (own.clone(), own.clone());
        gateway.when_waiting(move |gateway| {
            answer(gateway, &inner, &json!({"result": {"action": "accept", "content": {"a": 1}}}));
        });
        gateway.when_waiting(move |gateway| {
            let body = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "a"}});
            assert_eq!(post(gateway, &[("Mcp-Session-Id", &also)], &body).status, 202);
        });
        let waited = of(gateway, &own, "tasks/result", &id).events();
        assert_eq!(waited.len(), 1, "the question, and no answer to what was cancelled: {waited:?}");
    });
    let id = begun(&gateway, &session);
    let result = of(&gateway, &session, "tasks/result", &id).json()["result"].clone();
    assert_eq!(result["content"][0]["text"], "thanks");
    let started = gateway.started.borrow();
    assert_eq!((started.len(), started[1].answers.len(), started[1].state.as_deref()), (2, 1, Some(&b"left"[..])));
}

/// The id of the question that was put on a stream last, from the stream's log.
fn put(gateway: &Double) -> String {
    let logs = gateway.boxes().into_iter().filter_map(|id| gateway.open(&id).ok());
    let messages = logs.flat_map(|log| log.read(0, 99).unwrap());
    let texts = messages.filter_map(|message| String::from_utf8(message.body).ok());
    let requests = texts.filter_map(|text| serde_json::from_str::<Value>(text.strip_prefix('E')?).ok());
    let asked: Vec<_> = requests.filter(|one| one["method"] == "elicitation/create").collect();
    let one = asked.last().expect("a question");
    assert!(one["params"]["_meta"][RELATED]["taskId"].is_string(), "{one}");
    assert_eq!((&one["params"]["mode"], &one["params"]["message"]), (&json!("form"), &json!("?")));
    one["id"].as_str().unwrap().to_owned()
}

/// What another instance left: a task with these messages, and whether its tool may run twice.
fn left(gateway: &Double, messages: &[&str]) -> String {
    let request = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "job", "task": {}}});
    let options = Options { idle_seconds: 60, messages: 99, durable: true, within: None };
    let mailbox = gateway.make(options, format!("L100 f 2025-11-25 60 {request}").as_bytes()).unwrap();
    for message in messages {
        mailbox.post(message.as_bytes()).unwrap();
    }
    gateway.restart();
    mailbox.id()
}

const ASKED: &str = "S200 input_required {\"q\":{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"form\",\
                     \"message\":\"?\",\"requestedSchema\":{}}}}";

fn answer(gateway: &Double, session: &str, answer: &Value) {
    let mut message = json!({"jsonrpc": "2.0", "id": put(gateway)});
    message.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
    assert_eq!(post(gateway, &[("Mcp-Session-Id", session)], &message).status, 202);
}

#[test]
fn questions_outlive_the_host_and_whoever_waits_goes_on_with_the_work() {
    for (reply, expected) in [
        (json!({"result": {"action": "accept", "content": {}}}), "1"),
        (json!({"error": {"code": -1, "message": "closed"}}), "1"),
        (json!({"result": 5}), "an answer that MCP does not know"),
    ] {
        let gateway = gateway().tool("job", |request| vec![done(&request.answers.len().to_string())]);
        let id = left(&gateway, &["KaGVsbG8=", ASKED]);
        let session = begin(&gateway, "2025-11-25", json!({"elicitation": {}}));
        let own = session.clone();
        gateway.when_waiting(move |gateway| answer(gateway, &own, &reply));
        let events = of(&gateway, &session, "tasks/result", &id).events();
        assert_eq!((events.len(), &events[0]["method"]), (2, &json!("elicitation/create")));
        let result = &events[1]["result"];
        assert_eq!(
            (&result["content"][0]["text"], &result["_meta"][RELATED]["taskId"]),
            (&json!(expected), &json!(id))
        );
        let started = gateway.started.borrow();
        assert_eq!(started.first().map(|one| one.state.as_deref()), (expected == "1").then_some(Some(&b"hello"[..])));
    }
}

#[test]
fn a_call_that_ran_when_the_host_ended_fails_or_starts_again() {
    for repeatable in [false, true] {
        let gateway = gateway().tool("job", |_| vec![done("again")]).describe("job", move |tool| {
            tool.task = TaskSupport::Optional;
            let hints = tool.annotations.as_mut().unwrap();
            (hints.read_only, hints.idempotent) = (None, Some(repeatable));
        });
        let id = left(&gateway, &[]);
        let session = begin(&gateway, "2025-11-25", json!({}));
        let answer = of(&gateway, &session, "tasks/result", &id).json();
        if repeatable {
            assert_eq!(answer["result"]["content"][0]["text"], "again");
        } else {
            assert!(answer["error"]["message"].as_str().unwrap().contains("restarted"), "{answer}");
        }
        assert_eq!(gateway.started.borrow().len(), usize::from(repeatable));
    }
}

#[test]
fn a_cancelled_task_stays_so_and_one_that_has_ended_cannot_be() {
    let gateway = gateway_of(|_| vec![]);
    let session = begin(&gateway, "2025-11-25", json!({}));
    let own = session.clone();
    gateway.when_waiting_without_end(move |gateway| {
        let id = newest(gateway, &own);
        let cancelled = of(gateway, &own, "tasks/cancel", &id).json()["result"].clone();
        assert_eq!((&cancelled["taskId"], &cancelled["status"]), (&json!(id), &json!("cancelled")));
        // The call's end comes too late.
        gateway.open(&id).unwrap().post(b"S9999 completed {\"content\":[]}").unwrap();
    });
    let id = begun(&gateway, &session);
    assert_eq!(gateway.cancels.get(), 1);
    assert_eq!(of(&gateway, &session, "tasks/get", &id).json()["result"]["status"], "cancelled");
    assert_eq!(of(&gateway, &session, "tasks/cancel", &id).code(), json!(-32602));
    assert_eq!(of(&gateway, &session, "tasks/result", &id).code(), json!(-32603));
}

#[test]
fn the_list_has_the_tasks_of_the_session_and_of_a_known_client_and_turns_pages() {
    let gateway = gateway_of(|_| vec![done("x")]);
    let [one, two] = [(); 2].map(|()| begin(&gateway, "2025-11-25", json!({})));
    let mine: Vec<_> = (0..53).map(|_| begun(&gateway, &one)).collect();
    let other = begun(&gateway, &two);
    let read = |session: &str| {
        let mut ids = Vec::new();
        let (mut cursor, mut pages) = (json!(null), 0);
        loop {
            let page = legacy(&gateway, session, "tasks/list", json!({"cursor": cursor})).json()["result"].clone();
            ids.extend(page["tasks"].as_array().unwrap().iter().map(|one| one["taskId"].as_str().unwrap().to_owned()));
            pages += 1;
            match page.get("nextCursor") {
                Some(next) => cursor = next.clone(),
                None => return (ids, pages),
            }
        }
    };
    assert_eq!(read(&one), (mine.clone(), 2));
    assert_eq!(read(&two).0, std::slice::from_ref(&other));
    // A client that the host knows sees what it made in any session; sessions and streams are no tasks.
    gateway.known.set(true);
    let all = [mine, vec![other]].concat();
    assert_eq!(read(&two).0, all);
    for bad in ["dGFza3M6Li4vLi4", "x", ""] {
        let response = legacy(&gateway, &one, "tasks/list", json!({"cursor": bad}));
        assert_eq!(response.code(), json!(-32602), "{bad}");
    }
}

#[test]
fn tasks_of_the_extension_are_none_of_the_core_and_the_other_way_round() {
    let gateway = gateway_of(|_| vec![done("x")]);
    let session = begin(&gateway, "2025-11-25", json!({}));
    let id = begun(&gateway, &session);
    assert_eq!(super::tasks::of_task(&gateway, "tasks/get", &id, json!({})).code(), json!(-32602));
    let modern = modern_with(&gateway, "tools/call", json!({"name": "job"}), super::tasks::knows_tasks());
    let other = modern.json()["result"]["taskId"].as_str().unwrap().to_owned();
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        assert_eq!(of(&gateway, &session, method, &other).code(), json!(-32602), "{method}");
    }
}

#[test]
fn a_model_that_the_client_has_not_is_what_the_tool_is_told() {
    let sample = Question::Sample(Sample {
        messages: Vec::new(),
        system_prompt: None,
        max_tokens: 1,
        temperature: None,
        stop_sequences: Vec::new(),
        preferences: None,
        tools: Vec::new(),
        tool_choice: None,
        metadata: None,
    });
    let gateway = gateway_of(move |_| vec![asks(sample.clone())]);
    let session = begin(&gateway, "2025-11-25", json!({"elicitation": {}}));
    let id = begun(&gateway, &session);
    let result = of(&gateway, &session, "tasks/result", &id).json()["result"].clone();
    assert_eq!(result["isError"], true);
    assert!(result["content"][0]["text"].as_str().unwrap().contains("sampling"), "{result}");
}
