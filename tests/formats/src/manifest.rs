//! Manifests, as text and in a component, and components as far as they are read without being compiled.
//!
//! An input that begins as a component is one; any other is the text of a manifest.

use serde_json::{Value, json};
use tidegate_bundle::{Bundle, MANIFEST_SECTION, MAX_MANIFEST_BYTES, Manifest, embed_manifest, strip};
use tidegate_grant::Destination;
use tidegate_reference::Digest;
use wasmparser::{Parser, Payload, Validator};

use crate::input::{EMPTY, MANIFEST};
use crate::second;

const KNOWN: &[&str] = &[
    "name",
    "version",
    "kind",
    "description",
    "state",
    "http.paths[]",
    "requests.directories[].guest",
    "requests.directories[].access",
    "requests.directories[].reason",
    "requests.network[].connect",
    "requests.network[].reason",
    "requests.environment[].name",
    "requests.environment[].reason",
    "requests.kv[].namespace",
    "requests.kv[].access",
    "requests.kv[].reason",
    "requests.models",
    "requests.secrets[].name",
    "requests.secrets[].reason",
    "requests.system",
    "requests.gateway",
];

/// Whether it is taken.
pub fn manifest(data: &[u8]) -> bool {
    if data.starts_with(b"\0asm") {
        return component(data);
    }
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Ok(manifest) = text.parse::<Manifest>() else {
        assert!(embed_manifest(EMPTY, text).is_err(), "what cannot be read was put into a component");
        return false;
    };
    is_read_one_way(text, &manifest);
    let with = embed_manifest(EMPTY, text).unwrap();
    assert_eq!(Bundle::new(with.clone(), Vec::new()).unwrap().manifest(), Some(&manifest));
    assert_eq!(embed_manifest(&with, text).unwrap(), with, "put in twice, it stands there once");
    true
}

fn is_read_one_way(text: &str, manifest: &Manifest) {
    assert!(text.len() <= MAX_MANIFEST_BYTES);
    let said = second::toml(text);
    second::only_known(&said, KNOWN);
    let paths = manifest.http.as_ref().map(|http| http.paths.clone());
    let mut read = json!({
        "name": manifest.name,
        "version": manifest.version,
        "kind": manifest.kind.to_string(),
        "description": manifest.description,
        "http": { "paths": paths },
        "requests": manifest.requests,
    });
    if said.get("state").is_some() {
        read["state"] = manifest.state.to_string().into();
    }
    assert_eq!(second::full(&plain(said)), second::full(&plain(read)), "all of it was read, as it stands there");
    is_for_people(&manifest.description, 1_000);
    assert!(paths.is_none_or(|paths| paths.len() <= 16));
    let requests = &manifest.requests;
    let lists = [
        requests.directories.len(),
        requests.network.len(),
        requests.environment.len(),
        requests.kv.len(),
        requests.secrets.len(),
    ];
    assert!(lists.into_iter().max() <= Some(64));
    for request in requests.iter() {
        is_for_people(request.reason(), 500);
        assert!(!request.reason().trim().is_empty(), "a request without a reason");
        is_for_people(&request.to_string(), usize::MAX);
    }
}

/// Destinations in one way of writing them.
fn plain(mut value: Value) -> Value {
    let network = value.pointer_mut("/requests/network").and_then(Value::as_array_mut);
    for connect in network.into_iter().flatten().filter_map(|request| request.get_mut("connect")) {
        let destination: Destination = connect.as_str().unwrap().parse().unwrap();
        assert_eq!(destination.to_string().parse().as_ref(), Ok(&destination));
        *connect = destination.to_string().into();
    }
    value
}

/// Nothing in it acts on a terminal.
fn is_for_people(text: &str, most: usize) {
    let deceives = |letter: char| letter.is_control() || ('\u{202a}'..='\u{202e}').contains(&letter);
    assert!(text.chars().count() <= most && !text.chars().any(deceives), "{text:?}");
}

fn component(bytes: &[u8]) -> bool {
    let Ok(bundle) = Bundle::new(bytes, Vec::new()) else { return false };
    assert_eq!(bundle.digest(), Digest::of(bytes));
    let valid = Validator::new().validate_all(bytes).is_ok();
    if valid {
        assert_eq!(outline(bytes), (bundle.imports().to_vec(), bundle.exports().to_vec(), manifests(&bundle)));
    }
    for name in bundle.imports().iter().chain(bundle.exports()) {
        is_for_people(name, usize::MAX);
    }
    let same = |other: &Bundle| {
        assert_eq!((other.imports(), other.exports()), (bundle.imports(), bundle.exports()));
    };
    let with = Bundle::new(embed_manifest(bytes, MANIFEST).unwrap(), Vec::new()).unwrap();
    assert_eq!(with.manifest().map(|manifest| manifest.reference().to_string()).as_deref(), Some("demo@1.2.3"));
    same(&with);
    match strip(bytes) {
        Ok(stripped) => {
            let less = Bundle::new(stripped.clone(), Vec::new()).unwrap();
            same(&less);
            assert_eq!(less.manifest(), bundle.manifest());
            assert!(stripped.len() <= bytes.len());
            assert_eq!(strip(&stripped).as_ref(), Ok(&stripped), "nothing is left to strip");
        }
        Err(error) => assert!(!valid || error.to_string().contains("nested more than"), "{error}"),
    }
    true
}

fn manifests(bundle: &Bundle) -> usize {
    usize::from(bundle.manifest().is_some())
}

/// Imports, exports and number of manifests of the outermost level, as another reader finds them.
fn outline(bytes: &[u8]) -> (Vec<String>, Vec<String>, usize) {
    let (mut imports, mut exports, mut manifests, mut depth) = (Vec::new(), Vec::new(), 0, 0_usize);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.unwrap();
                    let defined = format!("{:?}", import.ty).starts_with("Type(Eq");
                    imports.extend((!defined).then(|| import.name.name.to_owned()));
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                exports.extend(section.into_iter().map(|export| export.unwrap().name.name.to_owned()));
            }
            Payload::CustomSection(section) if depth == 0 => {
                manifests += usize::from(section.name() == MANIFEST_SECTION);
            }
            _ => {}
        }
    }
    (imports, exports, manifests)
}
