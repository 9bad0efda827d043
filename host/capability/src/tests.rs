#![allow(clippy::unwrap_used, reason = "tests")]

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
