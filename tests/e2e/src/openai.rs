//! OpenAI's official clients, driven step by step: `tests/clients/README.md` lists the steps and their answers.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::layout;
use crate::node::Host;
use crate::process::Process;

/// Longer than the programs' own limit of 30 s: they say what they waited for.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// An official client library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenAiLibrary {
    /// PyPI `openai`.
    Python,
    /// npm `openai`.
    JavaScript,
}

/// A client of a host.
#[derive(Debug)]
pub struct OpenAi {
    process: Process,
}

impl OpenAi {
    /// Starts a client of a host that runs; `key` is what it sends as `Authorization: Bearer`.
    ///
    /// # Errors
    /// The clients are not installed.
    pub fn start(library: OpenAiLibrary, host: &Host, key: &str) -> Result<Self> {
        let programs = layout::programs().join("openai");
        let mut command = match library {
            OpenAiLibrary::Python => {
                let mut command = Command::new(layout::client("openai-python/bin/python")?);
                command.arg(programs.join("python/client.py"));
                command
            }
            OpenAiLibrary::JavaScript => {
                let modules = layout::client("openai-node/node_modules")?;
                let mut command = Command::new(modules.join(".bin/node"));
                command.env("NODE_PATH", &modules).arg(programs.join("node/client.cjs"));
                command
            }
        };
        let process = Process::start(command.arg(format!("http://{}/v1", host.address())).arg(key))?;
        Ok(Self { process })
    }

    /// Does one step and gives its answer, also when that is an error of the API.
    ///
    /// # Errors
    /// The client program died or did not answer in time.
    pub fn step(&mut self, step: &Value) -> Result<Value> {
        self.process.write_line(&step.to_string())?;
        let line = self.process.read_line(ANSWER_LIMIT).with_context(|| self.process.log())?;
        serde_json::from_str(&line).with_context(|| format!("not JSON: `{line}`"))
    }

    /// Ends the program.
    ///
    /// # Errors
    /// It did not end properly.
    pub fn close(mut self) -> Result<()> {
        ensure!(self.process.finish()?, "the client ended with an error; log:\n{}", self.process.log());
        Ok(())
    }
}
