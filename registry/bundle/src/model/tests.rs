#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use super::*;

const BASE: &str = "name = \"m\"\nversion = \"1.0.0\"\nformat = \"gguf\"\n";

fn parse(more: &str) -> Result<ModelManifest, ManifestError> {
    format!("{BASE}{more}").parse()
}

#[test]
fn a_model_without_variants_has_one() {
    let manifest = parse("files = [\"m.gguf\", \"tokenizer.json\"]").unwrap();
    let [only] = manifest.variants.as_slice() else { panic!("{manifest:?}") };
    assert_eq!((only.name.as_str(), manifest.parts(only)), ("default", vec!["m.gguf", "tokenizer.json"]));
    assert_eq!(only.needs(10 << 20), 42 << 20);
}

#[test]
fn variants_share_files_and_say_what_they_need() {
    let manifest = parse(
        "files = [\"tokenizer.json\"]\nsettings = { pooling = \"mean\", deep = [1, 2.5] }\n\
         [[variants]]\nname = \"f32\"\nfiles = [\"f32.onnx\"]\nmemory = \"120MiB\"\n\
         [[variants]]\nname = \"int8\"\nfiles = [\"int8.onnx\"]\n",
    )
    .unwrap();
    assert_eq!(manifest.all_files(), ["f32.onnx", "int8.onnx", "tokenizer.json"]);
    assert_eq!(manifest.parts(&manifest.variants[1]), ["int8.onnx", "tokenizer.json"]);
    assert_eq!(manifest.variants[0].needs(1), 120 << 20);
    assert_eq!(manifest.settings["deep"][1], 2.5);
}

#[test]
fn names_that_lead_elsewhere_are_no_files() {
    for name in ["../m.gguf", "/etc/passwd", "a/b", "..", ".", "", ".hidden", "a\\\\b", "a\\u0000b", "model.toml"] {
        let refused = parse(&format!("files = [\"{name}\"]"));
        assert!(matches!(refused, Err(ManifestError::Value { .. })), "{name}: {refused:?}");
    }
    for wrong in [
        "",
        "files = []",
        "files = [\"a\", \"a\"]",
        "files = [\"a\"]\nmore = 1",
        "[[variants]]\nname = \"a/b\"\nfiles = [\"a\"]",
        "[[variants]]\nname = \"a\"\nfiles = [\"a\"]\nmemory = \"much\"",
        "[[variants]]\nname = \"a\"\nfiles = [\"a\"]\n[[variants]]\nname = \"a\"\nfiles = [\"b\"]",
        "files = [\"a\"]\nlabels = { \"a b\" = \"c\" }",
        "files = [\"a\"]\nlicence = \"\\u001b[2J\"",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
