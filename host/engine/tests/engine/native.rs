//! Code that was compiled elsewhere: it runs if it is signed, was made by this very version, for this target and layout.

use std::time::Duration;

use tidegate_attestation::{
    Algorithm, PrivateKey, Role, TrustRoot, TrustedSigner, VerifiedNative, sign, sign_native, verify, verify_native,
};
use tidegate_bundle::{Bundle, CodeLayout, CodeTarget, NativeFile, NativeStatement};
use tidegate_engine::{
    CompileLimits, Engine, EngineConfig, EngineError, LoadError, NativeMismatch, Origin, Pool, VERSION, precompile,
};
use tidegate_reference::Digest;

use crate::common::{answering, call, component, config, digest};

const SECOND: Duration = Duration::from_secs(10);
const SMALL: CodeLayout = CodeLayout::Compact { max_memory: 1 << 20 };

async fn compiled(text: &str, target: CodeTarget, layout: CodeLayout) -> Vec<u8> {
    let bytes = wat::parse_str(text).unwrap();
    precompile(&config().compiler.unwrap(), &CompileLimits::default(), &bytes, target, layout).await.unwrap().code
}

/// What a signer says of `code`; `change` lies.
fn vouched(text: &str, code: &[u8], target: CodeTarget, change: impl FnOnce(&mut NativeStatement)) -> VerifiedNative {
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let roles = vec![Role::Component, Role::NativeCode];
    let keys = vec![key.public_key()];
    let signer = TrustedSigner { name: "acme".to_owned(), keys, identities: Vec::new(), roles };
    let trust = TrustRoot::new(vec![signer]).unwrap();
    let reference = "echo@1.0.0".parse().unwrap();
    let bundle = Bundle::new(wat::parse_str(text).unwrap(), Vec::new()).unwrap();
    let signature = sign(&bundle, &reference, &key).unwrap();
    let bundle = verify(Bundle::new(bundle.bytes().clone(), vec![signature]).unwrap(), &trust).unwrap();
    let mut statement = NativeStatement {
        code: Digest::of(code),
        component: reference,
        component_digest: bundle.digest(),
        target,
        engine: VERSION.parse().unwrap(),
        layout: SMALL,
    };
    change(&mut statement);
    let signature = sign_native(&statement, &key).unwrap();
    let file = NativeFile::new(statement.target, code, Some(signature), "echo.cwasm");
    verify_native(&bundle, file, &trust).unwrap()
}

fn engine(target: CodeTarget, layout: CodeLayout) -> Engine {
    let pool = Pool { instances: 8, ..Pool::default() };
    Engine::new(EngineConfig { target, layout: Some(layout), pool, compiler: None, ..config() }).unwrap()
}

async fn refused(engine: &Engine, text: &str, native: &VerifiedNative) -> NativeMismatch {
    let digest = digest(&wat::parse_str(text).unwrap());
    match engine.load_native(&digest, native).await {
        Err(LoadError::Native(mismatch)) => mismatch,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn it_runs_without_a_compiler_as_code_and_interpreted() {
    let text = answering(42);
    let bytes = wat::parse_str(&text).unwrap();
    for target in [CodeTarget::here(), CodeTarget::pulley()] {
        for layout in [SMALL, CodeLayout::Generous] {
            let code = compiled(&text, target, layout).await;
            let native = vouched(&text, &code, target, |statement| statement.layout = layout);
            let engine = engine(target, layout);
            let loaded = engine.load_native(&digest(&bytes), &native).await.unwrap();
            assert_eq!(loaded.origin, Origin::Signed);
            assert_eq!(call(&engine, &loaded.component, SECOND).await.unwrap(), 42, "{target} {layout}");
        }
    }
}

#[tokio::test]
async fn code_is_mapped_from_a_file_without_a_name_and_stays_while_it_rests() {
    let text = answering(42);
    let folder = tempfile::tempdir().unwrap();
    for code_dir in [None, Some(folder.path().to_owned())] {
        let compiler = Engine::new(EngineConfig { code_dir: code_dir.clone(), ..config() }).unwrap();
        let engine = Engine::new(EngineConfig { code_dir, layout: Some(SMALL), compiler: None, ..config() }).unwrap();
        let native = vouched(&text, &compiled(&text, engine.target(), SMALL).await, engine.target(), |_| ());
        let bytes = wat::parse_str(&text).unwrap();
        for loaded in [
            compiler.load(&bytes, &digest(&bytes)).await.unwrap(),
            engine.load_native(&digest(&bytes), &native).await.unwrap(),
        ] {
            let engine = if loaded.origin == Origin::Signed { &engine } else { &compiler };
            let start = format!("{:x}-", loaded.component.image_range().start as usize);
            let mapped = || {
                let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
                let mut lines = maps.lines().skip_while(|line| !line.starts_with(&start));
                let resident = lines.clone().find_map(|line| line.strip_prefix("Rss:")).expect("it is mapped");
                (lines.next().unwrap().to_owned(), resident.trim().to_owned())
            };
            let (line, resident) = mapped();
            assert!(line.ends_with("(deleted)") && resident != "0 kB", "{line} {resident}");
            assert_eq!(call(engine, &loaded.component, SECOND).await.unwrap(), 42);
            loaded.image.rest();
            tidegate_engine::give_back();
            assert_eq!(mapped().1, "0 kB");
            assert_eq!(call(engine, &loaded.component, SECOND).await.unwrap(), 42);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn limits_hold_as_in_code_that_was_compiled_here() {
    let endless = component(r#"(func (export "f") (result i32) (loop (br 0)) (i32.const 0))"#);
    let beyond = component(
        r#"(memory 1) (func (export "f") (result i32)
            (drop (memory.grow (i32.const 100))) (i32.load (i32.const 1048577)))"#,
    );
    for target in [CodeTarget::here(), CodeTarget::pulley()] {
        let engine = engine(target, SMALL);
        for text in [&endless, &beyond] {
            let code = compiled(text, target, SMALL).await;
            let native = vouched(text, &code, target, |_| ());
            let loaded = engine.load_native(&digest(&wat::parse_str(text).unwrap()), &native).await.unwrap();
            assert!(call(&engine, &loaded.component, Duration::from_millis(200)).await.is_err(), "{target}");
        }
    }
}

#[tokio::test]
async fn every_target_compiles_here_and_runs_there_only() {
    let text = answering(7);
    let engine = engine(CodeTarget::here(), SMALL);
    for target in CodeTarget::ALL {
        let code = compiled(&text, target, SMALL).await;
        assert!(code.starts_with(b"\x7fELF"), "{target}");
        assert_eq!(code, compiled(&text, target, SMALL).await, "{target}: the same component gives other code");
        if target == CodeTarget::here() {
            continue;
        }
        let here = CodeTarget::here();
        let mismatch = refused(&engine, &text, &vouched(&text, &code, target, |_| ())).await;
        assert_eq!(mismatch, NativeMismatch::Target { made: target, here });
        assert!(mismatch.to_string().contains(&format!("--target {here}")), "{mismatch}");
        // A signer who says that it is for this processor does not make it so.
        let lie = refused(&engine, &text, &vouched(&text, &code, here, |_| ())).await;
        assert!(matches!(lie, NativeMismatch::Configuration { .. }), "{target}: {lie}");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_what_to_do() {
    let (text, here) = (answering(7), CodeTarget::here());
    let code = compiled(&text, here, SMALL).await;
    let engine = engine(here, SMALL);

    let other = vouched(&text, &code, here, |statement| statement.engine = "48.0.7".parse().unwrap());
    let mismatch = refused(&engine, &text, &other).await;
    assert_eq!(mismatch, NativeMismatch::Engine { made: "48.0.7".to_owned() });
    assert!(mismatch.to_string().contains(VERSION), "{mismatch}");

    let other = vouched(&text, &code, here, |statement| statement.layout = CodeLayout::Generous);
    let mismatch = refused(&engine, &text, &other).await;
    assert_eq!(mismatch, NativeMismatch::Layout { made: CodeLayout::Generous, here: SMALL });
    assert!(mismatch.to_string().contains("compact:1MiB"), "{mismatch}");

    // The statement fits, the code was compiled for another layout.
    let generous = compiled(&text, here, CodeLayout::Generous).await;
    let mismatch = refused(&engine, &text, &vouched(&text, &generous, here, |_| ())).await;
    assert!(matches!(&mismatch, NativeMismatch::Configuration { message } if message.contains("memory")), "{mismatch}");

    let module = wat::parse_str("(module)").unwrap();
    let mismatch = refused(&engine, &text, &vouched(&text, &module, here, |_| ())).await;
    assert_eq!(mismatch, NativeMismatch::NotCode(here));

    let mismatch = refused(&engine, &answering(8), &vouched(&text, &code, here, |_| ())).await;
    assert_eq!(mismatch, NativeMismatch::OtherComponent);
}

#[tokio::test]
async fn an_engine_runs_its_own_processor_and_its_interpreter() {
    let other = if CodeTarget::here() == CodeTarget::Riscv64 { CodeTarget::Aarch64 } else { CodeTarget::Riscv64 };
    let error = Engine::new(EngineConfig { target: other, ..config() }).unwrap_err();
    assert!(matches!(error, EngineError::Target { target } if target == other), "{error}");
    // And compiles for the interpreter too, if it may.
    let pulley = Engine::new(EngineConfig { target: CodeTarget::pulley(), ..config() }).unwrap();
    let loaded = crate::common::load(&pulley, &answering(3)).await.unwrap();
    assert_eq!(call(&pulley, &loaded.component, SECOND).await.unwrap(), 3);
}
