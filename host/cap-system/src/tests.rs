#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use tidegate_audit::Audit;
use tidegate_bindings::host::tidegate::host::system::Host as _;
use tidegate_capability::CtxParts;
use tidegate_grant::Origin;
use wasmtime::StoreLimits;

use super::*;

fn context(system: &System) -> Ctx {
    let info = ComponentInfo { name: "test".into(), grant: Arc::new(Grant::default()), audit: Audit::none() };
    let prepared = system.prepare(&info).unwrap();
    let limiter = Box::new(StoreLimits::default());
    Ctx::new(CtxParts { component: "test".into(), limiter, prepared: &[prepared] }).unwrap()
}

#[test]
fn only_a_grant_opens_it() {
    let system = System::new();
    let interface = Interface::parse("tidegate:host/system@0.1.0");
    assert_eq!(system.check(interface, &Grant::default()), Some(Verdict::Missing("system = true".into())));
    let origin = Origin { file: "p.toml".into(), line: 9 };
    let granted = Grant { system: Some(origin.clone()), ..Grant::default() };
    assert_eq!(system.check(interface, &granted), Some(Verdict::Granted(origin)));
    assert_eq!(system.check(Interface::parse("tidegate:host/kv@0.1.0"), &granted), None);
}

#[test]
fn readings_are_those_of_this_machine() {
    let mut ctx = context(&System::new());
    let mut view = view::of(&mut ctx);
    let machine = view.get_machine().unwrap();
    assert!(machine.uptime > 0);
    assert_eq!(machine.architecture, std::env::consts::ARCH);
    let memory = view.get_memory().unwrap();
    assert!(memory.total > 0 && memory.available <= memory.total, "{memory:?}");
    let processor = view.get_processor().unwrap();
    let present = std::fs::read_to_string("/proc/cpuinfo").map(|text| text.matches("processor\t").count());
    if let Ok(present @ 1..) = present {
        assert_eq!(usize::try_from(processor.count).unwrap(), present);
    }
    assert!((0.0..=1.0).contains(&processor.busy), "{processor:?}");
    assert!(view.get_disks().unwrap().iter().all(|disk| disk.total > 0 && disk.available <= disk.total));
    assert!(view.get_temperatures().unwrap().iter().all(|sensor| sensor.celsius.is_finite()));
}

#[test]
fn a_reading_is_shared_for_a_second_and_then_made_again() {
    let mut reads = 0;
    let mut aged = readings::Aged::<u32>::default();
    let start = Instant::now();
    for (after, expected) in [(0, 1), (999, 1), (1000, 2), (1999, 2), (2001, 3)] {
        let value = aged.get(start + Duration::from_millis(after), || {
            reads += 1;
            reads
        });
        assert_eq!(value, expected, "after {after} ms");
    }
}
