//! What registries and mirrors hold: manifests, configs, lists, indexes; as a client reads them, and as the registry takes
//! them.

use serde::Serialize;
use serde_json::Value;
use tidegate_catalog::{
    Artifact, Config, Descriptor, Index, LAYOUT_TEXT, Layout, Outline, OutlineError, Referrers, WASM_CONFIG,
    WASM_LAYER, manifest,
};
use tidegate_reference::Digest;

use crate::second;

/// The media types of what a registry takes.
const IMAGES: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

/// Whether any reader takes it.
pub fn oci(data: &[u8]) -> bool {
    let taken = [
        artifact(data),
        attached(data),
        config(data),
        same(data, Referrers::read(data).ok(), Referrers::to_json, |json| Referrers::read(json).ok()),
        layout(data),
        index(data),
        pushed(data),
    ];
    taken.contains(&true)
}

/// What was read says nothing that the text does not say, and comes back as it was.
fn same<T: PartialEq + std::fmt::Debug>(
    data: &[u8],
    read: Option<T>,
    write: impl Fn(&T) -> Vec<u8>,
    again: impl Fn(&[u8]) -> Option<T>,
) -> bool {
    let Some(read) = read else { return false };
    second::no_key_twice(data);
    let written = write(&read);
    second::says(&second::json(data), &second::json(&written));
    assert_eq!(again(&written).as_ref(), Some(&read), "written and read again");
    true
}

fn value(read: &impl Serialize) -> Value {
    serde_json::to_value(read).unwrap()
}

fn artifact(data: &[u8]) -> bool {
    let write = |read: &Artifact| manifest(read.config.clone(), read.layer.clone(), read.annotations.clone());
    let read = Artifact::read(data).ok();
    if let Some(Artifact { config, layer, .. }) = &read {
        assert_eq!((config.media_type.as_str(), layer.media_type.as_str()), (WASM_CONFIG, WASM_LAYER));
        assert_eq!(second::json(data)["layers"].as_array().map(Vec::len), Some(1));
    }
    // The media type may be missing, and is written.
    let mut named = data.to_vec();
    if read.is_some() && second::json(data).get("mediaType").is_none_or(Value::is_null) {
        let mut value = second::json(data);
        value["mediaType"] = IMAGES[0].into();
        named = value.to_string().into_bytes();
    }
    same(&named, read, write, |json| Artifact::read(json).ok())
}

fn attached(data: &[u8]) -> bool {
    let (subject, other) = (Digest::of(b"subject"), Digest::of(b"other"));
    let Ok(found) = Artifact::read_attached(data, &subject, WASM_LAYER) else { return false };
    let said = second::json(data);
    if let Some(layer) = &found {
        second::says(&said["layers"][0], &value(layer));
        assert_eq!(layer.media_type, WASM_LAYER);
        let about = &said["subject"]["digest"];
        assert!(about.is_null() || *about == subject.to_string(), "about something else");
    }
    if Artifact::read_attached(data, &other, WASM_LAYER).is_ok_and(|layer| layer.is_some()) {
        assert_ne!(said["subject"]["digest"], subject.to_string(), "about two things at once");
    }
    true
}

fn config(data: &[u8]) -> bool {
    let said: Option<Value> = serde_json::from_slice(data).ok();
    let layer = said.and_then(|said| said.pointer("/layerDigests/0")?.as_str()?.parse::<Digest>().ok());
    let Some(layer) = layer else { return false };
    assert!(Config::read(data, &Digest::of(b"other")).is_err(), "it is about one layer");
    same(data, Config::read(data, &layer).ok(), Config::to_json, |json| Config::read(json, &layer).ok())
}

fn layout(data: &[u8]) -> bool {
    let read = |json: &[u8]| Layout::read(LAYOUT_TEXT.as_bytes(), json).ok();
    let Some(mut layout) = read(data) else { return false };
    same(data, Some(layout.clone()), Layout::to_json, read);
    let (name, tag) = ("acme/demo".parse().unwrap(), "1.2.3".parse().unwrap());
    let descriptor = Descriptor::of(IMAGES[0], b"{}");
    for _ in 0..2 {
        layout.put(&name, &tag, descriptor.clone());
        let ours = layout.components().filter(|(found, at, _)| (found, at) == (&name, &tag)).count();
        assert_eq!(ours, 1, "a name and version stands once");
    }
    assert_eq!(read(&layout.to_json()), Some(layout));
    true
}

fn index(data: &[u8]) -> bool {
    let read = |json: &[u8]| Index::read(json).ok();
    let Some(index) = read(data) else { return false };
    assert!(Index::parse(data, index.expires).is_err(), "it expires");
    assert_eq!(Index::parse(data, index.created).is_ok(), index.created < index.expires);
    assert!(tidegate_catalog::search(&index, "demo").len() <= index.components.len());
    same(data, Some(index), Index::to_json, read)
}

/// What a registry takes.
fn pushed(data: &[u8]) -> bool {
    let outlines = |types: [&str; 2]| types.map(|media_type| Outline::read(media_type, data));
    let images = outlines(IMAGES);
    let indexes = outlines(INDEXES);
    let taken = |outlines: &[Result<Outline, OutlineError>; 2]| outlines.iter().any(Result::is_ok);
    assert!(!(taken(&images) && taken(&indexes)), "an image and an index at once");
    for outline in images.iter().chain(&indexes).filter_map(|outline| outline.as_ref().ok()) {
        second::no_key_twice(data);
        let said = second::json(data);
        let digest = |descriptor: &Value| descriptor["digest"].as_str().unwrap().to_owned();
        let list = |key: &str| said[key].as_array().cloned().unwrap_or_default();
        let blobs: Vec<(String, Option<u64>)> = said
            .get("config")
            .filter(|config| !config.is_null())
            .into_iter()
            .chain(&list("layers"))
            .map(|descriptor| (digest(descriptor), descriptor["size"].as_u64()))
            .collect();
        let read: Vec<_> = outline.blobs.iter().map(|(digest, size)| (digest.to_string(), Some(*size))).collect();
        assert_eq!(read, blobs, "every blob is looked for, and no other");
        let manifests: Vec<String> = list("manifests").iter().map(digest).collect();
        assert_eq!(outline.manifests.iter().map(Digest::to_string).collect::<Vec<_>>(), manifests);
        let subject = said.get("subject").filter(|subject| !subject.is_null()).map(digest);
        assert_eq!(outline.subject.map(|digest| digest.to_string()), subject);
        assert_eq!(
            said["annotations"].as_object().cloned().unwrap_or_default(),
            *value(&outline.annotations).as_object().unwrap()
        );
        assert!(outline.blobs.len() <= 1_001 && outline.manifests.len() <= 1_000);
    }
    taken(&images) || taken(&indexes)
}
