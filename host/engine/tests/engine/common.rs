//! What the tests share.

use std::path::Path;
use std::time::{Duration, Instant};

use tidegate_engine::{
    CallLimits, CallStore, Compiler, Engine, EngineConfig, Failure, HostKey, Limiter, LoadError, Loaded, Pool,
    StoreLimits, TimeLimit,
};
use wasmtime::component::{Component, Linker};

pub(crate) const MIB: u64 = 1 << 20;

pub(crate) struct Data {
    pub(crate) limiter: Limiter,
}

/// A small pool, and the compile child built for the tests.
pub(crate) fn config() -> EngineConfig {
    let mut config = EngineConfig::new(HostKey([7; 32]));
    config.compiler = Some(Compiler { program: env!("CARGO_BIN_EXE_tidegate-compile-child").into(), args: Vec::new() });
    config.pool = Pool { instances: 20, ..Pool::default() };
    config
}

pub(crate) fn engine() -> Engine {
    Engine::new(config()).unwrap()
}

pub(crate) fn cached(directory: &Path) -> Engine {
    Engine::new(EngineConfig { cache_dir: Some(directory.to_owned()), ..config() }).unwrap()
}

pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().try_into().unwrap()
}

pub(crate) async fn load(engine: &Engine, text: &str) -> Result<Loaded, LoadError> {
    let bytes = wat::parse_str(text).unwrap();
    engine.load(&bytes, &digest(&bytes)).await
}

pub(crate) const LIMITS: StoreLimits = StoreLimits { memory: 64 * MIB, table_elements: 20_000, instances: 30 };

pub(crate) fn store(engine: &Engine) -> CallStore<Data> {
    let limiter = Limiter::new(LIMITS);
    engine.store(Data { limiter: limiter.clone() }, &limiter, |data| &mut data.limiter)
}

pub(crate) fn within(time: Duration) -> CallLimits {
    CallLimits { time: TimeLimit::Until(Instant::now() + time), host_call_bytes: MIB }
}

/// Instantiates, and calls `f`, which takes nothing and returns a `u32`.
pub(crate) async fn call(engine: &Engine, component: &Component, time: Duration) -> Result<u32, Failure> {
    call_with(engine, component, within(time)).await
}

/// The same, within any limits.
pub(crate) async fn call_with(engine: &Engine, component: &Component, limits: CallLimits) -> Result<u32, Failure> {
    let mut linker = Linker::<Data>::new(engine.wasmtime());
    linker.root().func_wrap("take", |_, (_bytes,): (Vec<u8>,)| Ok(())).unwrap();
    linker
        .root()
        .func_wrap_async("wait", |_, (): ()| {
            Box::new(async {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                Ok(())
            })
        })
        .unwrap();
    linker
        .root()
        .func_wrap_async("nap", |_, (): ()| {
            Box::new(async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(())
            })
        })
        .unwrap();
    let pre = linker.instantiate_pre(component).unwrap();
    let (instance, store) =
        store(engine).run(&limits, |store| Box::pin(async move { pre.instantiate_async(store).await })).await?;
    let (result, _store) = store
        .run(&limits, |store| {
            Box::pin(async move {
                let f = instance.get_typed_func::<(), (u32,)>(&mut *store, "f")?;
                Ok(f.call_async(store, ()).await?.0)
            })
        })
        .await?;
    Ok(result)
}

/// A component whose core module has this text and a function `f` that returns an `i32`.
pub(crate) fn component(module: &str) -> String {
    format!(
        r#"(component
            (core module $m {module})
            (core instance $i (instantiate $m))
            (func (export "f") (result u32) (canon lift (core func $i "f"))))"#
    )
}

pub(crate) fn answering(number: u32) -> String {
    component(&format!(r#"(func (export "f") (result i32) (i32.const {number}))"#))
}
