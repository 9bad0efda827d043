//! `cargo x models`: models made here, and what the reference runtime says of them.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::layout::Layout;
use crate::step::{must, succeeds};
use crate::{clients, no_arguments};

/// `cargo x models`.
pub(crate) fn command(layout: &Layout, rest: &[String]) -> Result<ExitCode> {
    no_arguments("models", rest)?;
    let folder = layout.root.join("tests/models/llama");
    let target = layout.target.join("models");
    let python = target.join("python");
    clients::once(&python, &folder.join("requirements.txt"), clients::python)?;
    must(Command::new("bash").arg(folder.join("make.sh")).arg(python.join("bin/python")).arg(target.join("llama")))?;
    // Greedy tokens, logits, embeddings and tokens of texts, natively.
    let mut compare = layout.cargo();
    compare.current_dir(layout.root.join("components")).env("CARGO_TARGET_DIR", layout.target.join("models/build"));
    compare.args(["test", "--locked", "--package", "tidegate-llama", "--test", "golden"]);
    Ok(if succeeds(&mut compare)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
