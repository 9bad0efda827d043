#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use crate::sections::{SectionError, embed_manifest, sections, write_section};
use crate::{Bundle, MANIFEST_SECTION, ManifestError, strip};

const MANIFEST: &str = "name = \"echo\"\nversion = \"1.0.0\"\nkind = \"tool\"\n";

fn component() -> Vec<u8> {
    wat::parse_str(r#"(component (core module (func (export "f"))) (@custom "keep" "this"))"#).unwrap()
}

#[test]
fn a_manifest_is_the_last_section_and_is_read_back() {
    let embedded = embed_manifest(&component(), MANIFEST).unwrap();
    assert!(embedded.starts_with(&component()), "what was there before stays as it is");
    assert!(embedded.ends_with(MANIFEST.as_bytes()));
    let bundle = Bundle::new(embedded.clone(), vec![]).unwrap();
    assert_eq!(bundle.manifest().unwrap().reference().to_string(), "echo@1.0.0");
    wasmparser::Validator::new().validate_all(&embedded).unwrap();
}

#[test]
fn a_second_manifest_replaces_the_first() {
    let first = embed_manifest(&component(), MANIFEST).unwrap();
    let second = embed_manifest(&first, &MANIFEST.replace("1.0.0", "2.0.0")).unwrap();
    assert_eq!(second.len(), first.len());
    assert_eq!(Bundle::new(second, vec![]).unwrap().manifest().unwrap().version.to_string(), "2.0.0");
}

#[test]
fn a_wrong_manifest_is_not_embedded() {
    let error = embed_manifest(&component(), "name = \"echo\"\nversion = \"1\"\n").unwrap_err();
    assert!(matches!(error, SectionError::Manifest(ManifestError::Syntax { line: 2, .. })), "{error}");
}

#[test]
fn a_manifest_is_not_embedded_in_a_module() {
    let module = wat::parse_str("(module)").unwrap();
    assert_eq!(embed_manifest(&module, MANIFEST).unwrap_err(), SectionError::CoreModule);
}

#[test]
fn long_sections_keep_their_length() {
    for length in [0, 1, 127, 128, 16_383, 16_384, 2_097_152] {
        let mut file = component();
        let before = sections(&file, 0).unwrap().len();
        let mut contents = vec![0; length];
        contents.insert(0, 0);
        write_section(&mut file, 0, &contents);
        let found = sections(&file, 0).unwrap();
        assert_eq!(found.len(), before + 1);
        assert_eq!(found.last().unwrap().contents.len(), length + 1);
    }
}

#[test]
fn stripping_keeps_the_manifest() {
    let embedded = embed_manifest(&component(), MANIFEST).unwrap();
    assert_eq!(strip(&embedded).unwrap(), embedded);
    let named = wat::parse_str(format!("(component $name (@custom {MANIFEST_SECTION:?} {MANIFEST:?}))")).unwrap();
    let stripped = strip(&named).unwrap();
    assert!(stripped.len() < named.len());
    assert!(Bundle::new(stripped, vec![]).unwrap().manifest().is_some());
}
