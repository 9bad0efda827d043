#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
use tidegate_sdk::serde_json::to_value;
use tidegate_sdk::system;

use crate::readings::{Disks, Overview, Temperatures};
use crate::render;

fn disk(mount: &str, total: u64, available: u64) -> system::Disk {
    system::Disk { mount: mount.into(), kind: "ext4".into(), total, available }
}

fn sensor(name: &str, celsius: f64) -> system::Sensor {
    system::Sensor { name: name.into(), celsius }
}

fn overview() -> Overview {
    Overview::new(
        system::Machine {
            name: "pi".into(),
            system: "Debian 13".into(),
            architecture: "aarch64".into(),
            uptime: 90_061,
        },
        &system::Processor { count: 4, load: (0.5, 1.25, 2.0), busy: 0.123_456 },
        &system::Memory { total: 4 << 30, available: 1 << 30, swap_total: 0, swap_used: 0 },
        vec![disk("/", 1000, 900), disk("/data", 1000, 100)],
        vec![sensor("cpu", 48.25), sensor("gpu", 51.0)],
    )
}

#[test]
fn shares_are_computed_and_lists_ordered() {
    let json = to_value(overview()).unwrap();
    assert_eq!(json["memory"]["used_share"], 0.75);
    assert_eq!(json["load"]["busy"], 0.123);
    assert_eq!(
        (json["disks"][0]["mount"].as_str(), json["disks"][0]["used_share"].as_f64()),
        (Some("/data"), Some(0.9))
    );
    assert_eq!(json["temperatures"][0]["name"], "gpu");
}

#[test]
fn the_text_states_units() {
    let text = render::overview(&overview());
    assert!(text.starts_with("pi (Debian 13, aarch64), up 1 d 1 h 1 min\n"), "{text}");
    assert!(text.contains("Load 0.50 / 1.25 / 2.00 (1, 5, 15 minutes) on 4 processors, 12 % busy"), "{text}");
    assert!(text.contains("Memory 1.0 GiB available of 4.0 GiB (75 % in use)"), "{text}");
    assert!(text.contains("Disk /data (ext4): 100 B free of 1000 B (90 % in use)"), "{text}");
    assert!(text.contains("Temperature gpu: 51.0 °C"), "{text}");
}

#[test]
fn odd_readings_do_no_harm() {
    let disks = Disks::new(vec![disk("/odd", 0, 0), disk("/more", 10, 20)]);
    assert!(disks.disks.iter().all(|disk| disk.used_share == 0.0));
    let sensors = Temperatures::new(vec![sensor("broken", f64::NAN)]);
    assert_eq!(render::temperatures(&sensors), "This machine has no temperature sensors.");
}

#[test]
fn sizes_have_the_right_unit() {
    for (bytes, text) in
        [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (1 << 30, "1.0 GiB"), (u64::MAX, "16384.0 PiB")]
    {
        assert_eq!(render::bytes(bytes), text);
    }
}

#[test]
fn the_tools_are_described() {
    for tool in crate::toolbox().definitions() {
        assert!(tool.description.len() > 60 && tool.output_schema.is_some(), "{}", tool.name);
    }
}
