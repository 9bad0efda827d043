#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use tidegate_reference::Digest;

use crate::{Bundle, BundleError, MANIFEST_SECTION, MAX_COMPONENT_BYTES, SectionError};

fn refusal(bytes: &[u8]) -> SectionError {
    match Bundle::new(bytes, vec![]) {
        Err(BundleError::Component(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bundle_says_what_its_bytes_say() {
    let bytes = wat::parse_str(
        r#"(component
            (import "wasi:clocks/wall-clock@0.2.12" (instance))
            (component (import "hidden" (func)))
            (import "plain-name" (func $f))
            (export "run" (func $f))
            (instance $i)
            (export "wasi:cli/run@0.2.12" (instance $i))
        )"#,
    )
    .unwrap();
    let bundle = Bundle::new(bytes.clone(), vec![b"sig".to_vec()]).unwrap();
    assert_eq!(bundle.imports(), ["wasi:clocks/wall-clock@0.2.12", "plain-name"]);
    assert_eq!(bundle.exports(), ["run", "wasi:cli/run@0.2.12"]);
    assert_eq!(bundle.digest(), Digest::of(&bytes));
    assert_eq!(bundle.size(), bytes.len() as u64);
    assert_eq!(&bundle.bytes()[..], &bytes[..]);
    assert_eq!(bundle.signatures(), [b"sig".to_vec()]);
    assert!(bundle.manifest().is_none());
    assert_eq!(bundle.label(), bundle.digest().to_string());
    assert_eq!(bundle.with_origin("x.wasm").label(), "x.wasm");
}

/// What `wit-bindgen` makes of a world with types of its own.
#[test]
fn types_that_a_world_defines_are_no_imports_and_resources_are() {
    let bytes = wat::parse_str(
        r#"(component
            (type $c (enum "red" "green"))
            (import "colour" (type $colour (eq $c)))
            (import "handle" (type $handle (sub resource)))
            (import "paint" (func (param "with" $colour)))
        )"#,
    )
    .unwrap();
    assert_eq!(Bundle::new(bytes, vec![]).unwrap().imports(), ["handle", "paint"]);
}

#[test]
fn what_is_no_component_is_refused_by_name() {
    let module = wat::parse_str("(module)").unwrap();
    let cases: &[(&[u8], SectionError, &str)] = &[
        (b"", SectionError::Empty, "empty"),
        (b"\x7fELF\x02\x01\x01", SectionError::NativeCode, "native code"),
        (&module, SectionError::CoreModule, "wasm-tools component new"),
        (b"  (component)", SectionError::Text, "wasm-tools parse"),
        (b"\0asm", SectionError::NotAComponent, "not a component"),
        (b"\0asm\x0c\0\x01\0", SectionError::NotAComponent, "not a component"),
        (b"hello", SectionError::NotAComponent, "not a component"),
    ];
    for (bytes, expected, says) in cases {
        let error = refusal(bytes);
        assert_eq!(error, *expected);
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn every_truncation_is_refused_or_a_shorter_file_of_whole_sections() {
    let bytes = wat::parse_str(r#"(component (import "a" (func)) (@custom "c" "some text"))"#).unwrap();
    let whole = crate::sections::sections(&bytes, 0).unwrap();
    let ends: Vec<usize> = whole.iter().map(|section| section.offset as usize + section.contents.len()).collect();
    for length in 9..bytes.len() {
        let taken = Bundle::new(&bytes[..length], vec![]).is_ok();
        assert_eq!(taken, ends.contains(&length), "{length}");
    }
}

#[test]
fn sections_that_claim_too_much_are_refused() {
    let mut file = crate::sections::COMPONENT_PREAMBLE.to_vec();
    file.extend([0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3]);
    assert!(matches!(refusal(&file), SectionError::Damaged { .. }));
}

#[test]
fn two_manifests_are_refused() {
    let manifest = "name = \"a\"\nversion = \"1.0.0\"\nkind = \"tool\"";
    let one = format!("(@custom {MANIFEST_SECTION:?} {manifest:?})");
    let parse = |sections: &str| wat::parse_str(format!("(component {sections})")).unwrap();
    assert!(Bundle::new(parse(&one), vec![]).unwrap().manifest().is_some());
    assert_eq!(refusal(&parse(&format!("{one} {one}"))), SectionError::ManyManifests(2));
    let nested = Bundle::new(parse(&format!("(component {one})")), vec![]).unwrap();
    assert!(nested.manifest().is_none(), "only the outermost component speaks for itself");
}

#[test]
fn a_wrong_manifest_is_refused() {
    let parse = |text: &str| wat::parse_str(format!("(component (@custom {MANIFEST_SECTION:?} {text:?}))")).unwrap();
    assert!(matches!(refusal(&parse("name = 1")), SectionError::Manifest(_)));
    assert!(matches!(refusal(&parse("")), SectionError::Manifest(_)));
    let not_text = wat::parse_str(format!(r#"(component (@custom {MANIFEST_SECTION:?} "\ff"))"#)).unwrap();
    assert!(refusal(&not_text).to_string().contains("UTF-8"));
}

#[test]
fn names_that_could_deceive_a_terminal_are_refused() {
    let mut file = wat::parse_str(r#"(component (import "abc" (func)))"#).unwrap();
    let at = file.windows(3).position(|window| window == b"abc").unwrap();
    file[at] = 0x1b;
    assert!(matches!(refusal(&file), SectionError::Damaged { .. }));
}

#[test]
fn too_much_is_refused() {
    let big = vec![0; usize::try_from(MAX_COMPONENT_BYTES).unwrap() + 1];
    assert!(matches!(refusal(&big), SectionError::TooBig { .. }));
    let component = wat::parse_str("(component)").unwrap();
    assert!(Bundle::new(component.clone(), vec![vec![]; 8]).is_ok());
    assert_eq!(Bundle::new(component, vec![vec![]; 9]).unwrap_err(), BundleError::ManySignatures(9));
}
