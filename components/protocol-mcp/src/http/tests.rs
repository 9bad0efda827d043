//! Requests as bytes in, responses out, over the double of the gateway.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod kept;
mod legacy;
mod modern;
mod restart;
mod rules;
mod skills;
mod sse;
mod streams;
mod tasks;

use serde_json::{Value, json};

use super::head::{Head, Verb};
use super::serve::serve;
use super::stream::{Exit, Gone, Line, Reply};
use crate::double::{Double, done, text};
use crate::gateway::Gateway;

/// What came back.
#[derive(Default)]
struct Response {
    status: u16,
    body: String,
    session: Option<String>,
    allow: Option<&'static str>,
    challenge: Option<String>,
    streamed: bool,
    /// We ended the stream while there was more to say.
    ended: bool,
    /// Writes until the client is gone.
    patience: Option<usize>,
}

impl Exit for Response {
    fn send(&mut self, reply: Reply) {
        assert_eq!(self.status, 0, "two responses");
        self.status = reply.status;
        self.body = reply.body.unwrap_or_default();
        self.session = reply.session;
        self.allow = reply.allow;
        self.challenge = reply.challenge;
    }

    fn open(&mut self, session: Option<&str>) -> Result<(), Gone> {
        assert_eq!(self.status, 0, "two responses");
        self.status = 200;
        self.session = session.map(str::to_owned);
        self.streamed = true;
        Ok(())
    }

    fn write(&mut self, line: &Line<'_>) -> Result<(), Gone> {
        match &mut self.patience {
            Some(0) => return Err(Gone),
            Some(left) => *left -= 1,
            None => {}
        }
        assert!(self.streamed && !self.ended, "nothing is written to a stream that has ended");
        self.body.push_str(std::str::from_utf8(&line.bytes()).unwrap());
        Ok(())
    }

    fn end(&mut self) {
        self.ended = true;
    }
}

impl Response {
    fn json(&self) -> Value {
        assert!(!self.streamed);
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    fn code(&self) -> Value {
        self.json()["error"]["code"].clone()
    }

    /// The messages of a stream.
    fn events(&self) -> Vec<Value> {
        self.numbered().into_iter().map(|(_, message)| message).collect()
    }

    /// The messages of a stream with the ids of their events. An event without a message is for resuming only.
    fn numbered(&self) -> Vec<(String, Value)> {
        assert!(self.streamed, "{}", self.body);
        let field = |event: &str, name: &str| {
            event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
        };
        let events = self.body.split("\n\n").map(|event| (field(event, "id: "), field(event, "data: ")));
        let messages = events.filter(|(_, data)| !data.is_empty());
        messages.map(|(id, data)| (id, serde_json::from_str(&data).unwrap())).collect()
    }
}

const PLAIN: [(&str, &str); 2] =
    [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")];

fn exchange(gateway: &Double, verb: Verb, headers: &[(&str, &str)], body: &[u8], patience: Option<usize>) -> Response {
    exchange_at(gateway, verb, "/mcp", headers, body, patience)
}

fn exchange_at(
    gateway: &Double,
    verb: Verb,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    patience: Option<usize>,
) -> Response {
    let head = Head::read(headers.iter().map(|(name, value)| (*name, value.as_bytes()))).at(path);
    let mut response = Response { patience, ..Response::default() };
    serve(gateway, verb, &head, || Ok(body.to_vec()), &mut response);
    response
}

fn post(gateway: &Double, extra: &[(&str, &str)], body: &Value) -> Response {
    let headers = [&PLAIN[..], extra].concat();
    exchange(gateway, Verb::Post, &headers, body.to_string().as_bytes(), None)
}

fn gateway() -> Double {
    Double::default().tool("echo", |request| {
        let crate::bindings::tidegate::gateway::calls::Target::Tool(target) = &request.target else { panic!() };
        vec![done(&target.arguments)]
    })
}

/// A modern request with the metadata and the headers it needs.
fn modern(gateway: &Double, method: &str, params: Value) -> Response {
    modern_with(gateway, method, params, json!({}))
}

fn modern_with(gateway: &Double, method: &str, mut params: Value, meta: Value) -> Response {
    let mut all = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    all.as_object_mut().unwrap().extend(meta.as_object().unwrap().clone());
    params["_meta"] = all;
    let name =
        params["name"].as_str().or(params["uri"].as_str()).or(params["taskId"].as_str()).unwrap_or_default().to_owned();
    let mut headers = vec![("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method)];
    if !name.is_empty() {
        headers.push(("Mcp-Name", &name));
    }
    post(gateway, &headers, &json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
}

/// Begins a legacy session.
fn begin(gateway: &Double, version: &str, capabilities: Value) -> String {
    let params =
        json!({"protocolVersion": version, "capabilities": capabilities, "clientInfo": {"name": "t", "version": "1"}});
    let response = post(gateway, &[], &json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}));
    assert_eq!(response.status, 200, "{}", response.body);
    response.session.unwrap()
}

fn legacy(gateway: &Double, session: &str, method: &str, params: Value) -> Response {
    let body = json!({"jsonrpc": "2.0", "id": "a", "method": method, "params": params});
    post(gateway, &[("Mcp-Session-Id", session)], &body)
}
