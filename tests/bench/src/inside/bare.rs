//! The floor: a component in the runtime with the host's configuration, and nothing of the host around it.

use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use tidegate_engine::{Engine, EngineConfig, HostKey};
use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use super::{Taken, repeat};

/// Gives back the bytes it gets: one copy in, one copy out. Its allocator begins anew with every call.
const ECHO: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 65536))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $next))
      (global.set $next (i32.add (global.get $next) (i32.and (i32.add (local.get 3) (i32.const 7)) (i32.const -8))))
      (if (i32.gt_u (global.get $next) (i32.shl (memory.size) (i32.const 16)))
        (then (drop (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get 3) (i32.const 16)))))))
      (local.get $at))
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 16) (local.get 0))
      (i32.store (i32.const 20) (local.get 1))
      (global.set $next (i32.const 65536))
      (i32.const 16)))
  (core instance $i (instantiate $m))
  (func (export "echo") (param "data" (list u8)) (result (list u8))
    (canon lift (core func $i "echo") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))"#;

pub(super) async fn measure() -> Result<Vec<Taken>> {
    let engine = Engine::new(EngineConfig::new(HostKey([7; 32])))?;
    let bytes = wat::parse_str(ECHO)?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
    let loaded = engine.load(&bytes, digest.as_ref().try_into().context("a digest has 32 bytes")?).await?;
    run(&engine, &loaded.component).await.map_err(|error| anyhow!("the runtime: {error:#}"))
}

async fn run(engine: &Engine, component: &Component) -> wasmtime::Result<Vec<Taken>> {
    let linker = Linker::<()>::new(engine.wasmtime());
    let pre = linker.instantiate_pre(component)?;
    let fresh = || Store::new(engine.wasmtime(), ());
    let mut taken = Vec::new();
    let mut push = |name: &str, each, bytes, target| {
        taken.push(Taken { name: name.to_owned(), each, bytes, target });
    };

    let instantiated = repeat(20_000, || async {
        let mut store = fresh();
        store.set_epoch_deadline(u64::MAX / 2);
        pre.instantiate_async(&mut store).await?;
        wasmtime::error::Ok(())
    });
    push("bare: store, instance from the pool, drop", instantiated.await?, None, Some("< 10 us"));

    let data = [100, 10_000, 1_000_000].map(|size| vec![b'x'; size]);
    let [small, middle, large] = &data;
    let cold = repeat(20_000, || async {
        let mut store = fresh();
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = pre.instantiate_async(&mut store).await?;
        let echo = instance.get_typed_func::<(&[u8],), (Vec<u8>,)>(&mut store, "echo")?;
        echo.call_async(&mut store, (small,)).await?;
        wasmtime::error::Ok(())
    });
    push("bare: the same with a call, 100 bytes there and back", cold.await?, None, None);

    let mut store = fresh();
    store.set_epoch_deadline(u64::MAX / 2);
    let instance = pre.instantiate_async(&mut store).await?;
    let echo = instance.get_typed_func::<(&[u8],), (Vec<u8>,)>(&mut store, "echo")?;
    for (name, data, times, target) in [
        ("bare: a call of a warm instance, 100 bytes", small, 100_000, None),
        ("bare: 10 KB there and back", middle, 20_000, None),
        ("bare: 1 MB there and back", large, 2_000, Some(">= 1 GB/s")),
    ] {
        let mut each = Vec::with_capacity(times);
        for _ in 0..times {
            let began = Instant::now();
            let (back,) = echo.call_async(&mut store, (data,)).await?;
            each.push(began.elapsed());
            assert_eq!(back.len(), data.len(), "other bytes came back");
        }
        // There and back: each byte crosses twice.
        push(name, each, (data.len() > 100).then_some(2 * data.len() as u64), target);
    }
    Ok(taken)
}
