#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};
use tidegate_reference::Digest;

use super::{Outline, OutlineError};
use crate::{IMAGE_INDEX, IMAGE_MANIFEST};

/// What must be said, and what is changed.
type Case<'a> = (&'a str, &'a dyn Fn(&mut Value));

fn descriptor(kind: &str) -> Value {
    json!({ "mediaType": kind, "digest": Digest::of(kind.as_bytes()).to_string(), "size": 3 })
}

fn image() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST,
        "config": descriptor("application/vnd.wasm.config.v0+json"),
        "layers": [descriptor("application/wasm")],
        "annotations": { "a": "b" },
    })
}

fn read(media_type: &str, value: &Value) -> Result<Outline, OutlineError> {
    Outline::read(media_type, value.to_string().as_bytes())
}

#[test]
fn an_image_names_its_blobs() {
    let outline = read(IMAGE_MANIFEST, &image()).unwrap();
    assert_eq!(outline.blobs.len(), 2);
    assert_eq!(outline.artifact_type.as_deref(), Some("application/vnd.wasm.config.v0+json"));
    let mut with = image();
    with["subject"] = descriptor(IMAGE_MANIFEST);
    with["artifactType"] = "application/x".into();
    let outline = read(IMAGE_MANIFEST, &with).unwrap();
    assert_eq!(outline.subject, Some(Digest::of(IMAGE_MANIFEST.as_bytes())));
    assert_eq!(outline.artifact_type.as_deref(), Some("application/x"));
}

#[test]
fn an_index_names_its_manifests() {
    let index = json!({ "schemaVersion": 2, "manifests": [descriptor(IMAGE_MANIFEST)] });
    assert_eq!(read(IMAGE_INDEX, &index).unwrap().manifests.len(), 1);
    assert!(read(IMAGE_MANIFEST, &index).is_err(), "an index is no image");
    assert!(read(IMAGE_INDEX, &image()).is_err(), "an image is no index");
}

#[test]
fn what_is_not_exact_is_refused() {
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut value = image();
        change(&mut value);
        read(IMAGE_MANIFEST, &value).unwrap_err().to_string()
    };
    let cases: [Case<'_>; 11] = [
        ("schema version 1", &|value| value["schemaVersion"] = 1.into()),
        ("`Content-Type`", &|value| value["mediaType"] = IMAGE_INDEX.into()),
        ("no digest that is kept here", &|value| {
            value["config"]["digest"] = format!("sha512:{}", "0".repeat(128)).into()
        }),
        ("no digest that is kept here", &|value| value["layers"][0]["digest"] = "sha256:../../etc/passwd".into()),
        ("not what its media type says", &|value| value["layers"][0]["size"] = (-1).into()),
        ("not what its media type says", &|value| value["layers"] = "x".into()),
        ("not what its media type says", &|value| drop(value.as_object_mut().unwrap().remove("config"))),
        ("not what its media type says", &|value| value["manifests"] = json!([])),
        ("no media type", &|value| value["layers"][0]["mediaType"] = "a\nb/c".into()),
        ("1001 layers", &|value| value["layers"] = vec![descriptor("application/wasm"); 1001].into()),
        ("bytes of annotations", &|value| value["annotations"] = json!({ "a": "b".repeat(70_000) })),
    ];
    for (says, change) in cases {
        let text = changed(change);
        assert!(text.contains(says), "{says}: {text}");
    }
    let twice = image().to_string().replacen("\"schemaVersion\":2", "\"schemaVersion\":2,\"schemaVersion\":2", 1);
    assert!(Outline::read(IMAGE_MANIFEST, twice.as_bytes()).unwrap_err().to_string().contains("stands twice"));
    assert!(matches!(read("text/html", &image()), Err(OutlineError::MediaType(_))));
    let big = vec![b' '; Outline::MAX_BYTES + 1];
    assert!(matches!(Outline::read(IMAGE_MANIFEST, &big), Err(OutlineError::TooBig(_))));
    assert!(Outline::read(IMAGE_MANIFEST, &b"[".repeat(10_000)).is_err(), "deep nesting");
}
