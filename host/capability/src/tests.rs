#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use super::*;

#[test]
fn an_import_is_split_into_package_interface_and_version() {
    let interface = Interface::parse("wasi:io/poll@0.2.6");
    assert_eq!((interface.name, interface.version, interface.package()), ("wasi:io/poll", Some("0.2.6"), "wasi:io"));
    let bare = Interface::parse("log");
    assert_eq!((bare.name, bare.version, bare.package()), ("log", None, "log"));
    assert_eq!(interface.to_string(), "wasi:io/poll@0.2.6");
}

#[test]
fn slots_keep_one_value_of_each_type() {
    let mut slots = Slots::default();
    slots.insert(1_u8);
    slots.insert("a");
    slots.insert(2_u8);
    assert_eq!(slots.get::<u8>(), Some(&2));
    *slots.get_mut::<u8>().unwrap() += 1;
    assert_eq!(slots.take::<u8>(), Some(3));
    assert_eq!(slots.get::<u8>(), None);
    assert_eq!(slots.take::<&str>(), Some("a"));
}

#[test]
fn a_rate_admits_a_burst_then_the_mean_and_counts_the_rest() {
    let rate = Rate::new(10, 3);
    let start = Instant::now();
    for _ in 0..3 {
        assert_eq!(rate.admit_at(start), Admission::Admitted { dropped: 0 });
    }
    assert_eq!(rate.admit_at(start), Admission::FirstDropped);
    assert_eq!(rate.admit_at(start), Admission::Dropped);
    assert_eq!(rate.admit_at(start + Duration::from_millis(150)), Admission::Admitted { dropped: 2 });
    assert_eq!(rate.admit_at(start + Duration::from_millis(150)), Admission::FirstDropped);
}

#[test]
fn a_guests_line_is_cut_at_a_character_and_cannot_forge_another() {
    let line = format!("{}é tail", "x".repeat(GuestLog::LINE - 1));
    let text = guest_log::printable(&line);
    assert!(text.starts_with("xxx") && text.ends_with("[cut: 7 bytes more]"), "{text}");
    assert_eq!(guest_log::printable("a\n2026 INFO forged \u{1b}[2J\tb"), "a\\n2026 INFO forged \\u{1b}[2J\tb");
}

#[test]
fn quoted_text_is_a_toml_string() {
    assert_eq!(quoted("notes"), "\"notes\"");
    assert_eq!(quoted("a\"\\\n"), "\"a\\\"\\\\\\u000A\"");
    assert!(quoted(&"x".repeat(10_000)).len() < 300);
}
