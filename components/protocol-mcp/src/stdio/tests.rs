//! Conversations over a byte stream, over the double of the gateway.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::lines::{Line, Lines};
use super::*;
use crate::bindings::tidegate::gateway::calls::{Event, Outcome};
use crate::bindings::tidegate::types::event::Change;
use crate::bindings::tidegate::types::input::{NamedQuestion, Question, Questions};
use crate::double::{Double, done};

fn gateway() -> Double {
    Double::default().tool("echo", |_| vec![done("hi")]).tool("slow", |_| vec![]).tool("ask", |request| {
        if request.answers.is_empty() {
            let questions = vec![NamedQuestion { id: "dirs".into(), question: Question::Roots }];
            return vec![Event::Done(Ok(Outcome::InputRequired(Questions { questions, state: None })))];
        }
        vec![done("thanks")]
    })
}

fn say(conversation: &mut Conversation<'_, Double>, message: &Value) -> Vec<Value> {
    conversation.line(&Line::Whole(message.to_string().into_bytes()));
    conversation.turn();
    conversation.take().iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

fn begin<'g>(gateway: &'g Double, version: &str) -> Conversation<'g, Double> {
    let mut conversation = Conversation::new(gateway);
    let params = json!({"protocolVersion": version, "capabilities": {"roots": {}}});
    let out = say(&mut conversation, &json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}));
    assert_eq!(out[0]["result"]["protocolVersion"], version);
    conversation
}

fn call(id: Value, name: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name}})
}

fn modern(id: Value, method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

#[test]
fn lines_are_cut_where_they_end() {
    let mut lines = Lines::default();
    assert_eq!(lines.push(b"a"), []);
    assert_eq!(lines.push(b"b\r\n\n  \ncd\ne"), [Line::Whole(b"ab".to_vec()), Line::Whole(b"cd".to_vec())]);
    assert_eq!(lines.end(), Some(Line::Whole(b"e".to_vec())));
    assert_eq!(lines.push(&vec![b'x'; (8 << 20) + 1]), [Line::TooLong]);
    assert_eq!(lines.push(b"still\nok\n"), [Line::Whole(b"ok".to_vec())]);
}

#[test]
fn calls_overtake_each_other_and_one_is_cancelled() {
    let gateway = gateway();
    let mut talk = begin(&gateway, "2025-11-25");
    assert_eq!(say(&mut talk, &call(json!(1), "slow")), [] as [Value; 0]);
    assert_eq!(say(&mut talk, &call(json!(1), "echo"))[0]["error"]["code"], -32600, "the id is in flight");
    assert_eq!(say(&mut talk, &call(json!("1"), "echo"))[0]["result"]["content"][0]["text"], "hi");
    let note = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    assert_eq!(say(&mut talk, &note), [] as [Value; 0], "no answer to what was cancelled");
    assert!(talk.is_idle() && gateway.cancels.get() == 1);
}

#[test]
fn a_conversation_begins_with_initialize_or_with_metadata() {
    let gateway = gateway();
    let mut talk = Conversation::new(&gateway);
    assert_eq!(say(&mut talk, &call(json!(1), "echo"))[0]["error"]["code"], -32600);
    assert_eq!(say(&mut talk, &json!({"jsonrpc": "2.0", "id": 2, "method": "ping"}))[0]["result"], json!({}));
    let discovered = say(&mut talk, &modern(json!(3), "server/discover", json!({})));
    assert_eq!(discovered[0]["result"]["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!(say(&mut talk, &modern(json!(4), "tools/call", json!({"name": "echo"})))[0]["id"], 4);
    talk.line(&Line::Whole(b"{nonsense".to_vec()));
    talk.line(&Line::TooLong);
    let errors: Vec<Value> = talk.take().iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!((&errors[0]["error"]["code"], &errors[1]["error"]["code"]), (&json!(-32700), &json!(-32600)));
}

#[test]
fn questions_are_answered_in_the_stream() {
    let gateway = gateway();
    let mut talk = begin(&gateway, "2025-11-25");
    let asked = say(&mut talk, &call(json!(1), "ask"));
    assert_eq!(asked[0]["method"], "roots/list");
    assert_eq!(say(&mut talk, &json!({"jsonrpc": "2.0", "id": "other", "result": {}})), [] as [Value; 0]);
    let end = say(&mut talk, &json!({"jsonrpc": "2.0", "id": asked[0]["id"], "result": {"roots": []}}));
    assert_eq!(end[0]["result"]["content"][0]["text"], "thanks");
    let asked = say(&mut talk, &call(json!(2), "ask"));
    let error = json!({"code": -1, "message": "no"});
    let end = say(&mut talk, &json!({"jsonrpc": "2.0", "id": asked[0]["id"], "error": error}));
    assert_eq!(end[0]["result"]["isError"], true);
}

#[test]
fn changes_are_told_and_subscriptions_end_gracefully() {
    let gateway = gateway();
    let mut talk = Conversation::new(&gateway);
    let filter = json!({"notifications": {"toolsListChanged": true}});
    let first = say(&mut talk, &modern(json!("s"), "subscriptions/listen", filter.clone()));
    assert_eq!(first[0]["method"], "notifications/subscriptions/acknowledged");
    say(&mut talk, &modern(json!("t"), "subscriptions/listen", filter));
    let note = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "t"}});
    say(&mut talk, &note);
    gateway.changes.borrow_mut().extend([Change::Tools, Change::Prompts]);
    talk.turn();
    assert_eq!(talk.take().len(), 1);
    talk.end_of_input();
    let end: Value = serde_json::from_str(&talk.take()[0]).unwrap();
    assert_eq!((&end["id"], &end["result"]["resultType"]), (&json!("s"), &json!("complete")));
}

#[test]
fn the_end_of_input_lets_calls_finish_and_answers_what_waits_for_the_client() {
    let gateway = gateway();
    let mut talk = begin(&gateway, "2025-11-25");
    say(&mut talk, &call(json!(1), "slow"));
    say(&mut talk, &call(json!(2), "ask"));
    talk.end_of_input();
    assert_eq!((talk.is_idle(), talk.sources().len()), (false, 1));
    let left: Vec<Value> = talk.take().iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!((left.len(), &left[0]["id"], &left[0]["result"]["isError"]), (1, &json!(2), &json!(true)));
}

#[test]
fn a_batch_is_answered_at_once() {
    let gateway = gateway();
    let mut talk = begin(&gateway, "2025-03-26");
    let ping = json!({"jsonrpc": "2.0", "id": 2, "method": "ping"});
    let out = say(&mut talk, &json!([call(json!(1), "echo"), ping, {"jsonrpc": "2.0", "method": "x"}, 7]));
    assert_eq!((out.len(), out[0].as_array().unwrap().len()), (1, 3));
    let mut other = begin(&gateway, "2025-06-18");
    assert_eq!(say(&mut other, &json!([call(json!(1), "echo")]))[0]["error"]["code"], -32600);
}

#[test]
fn what_takes_long_becomes_a_task() {
    use crate::bindings::tidegate::types::tools::TaskSupport;

    let optional = |tool: &mut crate::bindings::tidegate::types::tools::Tool| tool.task = TaskSupport::Optional;
    let required = |tool: &mut crate::bindings::tidegate::types::tools::Tool| tool.task = TaskSupport::Required;
    let gateway = gateway().describe("slow", optional).describe("echo", required);
    let mut conversation = Conversation::new(&gateway);
    let ask = |conversation: &mut Conversation<'_, Double>, id: &str, method: &str, mut params: Value| {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
        });
        say(conversation, &json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
    };
    // Nothing yet: it may be quick. A look at the double's clock takes 100 ms.
    let mut out = ask(&mut conversation, "a", "tools/call", json!({"name": "slow"}));
    assert!(conversation.limit().is_some());
    for _ in 0..9 {
        conversation.turn();
        out.extend(conversation.take().iter().map(|text| serde_json::from_str::<Value>(text).unwrap()));
    }
    assert_eq!((out.len(), &out[0]["id"], &out[0]["result"]["resultType"]), (1, &json!("a"), &json!("task")));
    let id = out[0]["result"]["taskId"].clone();
    assert!(conversation.limit().is_none() && !conversation.is_idle());
    let working = ask(&mut conversation, "b", "tasks/get", json!({"taskId": id}));
    assert_eq!(working[0]["result"]["status"], "working");
    let listen = ask(&mut conversation, "l", "subscriptions/listen", json!({"notifications": {"taskIds": [id]}}));
    assert_eq!(listen[0]["params"]["notifications"]["taskIds"], json!([id]));
    assert_eq!(listen[1]["params"]["status"], "working");
    gateway.happen(done("late"));
    conversation.turn();
    let told: Vec<Value> = conversation.take().iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!(told[0]["params"]["result"]["content"][0]["text"], "late");
    assert!(conversation.is_idle());
    let ended = ask(&mut conversation, "c", "tasks/get", json!({"taskId": id}));
    assert_eq!(ended[0]["result"]["status"], "completed");
    // What is quick and need not be a task is none; what must be one is.
    let quick = ask(&mut conversation, "d", "tools/call", json!({"name": "ask"}));
    assert_eq!(quick[0]["error"]["code"], json!(-32021), "no roots: {quick:?}");
    let task = ask(&mut conversation, "e", "tools/call", json!({"name": "echo"}));
    assert_eq!(task[0]["result"]["resultType"], "task", "{task:?}");
    let stranger = say(&mut conversation, &modern(json!("f"), "tools/call", json!({"name": "echo"})));
    assert_eq!(stranger[0]["error"]["code"], json!(-32021), "it did not say that it knows tasks");
}

#[test]
fn tasks_of_the_core_are_begun_awaited_and_asked() {
    use crate::bindings::tidegate::types::tools::{TaskSupport, Tool};

    const RELATED: &str = "io.modelcontextprotocol/related-task";
    let optional = |tool: &mut Tool| tool.task = TaskSupport::Optional;
    let gateway = gateway().describe("ask", optional).describe("slow", optional);
    let mut talk = begin(&gateway, "2025-11-25");
    let of = |id: &str, method: &str, task: &Value| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {"taskId": task}});
    let start = |id: &str, name: &str| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name, "task": {"ttl": 60_000}}});
    let created = say(&mut talk, &start("a", "ask"));
    let task = created[0]["result"]["task"]["taskId"].clone();
    assert_eq!((created.len(), &created[0]["result"]["task"]["ttl"]), (1, &json!(60_000)), "nothing is asked yet");
    assert_eq!(say(&mut talk, &of("b", "tasks/get", &task))[0]["result"]["status"], "input_required");
    let asked = say(&mut talk, &of("c", "tasks/result", &task));
    assert_eq!((asked.len(), &asked[0]["method"]), (1, &json!("roots/list")));
    assert_eq!(asked[0]["params"]["_meta"][RELATED]["taskId"], task);
    let roots = json!({"jsonrpc": "2.0", "id": asked[0]["id"], "result": {"roots": []}});
    let end = say(&mut talk, &roots)[0].clone();
    assert_eq!((&end["id"], &end["result"]["content"][0]["text"]), (&json!("c"), &json!("thanks")));
    assert_eq!(end["result"]["_meta"][RELATED]["taskId"], task);

    let other = say(&mut talk, &start("d", "slow"))[0]["result"]["task"]["taskId"].clone();
    let listed = say(&mut talk, &of("e", "tasks/list", &json!(null)));
    let ids: Vec<_> = listed[0]["result"]["tasks"].as_array().unwrap().iter().map(|one| &one["taskId"]).collect();
    assert_eq!(ids, [&task, &other]);
    assert!(say(&mut talk, &of("f", "tasks/result", &other)).is_empty() && !talk.is_idle());
    let note = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "f"}});
    say(&mut talk, &note);
    assert_eq!(gateway.cancels.get(), 0, "who waits no longer has not cancelled the task");
    assert_eq!(say(&mut talk, &of("g", "tasks/cancel", &other))[0]["result"]["status"], "cancelled");
    talk.turn();
    assert!(gateway.cancels.get() == 1 && talk.is_idle());

    // What asks when the client has nothing more to say stays where it is; who waits for it is told.
    let third = say(&mut talk, &start("h", "ask"))[0]["result"]["task"]["taskId"].clone();
    say(&mut talk, &of("i", "tasks/result", &third));
    talk.end_of_input();
    talk.turn();
    let end: Value = serde_json::from_str(&talk.take()[0]).unwrap();
    assert_eq!((&end["id"], &end["error"]["code"]), (&json!("i"), &json!(-32603)));
    assert!(talk.is_idle());
}
