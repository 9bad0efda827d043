#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::thread;
use std::time::Duration;

#[cfg(feature = "compile")]
use tidegate_bundle::CodeLayout;
use tidegate_bundle::CodeTarget;
#[cfg(feature = "compile")]
use wasmtime::{Instance, Module, Store};

use crate::config::Pool;
use crate::epoch::Ticker;
use crate::layout::{Layout, LayoutKind};
use crate::{VERSION, text};

fn within(bits: u32) -> impl Fn(u64) -> bool {
    move |bytes| bytes <= 1 << (bits - 1)
}

#[test]
fn the_best_layout_that_fits_is_chosen() {
    let pool = Pool::default();
    let large = Layout::choose(&pool, CodeTarget::X86_64, None, within(47)).unwrap();
    assert_eq!((large.kind, large.instances, large.reduced), (LayoutKind::Generous, 1_000, false));
    let small = Layout::choose(&pool, CodeTarget::X86_64, None, within(38)).unwrap();
    assert_eq!((small.kind, small.instances, small.max_memory), (LayoutKind::Compact, 1_000, 64 << 20));
    assert!(small.reduced && small.to_string().contains("reduced"));
    let tiny = Layout::choose(&pool, CodeTarget::X86_64, None, within(33)).unwrap();
    assert!(tiny.instances < 1_000 && tiny.total <= 1 << 32);
    assert_eq!(Layout::choose(&pool, CodeTarget::X86_64, None, |_| false), None);
}

#[cfg(feature = "compile")]
#[test]
fn the_layout_of_native_code_is_kept_or_refused() {
    let pool = Pool::default();
    let generous = Layout::choose(&pool, CodeTarget::X86_64, Some(CodeLayout::Generous), within(43)).unwrap();
    assert!(generous.kind == LayoutKind::Generous && generous.reduced && generous.instances < 1_000);
    assert_eq!(Layout::choose(&pool, CodeTarget::X86_64, Some(CodeLayout::Generous), within(33)), None);
    let wanted = CodeLayout::Compact { max_memory: 3 << 20 };
    for bits in [47, 33] {
        let compact = Layout::choose(&pool, CodeTarget::X86_64, Some(wanted), within(bits)).unwrap();
        assert_eq!((compact.code(), compact.max_memory), (wanted, 3 << 20));
        assert_eq!(Layout::of_code(wanted).code(), wanted);
        assert_eq!((compact.reservation, compact.guard), (Layout::of_code(wanted).reservation, compact.guard));
    }
    assert_eq!(Layout::of_code(CodeLayout::Generous).code(), CodeLayout::Generous);
    assert_eq!(Layout::choose(&pool, CodeTarget::Pulley64, None, within(47)).unwrap().kind, LayoutKind::Compact);
}

#[test]
fn the_version_is_that_of_the_runtime() {
    let workspace = include_str!("../../../Cargo.toml");
    let line = format!("wasmtime = {{ version = \"={VERSION}\",");
    assert!(workspace.contains(&line), "the runtime's version in Cargo.toml is not {VERSION}");
}

#[cfg(feature = "compile")]
#[test]
fn every_layout_runs() {
    let pool = Pool { instances: 8, max_memory: 1 << 20, ..Pool::default() };
    for bits in [47, 35] {
        let layout = Layout::choose(&pool, CodeTarget::here(), None, within(bits)).unwrap();
        let engine = wasmtime::Engine::new(&layout.host_config(&pool, CodeTarget::here()).unwrap()).unwrap();
        let text = r#"(module (memory 1) (func (export "f") (result i32)
            (drop (memory.grow (i32.const 15))) (drop (memory.grow (i32.const 1)))
            (i32.store (i32.const 1048572) (i32.const 1)) (i32.mul (memory.size) (i32.load (i32.const 1048572))))
            (func (export "g") (i32.store (i32.const 1048573) (i32.const 1))))"#;
        let module = Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(1_000_000);
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let f = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
        assert_eq!(f.call(&mut store, ()).unwrap(), 16, "{layout}");
        let g = instance.get_typed_func::<(), ()>(&mut store, "g").unwrap();
        let trap = g.call(&mut store, ()).unwrap_err();
        assert_eq!(*trap.downcast_ref::<wasmtime::Trap>().unwrap(), wasmtime::Trap::MemoryOutOfBounds);
    }
}

#[test]
fn the_clock_stands_while_nothing_runs() {
    let ticker = Ticker::start(wasmtime::Engine::default(), Duration::from_millis(1)).unwrap();
    for _ in 0..2 {
        let running = ticker.running();
        let before = ticker.ticks();
        while ticker.ticks() < before + 30 {
            thread::sleep(Duration::from_millis(1));
        }
        drop(running);
        // It goes on for a moment, then it stands.
        let mut last = ticker.ticks();
        loop {
            thread::sleep(Duration::from_millis(100));
            let now = ticker.ticks();
            if now == last {
                break;
            }
            last = now;
        }
    }
}

#[test]
fn sizes_read_well() {
    assert_eq!(text::bytes(64 << 20), "64 MiB");
    assert_eq!(text::bytes(3 << 29), "1.5 GiB");
    assert_eq!(text::bytes(200), "200 bytes");
}
