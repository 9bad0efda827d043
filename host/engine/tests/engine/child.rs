//! The compile child: what it can no longer do, and what the host says when it fails.

use std::time::Duration;

use tidegate_engine::{CompileLimits, Compiler, Engine, EngineConfig, EngineError, LoadError, Origin, Probe};

use crate::common::{answering, component, config, engine, load};

const HELLO: &str = r#"{"tidegate_compile_child":2,"sandbox":{"landlock":"full","seccomp":true}}"#;

/// A shell as compile child: it says hello, then does what the script says.
fn acting(script: &str) -> Engine {
    let script = format!("echo '{HELLO}'; {script}");
    let compiler = Compiler { program: "/bin/sh".into(), args: vec!["-c".into(), script.into()] };
    Engine::new(EngineConfig { compiler: Some(compiler), ..config() }).unwrap()
}

async fn refused(engine: &Engine) -> LoadError {
    load(engine, &answering(1)).await.map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn it_can_do_nothing_but_compile() {
    let (sandbox, probe) = engine().probe_compiler().await.unwrap();
    // Everything is refused by the filter alone; without it, files by Landlock.
    assert!(sandbox.seccomp, "this kernel or architecture has no seccomp filter: {sandbox:?}");
    assert_eq!(probe, Probe::default());
}

#[tokio::test]
async fn it_says_what_it_gave_up_and_what_it_took() {
    match load(&engine(), &answering(1)).await.unwrap().origin {
        Origin::Compiled { cpu, sandbox, .. } => assert!(cpu > Duration::ZERO && sandbox.seccomp),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_invalid_component_is_refused_with_the_reason() {
    let text = r#"(component (core module $m (func (result i32) (i64.const 1))))"#;
    let error = load(&engine(), text).await.map(|_| ()).unwrap_err();
    assert!(matches!(&error, LoadError::Invalid { message } if message.contains("type mismatch")), "{error}");
    let bytes = wat::parse_str("(module)").unwrap();
    let digest = crate::common::digest(&bytes);
    assert!(matches!(engine().load(&bytes, &digest).await, Err(LoadError::CoreModule)));
}

#[tokio::test]
async fn features_that_are_off_are_refused() {
    for module in ["(memory i64 1)", "(memory 1) (memory 1)", "(memory 1 1 shared)"] {
        let module = format!(r#"{module} (func (export "f") (result i32) (i32.const 0))"#);
        let error = load(&engine(), &component(&module)).await.map(|_| ()).unwrap_err();
        assert!(matches!(error, LoadError::Invalid { .. }), "{module}: {error}");
    }
}

#[tokio::test]
async fn another_digest_is_refused() {
    let bytes = wat::parse_str(answering(1)).unwrap();
    assert!(matches!(engine().load(&bytes, &[0; 32]).await, Err(LoadError::Digest)));
}

#[tokio::test]
async fn a_program_without_the_hook_is_named() {
    let compiler = Compiler { program: "/bin/ls".into(), args: Vec::new() };
    let engine = Engine::new(EngineConfig { compiler: Some(compiler), ..config() }).unwrap();
    let text = refused(&engine).await.to_string();
    assert!(text.contains("/bin/ls") && text.contains("run_if_asked"), "{text}");
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let compiler = Compiler { program: "/nonexistent/compiler".into(), args: Vec::new() };
    let engine = Engine::new(EngineConfig { compiler: Some(compiler), ..config() }).unwrap();
    let error = refused(&engine).await;
    assert!(matches!(error, LoadError::CannotStart { .. }), "{error}");
}

#[tokio::test]
async fn a_crash_is_reported_and_survived() {
    let error = refused(&acting("echo oh no >&2; kill -SEGV $$")).await;
    assert_eq!(error.to_string(), "the compiler ended by signal 11 after `oh no`; the host is not affected");
    let error = refused(&acting("kill -XCPU $$")).await;
    assert!(matches!(error, LoadError::CompileCpu { .. }), "{error}");
    let error = refused(&acting("echo 'memory allocation of 5 bytes failed' >&2; kill -ABRT $$")).await;
    assert!(matches!(error, LoadError::CompileMemory { .. }), "{error}");
}

#[tokio::test]
async fn too_much_code_is_not_read() {
    let error = refused(&acting(r#"echo '{"Code":{"bytes":99999999999,"cpu_micros":1}}'; cat /dev/zero"#)).await;
    assert!(matches!(error, LoadError::CompileOutput { bytes: 99_999_999_999, .. }), "{error}");
}

#[tokio::test]
async fn a_line_without_end_is_not_read() {
    let error = refused(&acting("cat /dev/zero")).await;
    assert!(matches!(error, LoadError::CompilerCrashed { .. }), "{error}");
}

#[tokio::test]
async fn it_is_killed_when_its_time_is_over() {
    let script = format!("echo '{HELLO}'; exec sleep 600");
    let compiler = Compiler { program: "/bin/sh".into(), args: vec!["-c".into(), script.into()] };
    let compile_limits = CompileLimits { wall: Duration::from_millis(300), ..CompileLimits::default() };
    let engine = Engine::new(EngineConfig { compiler: Some(compiler), compile_limits, ..config() }).unwrap();
    assert!(matches!(refused(&engine).await, LoadError::CompileWall { .. }));
}

#[tokio::test]
async fn a_large_component_is_refused_before_it_is_sent() {
    let compile_limits = CompileLimits { input: 50, ..CompileLimits::default() };
    let engine = Engine::new(EngineConfig { compile_limits, ..config() }).unwrap();
    assert!(matches!(refused(&engine).await, LoadError::CompileInput { limit: 50, .. }));
}

/// Without this guard a program that lacks the hook would start itself for ever.
#[test]
fn a_compile_child_without_the_hook_makes_no_engine() {
    const MARKER: &str = "tidegate:compile-child";
    if std::env::args().next_back().as_deref() == Some(MARKER) {
        // This is the child: this very test, started as compile child below.
        assert!(matches!(Engine::new(config()), Err(EngineError::NoHook)));
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child::a_compile_child_without_the_hook_makes_no_engine", MARKER])
        .env("TIDEGATE_COMPILE_CHILD", "{}")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn a_host_without_a_compiler_says_what_to_do() {
    let engine = Engine::new(EngineConfig { compiler: None, ..config() }).unwrap();
    let error = load(&engine, &answering(1)).await.unwrap_err();
    assert!(matches!(error, LoadError::NoCompiler), "{error}");
    assert!(error.to_string().contains("tidegate build --target"), "{error}");
    assert!(matches!(engine.probe_compiler().await, Err(LoadError::NoCompiler)));
}
