//! Tasks, and the host that ends in the middle: a real `kill -9` of the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_e2e::{Client, Node, Wire, grant};

fn node() -> Node {
    let kv = "kv = [{ namespace = \"jobs\", access = \"read-write\" }]\nlimits = { deadline = \"2m\" }";
    Node::with_fixtures(&["jobs"], &grant("jobs", kv)).unwrap()
}

fn capabilities() -> Value {
    json!({"elicitation": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}})
}

fn ask(to: SocketAddr, method: &str, params: Value) -> Value {
    let answer = Wire::modern(to, method, params, &capabilities()).unwrap().json().unwrap();
    assert!(answer["error"].is_null(), "{method}: {answer}");
    answer["result"].clone()
}

/// Starts a job that becomes a task; gives the task's id.
fn begin(to: SocketAddr, tool: &str, name: &str, ms: u64) -> String {
    let created = ask(to, "tools/call", json!({"name": tool, "arguments": {"name": name, "ms": ms}}));
    assert_eq!(created["resultType"], "task", "{created}");
    created["taskId"].as_str().unwrap().to_owned()
}

fn task(to: SocketAddr, id: &str) -> Value {
    ask(to, "tasks/get", json!({"taskId": id}))
}

/// Waits until a task stands like that.
fn wait_for(to: SocketAddr, id: &str, status: &str) -> Value {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let task = task(to, id);
        if task["status"] == status {
            return task;
        }
        assert!(Instant::now() < end, "it does not become {status}: {task}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

fn noted(to: SocketAddr, name: &str) -> String {
    let result = ask(to, "tools/call", json!({"name": "noted", "arguments": {"name": name}}));
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

#[test]
fn tasks_outlive_a_host_that_is_killed() {
    let node = node();
    let host = node.serve().unwrap();
    let to = host.address();
    let done = begin(to, "job", "done", 400);
    wait_for(to, &done, "completed");
    let asking = begin(to, "asking_job", "asking", 400);
    wait_for(to, &asking, "input_required");
    let cancelled = begin(to, "job", "cancelled", 60_000);
    ask(to, "tasks/cancel", json!({"taskId": cancelled}));
    wait_for(to, &cancelled, "cancelled");
    let running = begin(to, "job", "running", 60_000);
    let repeatable = begin(to, "safe_job", "repeatable", 1_500);
    let left = begin(to, "safe_job", "left", 60_000);
    for id in [&running, &repeatable, &left] {
        assert_eq!(task(to, id)["status"], "working");
    }
    let before = task(to, &done);
    host.kill().unwrap();

    let host = node.serve().unwrap();
    let to = host.address();
    // What has ended is as it was, to the last word.
    assert_eq!(task(to, &done), before);
    assert_eq!(before["result"]["content"][0]["text"], "done is done");
    assert_eq!(task(to, &cancelled)["status"], "cancelled");
    assert_eq!(noted(to, "cancelled"), "began 1, stopped 1, ended 0", "the cancellation had reached the guest");

    // What must not run twice did not, and the client is told why there is no result.
    let failed = task(to, &running);
    assert_eq!(failed["status"], "failed", "{failed}");
    assert!(failed["error"]["message"].as_str().unwrap().contains("restarted"), "{failed}");
    assert_eq!(noted(to, "running"), "began 1, stopped 0, ended 0");

    // What may run twice does, once somebody asks: one run more, however many ask.
    let many: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn({
                let id = repeatable.clone();
                move || task(to, &id)["status"].clone()
            })
        })
        .collect();
    for one in many {
        assert_eq!(one.join().unwrap(), "working");
    }
    let result = wait_for(to, &repeatable, "completed");
    assert_eq!(result["result"]["content"][0]["text"], "repeatable is done");
    assert_eq!(noted(to, "repeatable"), "began 2, stopped 0, ended 1");

    // What nobody asked for did not run again, and ends when it is cancelled.
    assert_eq!(noted(to, "left"), "began 1, stopped 0, ended 0");
    ask(to, "tasks/cancel", json!({"taskId": left}));
    assert_eq!(task(to, &left)["status"], "cancelled");
    assert_eq!(noted(to, "left"), "began 1, stopped 0, ended 0");

    // Questions still wait, and the answer meets the state of before.
    let waiting = task(to, &asking);
    assert_eq!(waiting["status"], "input_required", "{waiting}");
    assert_eq!(waiting["inputRequests"]["who"]["method"], "elicitation/create");
    let answers = json!({"who": {"action": "accept", "content": {"who": "Ada"}}});
    ask(to, "tasks/update", json!({"taskId": asking, "inputResponses": answers}));
    let result = wait_for(to, &asking, "completed");
    assert_eq!(result["result"]["content"][0]["text"], "asking was kept, for Ada");
    assert_eq!(noted(to, "asking"), "began 1, stopped 0, ended 1", "the round before did not run again");

    // And all that is known after one more restart.
    host.stop().unwrap();
    let host = node.serve().unwrap();
    assert_eq!(task(host.address(), &asking)["status"], "completed");
    assert_eq!(task(host.address(), &running)["status"], "failed");
    host.stop().unwrap();
}

#[test]
fn a_subscription_tells_how_a_task_stands() {
    let node = node();
    let host = node.serve().unwrap();
    let to = host.address();
    let id = begin(to, "asking_job", "told", 600);
    let wanted = json!({"notifications": {"taskIds": [id]}});
    let mut stream = Wire::modern(to, "subscriptions/listen", wanted, &capabilities()).unwrap();
    let mut next = || stream.event().unwrap().expect("the stream goes on").json().unwrap();
    assert_eq!(next()["params"]["notifications"]["taskIds"], json!([id]));
    let mut told = next();
    if told["params"]["status"] == "working" {
        told = next();
    }
    assert_eq!((&told["method"], &told["params"]["status"]), (&json!("notifications/tasks"), &json!("input_required")));
    assert!(told["params"]["inputRequests"]["who"].is_object(), "{told}");
    ask(to, "tasks/update", json!({"taskId": id, "inputResponses": {"who": {"action": "decline"}}}));
    while told["params"]["status"] != "completed" {
        told = next();
        assert_eq!(told["params"]["taskId"], json!(id));
    }
    assert_eq!(told["params"]["result"]["content"][0]["text"], "told was kept, for nobody");
    drop(stream);
    host.stop().unwrap();
}

#[test]
fn an_official_client_of_the_revision_before_runs_tasks_of_the_core() {
    let node = node();
    let host = node.serve().unwrap();
    let mut client = Client::connect_answering(&host.url()).unwrap();
    let tasks = json!({"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}});
    assert_eq!(client.connected()["capabilities"]["tasks"], tasks);
    client.step(&json!({"do": "list"})).unwrap();

    // The library polls the status, then asks for the result.
    let step = json!({"do": "task", "tool": "job", "arguments": {"name": "a", "ms": 900}, "ttl": 120_000});
    let told = client.step(&step).unwrap()["told"].clone();
    let told = told.as_array().unwrap();
    assert_eq!((&told[0]["type"], &told[0]["task"]["ttl"]), (&json!("taskCreated"), &json!(120_000)), "{told:?}");
    assert_eq!(told[1]["task"]["status"], "working", "{told:?}");
    let end = told.last().unwrap();
    assert_eq!(
        (&end["type"], &end["result"]["content"][0]["text"]),
        (&json!("result"), &json!("a is done")),
        "{told:?}"
    );
    let first = told[0]["task"]["taskId"].clone();
    assert_eq!(end["result"]["_meta"]["io.modelcontextprotocol/related-task"]["taskId"], first);

    // A task that asks: the question comes while the library waits for the result.
    let step = json!({"do": "task", "tool": "asking_job", "arguments": {"name": "b", "ms": 300}, "ttl": 120_000});
    let told = client.step(&step).unwrap()["told"].clone();
    let told = told.as_array().unwrap();
    assert!(told.iter().any(|one| one["task"]["status"] == "input_required"), "{told:?}");
    let end = told.last().unwrap();
    assert_eq!(end["result"]["content"][0]["text"], "b was kept, for my who", "{told:?}");
    let second = told[0]["task"]["taskId"].clone();

    let listed = client.step(&json!({"do": "tasks"})).unwrap()["tasks"].clone();
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["taskId"].clone()).collect();
    assert!(ids.len() == 2 && ids.contains(&first) && ids.contains(&second), "{listed}");
    let mut other = Client::connect_answering(&host.url()).unwrap();
    assert_eq!(other.step(&json!({"do": "tasks"})).unwrap()["tasks"], json!([]), "another's are not listed");
    let refused = client.step(&json!({"do": "task-cancel", "id": first}));
    assert!(format!("{refused:?}").contains("has ended"), "{refused:?}");

    // Both are there after a `kill -9`, in another session.
    other.close().unwrap();
    client.close().unwrap();
    host.kill().unwrap();
    let host = node.serve().unwrap();
    let mut client = Client::connect_answering(&host.url()).unwrap();
    let result = client.step(&json!({"do": "task-result", "id": first})).unwrap();
    assert_eq!(result["result"]["content"][0]["text"], "a is done");
    assert_eq!(client.step(&json!({"do": "task-status", "id": second})).unwrap()["task"]["status"], "completed");
    client.close().unwrap();
    host.stop().unwrap();
}
