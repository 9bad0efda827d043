#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidegate_reference::{Digest, Version};

use crate::{
    Artifact, Config, Descriptor, Entry, Index, IndexError, LAYOUT_TEXT, Layout, Referrers, Release, WASM_CONFIG,
    WASM_LAYER, attached, manifest, search,
};

/// What must be said, and what is changed.
type Case<'a> = (&'a str, &'a dyn Fn(&mut Value));

fn release(version: &str, description: &str) -> Release {
    let digest = Digest::of(version.as_bytes());
    let version = version.parse::<Version>().unwrap();
    Release { version, digest, signer: None, yanked: None, description: Some(description.to_owned()) }
}

fn index() -> Index {
    let mut withdrawn = release("2.0.0", "tells the time");
    withdrawn.yanked = Some("broken".to_owned());
    let entry = |name: &str, releases: Vec<Release>| Entry { name: name.parse().unwrap(), releases };
    Index::new(
        1_000,
        100,
        vec![
            entry("acme/tool-time", vec![withdrawn.clone(), release("1.10.0", "tells the TIME"), release("1.9.0", "")]),
            entry("acme/tool-notes", vec![release("1.0.0-rc.1", "notes with a time")]),
            entry("beta/time", vec![withdrawn]),
            entry("beta/timer", vec![release("1.0.0", "x"), release("2.0.0-rc.1", "x")]),
        ],
    )
}

#[test]
fn searching_hides_what_was_withdrawn_and_puts_names_first() {
    let index = index();
    let found = |query: &str| {
        search(&index, query).iter().map(|hit| format!("{}:{}", hit.name, hit.latest.version)).collect::<Vec<_>>()
    };
    assert_eq!(found("time"), ["beta/timer:1.0.0", "acme/tool-time:1.10.0", "acme/tool-notes:1.0.0-rc.1"]);
    assert_eq!(found("TELLS time"), ["acme/tool-time:1.10.0"]);
    assert_eq!(found(""), ["acme/tool-notes:1.0.0-rc.1", "acme/tool-time:1.10.0", "beta/timer:1.0.0"]);
    assert!(found("nothing").is_empty());
}

#[test]
fn an_index_is_read_back_until_it_expires() {
    let index = index();
    let json = index.to_json();
    assert_eq!(Index::parse(&json, 1_099).unwrap(), index);
    assert_eq!(Index::parse(&json, 1_130), Err(IndexError::Expired(30)));
    let text = String::from_utf8(json).unwrap();
    let wrong = [
        ("format", text.replace("tidegate-index-v1", "tidegate-index-v9")),
        ("twice", text.replace("1.9.0", "1.10.0")),
        ("unknown field", text.replacen("\"created\"", "\"new\": 1, \"created\"", 1)),
        ("not a repository name", text.replace("acme/tool-time", "acme/../time")),
        ("not a digest", text.replacen("sha256:", "sha512:", 1)),
    ];
    for (says, text) in wrong {
        let error = Index::parse(text.as_bytes(), 1_000).unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
    }
    assert!(matches!(Index::parse(&vec![b' '; super::MAX_INDEX_BYTES + 1], 0), Err(IndexError::TooBig(_))));
}

#[test]
fn a_component_has_one_plain_layer() {
    let config = Descriptor::of(WASM_CONFIG, b"config");
    let layer = Descriptor::of(WASM_LAYER, b"component");
    let bytes = manifest(config.clone(), layer.clone(), BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    let artifact = Artifact::read(&bytes).unwrap();
    assert_eq!((artifact.config, artifact.layer), (config, layer));
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_slice(&bytes).unwrap();
        change(&mut value);
        Artifact::read(value.to_string().as_bytes()).unwrap_err().to_string()
    };
    let cases: [Case<'_>; 7] = [
        ("one layer, and this has 2", &|value| {
            let layer = value["layers"][0].clone();
            value["layers"].as_array_mut().unwrap().push(layer);
        }),
        ("one layer, and this has 0", &|value| value["layers"] = json!([])),
        ("not compressed", &|value| value["layers"][0]["mediaType"] = "application/wasm+gzip".into()),
        ("this is no component", &|value| value["config"]["mediaType"] = "application/json".into()),
        ("not a digest", &|value| value["layers"][0]["digest"] = "sha512:00".into()),
        ("its media type is", &|value| value["mediaType"] = "application/vnd.oci.image.index.v1+json".into()),
        ("schema version", &|value| value["schemaVersion"] = 1.into()),
    ];
    for (says, change) in cases {
        let text = changed(change);
        assert!(text.contains(says), "{says}: {text}");
    }
}

#[test]
fn a_config_is_about_its_layer() {
    let layer = Digest::of(b"component");
    let config = Config::new("2026-01-01T00:00:00Z".to_owned(), &layer, &["a:b/c".to_owned()], &[]);
    assert_eq!(Config::read(&config.to_json(), &layer).unwrap(), config);
    assert!(
        Config::read(&config.to_json(), &Digest::of(b"x")).unwrap_err().to_string().contains("but the manifest says")
    );
}

#[test]
fn what_is_attached_to_something_else_does_not_count() {
    let subject = Descriptor::of("application/vnd.oci.image.manifest.v1+json", b"manifest");
    let layer = Descriptor::of("application/x", b"signature");
    let bytes = attached(subject.clone(), layer.clone(), BTreeMap::new());
    assert_eq!(Artifact::read_attached(&bytes, &subject.digest, "application/x").unwrap(), Some(layer));
    assert_eq!(Artifact::read_attached(&bytes, &subject.digest, "application/y").unwrap(), None);
    assert_eq!(Artifact::read_attached(&bytes, &Digest::of(b"other"), "application/x").unwrap(), None);
}

#[test]
fn a_list_of_referrers_is_bounded() {
    let list = Referrers::new(vec![Descriptor::of("application/x", b"a")]);
    assert_eq!(Referrers::read(&list.to_json()).unwrap(), list);
    let many = Referrers::new(vec![Descriptor::of("application/x", b"a"); 10_001]);
    assert!(Referrers::read(&many.to_json()).unwrap_err().to_string().contains("10001 entries"));
}

#[test]
fn a_layout_keeps_one_manifest_for_a_name() {
    let (name, tag) = ("acme/tool-time".parse().unwrap(), "1.0.0".parse().unwrap());
    let mut layout = Layout::default();
    layout.put(&name, &tag, Descriptor::of("application/x", b"old"));
    layout.put(&name, &tag, Descriptor::of("application/x", b"new"));
    let layout = Layout::read(LAYOUT_TEXT.as_bytes(), &layout.to_json()).unwrap();
    let components: Vec<_> = layout.components().collect();
    assert_eq!(components.len(), 1);
    assert_eq!((&components[0].0, &components[0].1, components[0].2.digest), (&name, &tag, Digest::of(b"new")));
    assert!(Layout::read(b"{}", &layout.to_json()).is_err());
}
