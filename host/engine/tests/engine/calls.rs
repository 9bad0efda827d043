//! Limits of a call: time, memory, tables, instances, stack, host calls, slots.

use std::time::Duration;

use tidegate_engine::{CallLimits, Engine, EngineConfig, Failure, Limit, LoadError, Pool, TimeLimit};
use wasmtime::component::Linker;

use crate::common::{Data, answering, call, call_with, component, config, engine, load, store, within};

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);
const LOOP: &str = r#"(func (export "f") (result i32) (loop (br 0)) unreachable)"#;

async fn fails(module: &str, time: Duration) -> Failure {
    let engine = engine();
    let loaded = load(&engine, &component(module)).await.unwrap();
    let failure = call(&engine, &loaded.component, time).await.unwrap_err();
    assert_eq!(engine.pool_use().component_instances, 0, "a slot was not given back");
    failure
}

fn refused(failure: &Failure) -> Limit {
    match failure {
        Failure::Limit(refusal) => refusal.limit,
        other => panic!("not a limit: {other}"),
    }
}

#[tokio::test]
async fn an_endless_loop_ends_at_the_deadline() {
    assert!(matches!(fails(LOOP, SHORT).await, Failure::Deadline));
}

#[tokio::test]
async fn an_endless_start_function_ends_at_the_deadline() {
    let module = r#"(func $s (loop (br 0))) (start $s) (func (export "f") (result i32) (i32.const 0))"#;
    assert!(matches!(fails(module, SHORT).await, Failure::Deadline));
}

#[tokio::test]
async fn waiting_for_the_host_ends_at_the_deadline() {
    let text = r#"(component
        (import "wait" (func $wait))
        (core func $lowered (canon lower (func $wait)))
        (core module $m (import "" "wait" (func $w))
            (func (export "f") (result i32) (call $w) (i32.const 0)))
        (core instance $i (instantiate $m (with "" (instance (export "wait" (func $lowered))))))
        (func (export "f") (result u32) (canon lift (core func $i "f"))))"#;
    let engine = engine();
    let loaded = load(&engine, text).await.unwrap();
    assert!(matches!(call(&engine, &loaded.component, SHORT).await, Err(Failure::Deadline)));
}

#[tokio::test]
async fn a_conversation_may_wait_for_long_but_not_compute_for_long() {
    let limits = CallLimits { time: TimeLimit::Busy(SHORT), ..within(SHORT) };
    let engine = engine();
    let spinning = load(&engine, &component(LOOP)).await.unwrap().component;
    assert!(matches!(call_with(&engine, &spinning, limits).await, Err(Failure::Deadline)));
    // Twenty naps of 20 ms: twice the limit, but nothing is computed.
    let text = r#"(component
        (import "nap" (func $nap))
        (core func $lowered (canon lower (func $nap)))
        (core module $m (import "" "nap" (func $n))
            (func (export "f") (result i32) (local $i i32)
                (loop $again
                    (call $n)
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if $again (i32.lt_u (local.get $i) (i32.const 20))))
                (local.get $i)))
        (core instance $i (instantiate $m (with "" (instance (export "nap" (func $lowered))))))
        (func (export "f") (result u32) (canon lift (core func $i "f"))))"#;
    let waiting = load(&engine, text).await.unwrap().component;
    assert_eq!(call_with(&engine, &waiting, limits).await.unwrap(), 20);
}

#[test]
fn loops_in_more_calls_than_cores_leave_others_their_turn() {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = tidegate_engine::runtime::tune(builder.worker_threads(2).enable_all()).build().unwrap();
    runtime.block_on(async {
        let engine = engine();
        let spinning = load(&engine, &component(LOOP)).await.unwrap().component;
        let quick = load(&engine, &answering(5)).await.unwrap().component;
        let loops: Vec<_> = (0..4)
            .map(|_| {
                let (engine, component) = (engine.clone(), spinning.clone());
                tokio::spawn(async move { call(&engine, &component, LONG).await })
            })
            .collect();
        let others = tokio::spawn({
            let engine = engine.clone();
            async move {
                for _ in 0..20 {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    assert_eq!(call(&engine, &quick, LONG).await.unwrap(), 5);
                }
            }
        });
        others.await.unwrap();
        for spinning in &loops {
            assert!(!spinning.is_finished());
            spinning.abort();
        }
    });
}

#[tokio::test]
async fn unbounded_recursion_is_a_stack_overflow() {
    let module = r#"(func $r (export "f") (result i32) (i32.add (call $r) (i32.const 1)))"#;
    let failure = fails(module, LONG).await;
    assert!(matches!(failure, Failure::StackOverflow { .. }), "{failure}");
    assert!(failure.frames().len() <= 16);
}

#[tokio::test]
async fn memory_growth_ends_at_the_limit() {
    let grow = r#"(memory 1) (func (export "f") (result i32)
        (loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable)"#;
    let failure = fails(grow, LONG).await;
    assert_eq!(refused(&failure), Limit::Memory);
    assert_eq!(failure.to_string(), "memory limit of 64 MiB, it asked for 64.1 MiB (policy key `memory`)");
    // 125 MiB from the start.
    let failure = fails(r#"(memory 2000) (func (export "f") (result i32) (i32.const 0))"#, LONG).await;
    assert_eq!(refused(&failure), Limit::Memory);
}

#[tokio::test]
async fn memories_count_together() {
    let engine = engine();
    let text = r#"(component
        (core module $m (memory 600) (func (export "f") (result i32) (i32.const 0)))
        (core instance (instantiate $m)) (core instance $i (instantiate $m))
        (func (export "f") (result u32) (canon lift (core func $i "f"))))"#;
    let loaded = load(&engine, text).await.unwrap();
    assert_eq!(refused(&call(&engine, &loaded.component, LONG).await.unwrap_err()), Limit::Memory);
}

#[tokio::test]
async fn table_growth_ends_at_the_limit() {
    let grow = r#"(table 0 funcref) (func (export "f") (result i32)
        (loop (br_if 0 (i32.ne (table.grow (ref.null func) (i32.const 500)) (i32.const -1)))) unreachable)"#;
    assert_eq!(refused(&fails(grow, LONG).await), Limit::TableElements);
}

fn instances(count: usize, module: &str) -> String {
    let many = "(core instance (instantiate $m))".repeat(count);
    format!(
        r#"(component (core module $m {module} (func (export "f") (result i32) (i32.const 0)))
            {many} (core instance $i (instantiate $m))
            (func (export "f") (result u32) (canon lift (core func $i "f"))))"#
    )
}

#[tokio::test]
async fn many_instances_end_at_the_limit() {
    let engine = engine();
    for (text, limit) in [
        (instances(40, ""), Limit::Instances),
        (instances(25, "(table 0 funcref)"), Limit::Tables),
        (instances(15, "(memory 0)"), Limit::Memories),
    ] {
        match load(&engine, &text).await {
            Ok(loaded) => {
                let failure = call(&engine, &loaded.component, LONG).await.unwrap_err();
                assert_eq!(refused(&failure), limit);
            }
            Err(error) => assert!(matches!(error, LoadError::DoesNotFit { .. }), "{error}"),
        }
    }
    assert!(matches!(load(&engine, &instances(200, "")).await, Err(LoadError::DoesNotFit { .. })));
    assert_eq!(engine.pool_use().core_instances, 0);
}

#[tokio::test]
async fn a_host_call_cannot_bring_in_more_than_its_limit() {
    let text = |bytes: u64| {
        format!(
            r#"(component
            (import "take" (func $take (param "bytes" (list u8))))
            (core module $memory (memory (export "memory") 64))
            (core instance $memory (instantiate $memory))
            (alias core export $memory "memory" (core memory $bytes))
            (core func $lowered (canon lower (func $take) (memory $bytes)))
            (core module $m (import "" "take" (func $t (param i32 i32)))
                (func (export "f") (result i32) (call $t (i32.const 0) (i32.const {bytes})) (i32.const 1)))
            (core instance $i (instantiate $m (with "" (instance (export "take" (func $lowered))))))
            (func (export "f") (result u32) (canon lift (core func $i "f"))))"#
        )
    };
    let engine = engine();
    let fine = load(&engine, &text(1000)).await.unwrap();
    assert_eq!(call(&engine, &fine.component, LONG).await.unwrap(), 1);
    let large = load(&engine, &text(2_000_000)).await.unwrap();
    let failure = call(&engine, &large.component, LONG).await.unwrap_err();
    assert_eq!(failure.to_string(), "limit of 1 MiB for one host call reached (policy key `host-call`)");
}

#[tokio::test]
async fn a_trap_says_what_and_where() {
    let failure = fails(r#"(func $boom (export "f") (result i32) unreachable)"#, LONG).await;
    let text = failure.to_string();
    assert!(text.contains("unreachable") && text.contains("`boom`"), "{text}");
}

#[tokio::test]
async fn slots_are_given_back() {
    let engine = engine();
    let loaded =
        load(&engine, &component(r#"(memory 1) (func (export "f") (result i32) (i32.const 3))"#)).await.unwrap();
    for _ in 0..1_000 {
        assert_eq!(call(&engine, &loaded.component, LONG).await.unwrap(), 3);
    }
    let used = engine.pool_use();
    assert_eq!((used.component_instances, used.core_instances, used.memories, used.stacks), (0, 0, 0, 0));
}

#[tokio::test]
async fn a_full_pool_says_so() {
    let pool = Pool { instances: 2, ..Pool::default() };
    let engine = Engine::new(EngineConfig { pool, ..config() }).unwrap();
    let loaded = load(&engine, &answering(1)).await.unwrap();
    let pre = Linker::<Data>::new(engine.wasmtime()).instantiate_pre(&loaded.component).unwrap();
    let mut held = Vec::new();
    for _ in 0..2 {
        let pre = pre.clone();
        let (_, store) = store(&engine)
            .run(&within(LONG), |store| Box::pin(async move { pre.instantiate_async(store).await }))
            .await
            .unwrap();
        held.push(store);
    }
    let failure = call(&engine, &loaded.component, LONG).await.unwrap_err();
    assert!(failure.is_busy() && failure.to_string().contains("try again later"), "{failure}");
    held.pop();
    assert_eq!(call(&engine, &loaded.component, LONG).await.unwrap(), 1);
}

/// Counts the bytes that are not as they were, in every `step`th place of 2 MiB, and then changes them.
fn footprints(step: u32) -> String {
    component(&format!(
        r#"(memory 32) (data (i32.const 65536) "tide")
        (func (export "f") (result i32) (local $at i32) (local $found i32)
            (if (i32.ne (i32.load (i32.const 65536)) (i32.const 0x65646974)) (then (local.set $found (i32.const 1000))))
            (i32.store (i32.const 65536) (i32.const 7))
            (local.set $at (i32.const 16))
            (loop $next
                (local.set $found (i32.add (local.get $found) (i32.ne (i32.load8_u (local.get $at)) (i32.const 0))))
                (i32.store8 (local.get $at) (i32.const 1))
                (local.set $at (i32.add (local.get $at) (i32.const {step})))
                (br_if $next (i32.lt_u (local.get $at) (i32.const 2097152))))
            (local.get $found))"#
    ))
}

/// Slots are cleared in two ways: few touched pages by hand, many by the kernel.
#[tokio::test]
async fn an_instance_finds_nothing_of_the_one_before() {
    let one_slot = EngineConfig { pool: Pool { instances: 1, ..Pool::default() }, ..config() };
    let engine = Engine::new(one_slot).unwrap();
    for step in [1 << 20, 1 << 16, 4096] {
        let loaded = load(&engine, &footprints(step)).await.unwrap();
        for round in 0..4 {
            let found = call(&engine, &loaded.component, LONG).await.unwrap();
            assert_eq!(found, 0, "every {step} bytes, round {round}");
        }
    }
}
