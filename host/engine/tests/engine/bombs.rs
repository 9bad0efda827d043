//! Small valid components that make a compiler explode: the child does, the host does not.

use std::fmt::Write;
use std::time::Duration;

use tidegate_engine::{CompileLimits, Engine, EngineConfig, LoadError};

use crate::common::{MIB, component, config, load};

/// Resident memory of this process, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

async fn explode(text: &str) -> LoadError {
    let compile_limits = CompileLimits { memory: 512 * MIB, cpu: Duration::from_secs(2), ..CompileLimits::default() };
    let engine = Engine::new(EngineConfig { compile_limits, ..config() }).unwrap();
    let bytes = wat::parse_str(text).unwrap();
    let before = resident();
    let error = engine.load(&bytes, &crate::common::digest(&bytes)).await.map(|_| ()).unwrap_err();
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 * MIB, "the host grew by {grown} bytes");
    // And it goes on.
    load(&engine, &crate::common::answering(1)).await.unwrap();
    error
}

/// A component that instantiates a component twice, which instantiates a component twice, ...
fn nested(levels: u32) -> String {
    let mut text = r"(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for level in 1..=levels {
        let inner = level - 1;
        text = format!(
            "(component $c{level} {text} (instance (instantiate $c{inner})) (instance (instantiate $c{inner})))"
        );
    }
    text
}

fn is_limit(error: &LoadError) -> bool {
    matches!(error, LoadError::CompileMemory { .. } | LoadError::CompileCpu { .. })
}

#[tokio::test]
async fn nested_instantiation() {
    let error = explode(&nested(22)).await;
    assert!(is_limit(&error), "{error}");
}

#[tokio::test]
async fn a_huge_function() {
    let mut body = String::new();
    for number in 0..150_000 {
        write!(body, "(local.set 0 (i32.add (local.get {}) (i32.const {number})))", number % 2_000).unwrap();
        if number % 10 == 0 {
            body.push_str("(if (local.get 0) (then (local.set 1 (local.get 0))))");
        }
    }
    let locals = "i32 ".repeat(2_000);
    let module = format!(r#"(func (export "f") (result i32) (local {locals}) {body} (local.get 0))"#);
    let error = explode(&component(&module)).await;
    assert!(is_limit(&error), "{error}");
}

#[tokio::test]
async fn many_locals_over_many_blocks() {
    let locals = "i64 ".repeat(49_000);
    let mut body = String::new();
    for number in 0..3_000 {
        write!(body, "(loop (local.set {number} (i64.add (local.get {}) (i64.const 1))) (br_if 0 (i32.wrap_i64 (local.get {}))))", number + 1, number * 16).unwrap();
    }
    let module = format!(r#"(func (export "f") (result i32) (local {locals}) {body} (i32.const 0))"#);
    let error = explode(&component(&module)).await;
    assert!(is_limit(&error), "{error}");
}
