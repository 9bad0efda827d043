//! An authorization server that runs: `tests/clients/node/authority.cjs`.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::client::node_js;
use crate::layout;
use crate::process::Process;

/// For a step: it makes RSA keys.
const LIMIT: Duration = Duration::from_secs(60);

/// A running authorization server.
#[derive(Debug)]
pub struct Authority {
    process: Process,
    about: Value,
}

impl Authority {
    /// Starts it. `scopes`: what resources have; `seconds`: how long tokens live.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(scopes: &[&str], seconds: u32) -> Result<Self> {
        let config = json!({ "scopes": scopes, "seconds": seconds }).to_string();
        let process = Process::start(node_js()?.arg(layout::programs().join("node/authority.cjs")).arg(config))?;
        let first = process.read_line(LIMIT)?;
        let about = serde_json::from_str(&first).with_context(|| format!("not JSON: `{first}`"))?;
        Ok(Self { process, about })
    }

    /// As it calls itself.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.about.get("issuer").and_then(Value::as_str).unwrap_or_default()
    }

    /// What a client needs to get tokens for itself, and how it does.
    #[must_use]
    pub fn credentials(&self, flow: &str) -> Value {
        let mut credentials = self.about.clone();
        if let Some(members) = credentials.as_object_mut() {
            members.insert("flow".to_owned(), flow.into());
        }
        credentials
    }

    /// Does a step of its README.
    ///
    /// # Errors
    /// It could not.
    pub fn step(&mut self, step: &Value) -> Result<Value> {
        self.process.write_line(&step.to_string())?;
        let line = self.process.read_line(LIMIT)?;
        let answer: Value = serde_json::from_str(&line).with_context(|| format!("not JSON: `{line}`"))?;
        match answer.get("error") {
            Some(_) => bail!("{step}: {answer}; log:\n{}", self.process.log()),
            None => Ok(answer),
        }
    }

    /// A token for a resource.
    ///
    /// # Errors
    /// It gives none.
    pub fn token(&mut self, resource: &str, scope: &str, algorithm: &str) -> Result<String> {
        let step = json!({ "do": "token", "resource": resource, "scope": scope, "algorithm": algorithm });
        let answer = self.step(&step)?;
        let token = answer.get("access_token").and_then(Value::as_str);
        Ok(token.with_context(|| format!("no token: {answer}"))?.to_owned())
    }
}
