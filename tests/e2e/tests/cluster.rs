//! Two hosts with one key behind a balancer that asks them in turn: a conversation of the stateless revision does not
//! notice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tidegate_e2e::{Host, Node, Wire, grant};

/// A balancer: every connection goes to the next host.
fn balance(hosts: Vec<SocketAddr>) -> (SocketAddr, Arc<Vec<AtomicUsize>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let asked: Arc<Vec<AtomicUsize>> = Arc::new(hosts.iter().map(|_| AtomicUsize::new(0)).collect());
    let counts = Arc::clone(&asked);
    std::thread::spawn(move || {
        for (turn, client) in listener.incoming().flatten().enumerate() {
            let next = turn % hosts.len();
            counts[next].fetch_add(1, Ordering::SeqCst);
            let host = TcpStream::connect(hosts[next]).unwrap();
            pipe(client.try_clone().unwrap(), host.try_clone().unwrap());
            pipe(host, client);
        }
    });
    (address, asked)
}

fn pipe(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let mut bytes = [0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}

fn node() -> Node {
    let kv = "kv = [{ namespace = \"conformance\", access = \"read-write\" }]";
    Node::with_fixtures(&["conformance"], &grant("conformance", kv)).unwrap()
}

/// Starts a host that lets the balancer's address in, and seals under this key.
fn serve(node: &Node, seal_key: &Path) -> Host {
    let config = node.path("config.toml");
    std::fs::write(&config, format!("seal-key = {seal_key:?}\n[http]\nallowed-hosts = [\"127.0.0.1\"]\n")).unwrap();
    node.serve_with(|command| {
        command.arg("--config").arg(config);
    })
    .unwrap()
}

fn seal_key(node: &Node, byte: u8) -> PathBuf {
    let path = node.path("seal.key");
    std::fs::write(&path, [byte; 32]).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn ask(to: SocketAddr, mut params: Value, more: &Value) -> Value {
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = Wire::modern(to, "tools/call", params, &json!({"elicitation": {}})).unwrap().json().unwrap();
    assert!(answer["error"].is_null(), "{answer}");
    answer["result"].clone()
}

#[test]
fn rounds_of_one_conversation_are_answered_by_different_hosts() {
    let (one, other) = (node(), node());
    // What both were given: the key under which they seal what clients carry.
    let shared = seal_key(&one, 7);
    let (first, second) = (serve(&one, &shared), serve(&other, &shared));
    let (to, asked) = balance(vec![first.address(), second.address()]);
    let params = json!({"name": "test_input_required_result_multi_round", "arguments": {}});
    for person in ["Ada", "Grace"] {
        let round = ask(to, params.clone(), &json!({}));
        assert_eq!(round["resultType"], "input_required");
        let answers = json!({"step1": {"action": "accept", "content": {"name": person}}});
        let more = json!({"inputResponses": answers, "requestState": round["requestState"]});
        let round = ask(to, params.clone(), &more);
        assert_eq!(round["resultType"], "input_required", "{round}");
        let answers = json!({"step2": {"action": "accept", "content": {"color": "teal"}}});
        let more = json!({"inputResponses": answers, "requestState": round["requestState"]});
        let end = ask(to, params.clone(), &more);
        assert_eq!(end["content"][0]["text"], format!("{person} likes teal"));
    }
    let counts: Vec<usize> = asked.iter().map(|count| count.load(Ordering::SeqCst)).collect();
    assert_eq!(counts, [3, 3], "both were asked, in turn");

    // A host with a key of its own is none of them.
    let stranger = node();
    let alone = serve(&stranger, &seal_key(&stranger, 8));
    let round = ask(first.address(), params.clone(), &json!({}));
    let answers = json!({"step1": {"action": "accept", "content": {"name": "Eve"}}});
    let mut more = params;
    more["inputResponses"] = answers;
    more["requestState"] = round["requestState"].clone();
    let refused = Wire::modern(alone.address(), "tools/call", more, &json!({"elicitation": {}})).unwrap();
    assert_eq!(refused.json().unwrap()["error"]["code"], json!(-32602));
    for host in [first, second, alone] {
        host.stop().unwrap();
    }
}
