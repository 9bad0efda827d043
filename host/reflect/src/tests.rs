#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
//! Tests over real components, written as text and compiled here.

mod calls;
mod exports;
mod mapping;

use wasmtime::component::{Component, Instance, Linker};
use wasmtime::{Config, Engine, Store};

use crate::{Answer, Function, Reflected, tools};

/// Memory that grows, an allocator that never frees, and `echo`, which returns the list it got.
const MODULE: &str = r#"
(core module $m
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 64))
  (global $freed (mut i32) (i32.const 0))
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $next) (i32.sub (local.get 2) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get 2))))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (block $enough (loop $more
      (br_if $enough (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
      (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))
      (unreachable)))
    (local.get $at))
  (func (export "echo") (param i32 i32) (result i32)
    (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1)) (i32.const 0))
  (func (export "second") (param i32 i32 i32 i32) (result i32)
    (i32.store (i32.const 0) (local.get 2)) (i32.store (i32.const 4) (local.get 3)) (i32.const 0))
  ;; a result: `error` with the same list when it starts with an exclamation mark, else `ok`
  (func (export "judge") (param i32 i32) (result i32)
    (i32.store (i32.const 0) (i32.and (i32.gt_u (local.get 1) (i32.const 0))
      (i32.eq (i32.load8_u (local.get 0)) (i32.const 33))))
    (i32.store (i32.const 4) (local.get 0)) (i32.store (i32.const 8) (local.get 1)) (i32.const 0))
  (func (export "post") (param i32) (global.set $freed (i32.add (global.get $freed) (i32.const 1))))
  (func (export "freed") (result i32) (global.get $freed))
  (func (export "nothing"))
  (func (export "one") (result i32) (i32.const 1))
  (func (export "same") (param i32) (result i32) (local.get 0))
  (func (export "trap") (unreachable)))
(core instance $i (instantiate $m))
(alias core export $i "memory" (core memory $memory))
(alias core export $i "realloc" (core func $realloc))
"#;

/// A component around [`MODULE`].
fn component(body: &str) -> (Engine, Component) {
    let mut config = Config::new();
    config.wasm_component_model_map(true).wasm_component_model_fixed_length_lists(true);
    let engine = Engine::new(&config).unwrap();
    let bytes = wat::parse_str(format!("(component {MODULE} {body})")).unwrap();
    let component = Component::new(&engine, bytes).unwrap();
    (engine, component)
}

/// The tools of a component.
fn reflect(body: &str) -> Reflected {
    let (engine, component) = component(body);
    tools(&component, &engine)
}

/// A lifted function of [`MODULE`].
fn lifted(name: &str, ty: &str, core: &str) -> String {
    format!(
        r#"(func {name} {ty} (canon lift (core func $i "{core}") (memory (core memory $memory)) (realloc (core func $realloc))))"#
    )
}

/// The only function of a component, and an instance.
async fn instance(body: &str) -> (Function, Store<()>, Instance) {
    let (engine, component) = component(body);
    let reflected = tools(&component, &engine);
    assert_eq!(reflected.refused, []);
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate_async(&mut store, &component).await.unwrap();
    (reflected.functions[0].clone(), store, instance)
}

/// Calls the first function once.
async fn call(body: &str, arguments: &str) -> Answer {
    let (function, mut store, instance) = instance(body).await;
    let arguments = function.arguments(arguments).unwrap();
    function.call_async(&mut store, &instance, arguments, 1 << 20).await.unwrap()
}
