#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use crate::sections::{COMPONENT_PREAMBLE, id, write_section};
use crate::{SectionError, strip};

const NAMED: &str = r#"(component $outer
    (@custom "producers" "x")
    (@custom "keep" "me")
    (component $inner
        (core module $deep (@custom ".debug_info" "a") (@custom "linking" "b") (@custom "keep" "me too") (func $f)))
    (core module $module
        (@custom "name" (after func) "\00\02\01x") (@custom "reloc.CODE" "c") (@custom "target_features" "d")
        (func $named (export "run") (result i32) i32.const 42))
    (core instance $i (instantiate $module))
    (func (export "run") (result s32) (canon lift (core func $i "run")))
)"#;

/// The same, written without names and without the sections that do nothing.
const BARE: &str = r#"(component
    (@custom "keep" "me")
    (component (core module (@custom "keep" "me too") (func)))
    (core module (func (export "run") (result i32) i32.const 42))
    (core instance (instantiate 0))
    (func (export "run") (result s32) (canon lift (core func 0 "run")))
)"#;

#[test]
fn what_does_nothing_goes_on_every_level() {
    let named = wat::parse_str(NAMED).unwrap();
    let stripped = strip(&named).unwrap();
    for gone in ["producers", "outer", "inner", "deep", ".debug_info", "linking", "reloc.", "target_features", "module"]
    {
        let has = |bytes: &[u8]| bytes.windows(gone.len()).any(|window| window == gone.as_bytes());
        assert!(has(&named), "{gone} is in the input");
        assert!(!has(&stripped), "{gone}");
    }
    assert_eq!(strip(&stripped).unwrap(), stripped, "stripping twice changes nothing");
}

#[test]
fn what_does_something_stays() {
    let stripped = strip(&wat::parse_str(NAMED).unwrap()).unwrap();
    // The text format's aliases come out the same, so the two are equal byte by byte.
    assert_eq!(stripped, strip(&wat::parse_str(BARE).unwrap()).unwrap());
    assert!(stripped.windows(6).any(|window| window == b"me too"));
}

#[test]
fn invalid_components_are_refused() {
    let mut invalid = COMPONENT_PREAMBLE.to_vec();
    write_section(&mut invalid, 11, &[1, 0, 1, b'x', 1, 99, 0]);
    assert!(matches!(strip(&invalid), Err(SectionError::Invalid(_))));
}

#[test]
fn endless_nesting_is_refused() {
    let mut nested = COMPONENT_PREAMBLE.to_vec();
    for _ in 0..40 {
        let mut outer = COMPONENT_PREAMBLE.to_vec();
        write_section(&mut outer, id::COMPONENT, &nested);
        nested = outer;
    }
    assert!(matches!(strip(&nested), Err(SectionError::TooDeep(_))));
}

#[test]
fn a_module_that_is_none_is_refused() {
    let mut file = COMPONENT_PREAMBLE.to_vec();
    write_section(&mut file, id::CORE_MODULE, b"\x7fELF....");
    assert!(matches!(strip(&file), Err(SectionError::Damaged { .. })));
}
