//! Inputs that our own code makes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidegate_attestation::{
    BUILD_TYPE, HostKey, Material, PrivateKey, Provenance, SbomFormat, provenance_statement, receipt, sbom_statement,
    sign,
};
use tidegate_bundle::{Bundle, Statement, Subject, embed_manifest};
use tidegate_catalog::{
    Artifact, Config, Descriptor, Entry, IMAGE_INDEX, IMAGE_MANIFEST, Index, Layout, Referrers, Release, WASM_CONFIG,
    WASM_LAYER, attached, manifest,
};
use tidegate_lock::{Lock, Locked, LockedTool, definition_hash};
use tidegate_reference::{Digest, Reference};

type Inputs = Vec<(&'static str, Vec<u8>)>;

/// Those for a target, each with a name.
pub(super) fn made(target: &str) -> Inputs {
    match target {
        "keys" => keys(),
        "lock" => locks(),
        "manifest" => manifests(),
        "oci" => documents(),
        "policy" => policies(),
        "signature" => signatures(),
        "wit" => types(),
        other => panic!("nothing is made for {other}"),
    }
}

fn key() -> PrivateKey {
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";
    PrivateKey::from_pem(pem).unwrap()
}

fn demo() -> (Bundle, Reference) {
    let manifest = "name = \"demo\"\nversion = \"1.2.3\"\nkind = \"tool\"\n";
    let bundle = Bundle::new(embed_manifest(b"\0asm\x0d\0\x01\0", manifest).unwrap(), Vec::new()).unwrap();
    (bundle, "demo@1.2.3".parse().unwrap())
}

fn keys() -> Inputs {
    let (bundle, reference) = demo();
    vec![
        ("public", key().public_key().to_pem().into_bytes()),
        ("private", key().to_pem().into_bytes()),
        ("receipt", receipt(&HostKey::from_bytes([7; 32]), bundle.digest(), &reference)),
        ("root", b"$root".to_vec()),
    ]
}

fn locked(name: &str) -> Locked {
    let schema = definition_hash(r#"{"type":"object"}"#, None, json!({ "title": "Now" })).unwrap();
    let tool = |name: &str| LockedTool { name: name.to_owned(), description: "The time.\nNow.".to_owned(), schema };
    Locked {
        name: name.parse().unwrap(),
        version: "1.2.3".parse().unwrap(),
        digest: Digest::of(name.as_bytes()),
        signer: "acme".to_owned(),
        proof: "SHA256:x".to_owned(),
        imports: vec!["wasi:clocks/wall-clock@0.2.12".to_owned()],
        exports: vec!["tidegate:tool/tools@0.1.0".to_owned()],
        grants: vec!["network: connect to api.example.com:443".to_owned()],
        tools: vec![tool("convert"), tool("now")],
    }
}

fn locks() -> Inputs {
    let one = Lock::new(vec![locked("demo")]).unwrap().to_text().unwrap();
    let two = Lock::new(vec![Locked { tools: Vec::new(), ..locked("demo") }, locked("other")]).unwrap();
    let advisories = "version = 1\n[[advisory]]\nname = \"demo\"\nbelow = \"2.0.0\"\nreason = \"Bad.\"\n";
    let schema = r#"{"type":"object","properties":{"zone":{"type":"string","minLength":1}},"required":["zone"]}"#;
    vec![
        ("lock", one.clone().into_bytes()),
        ("two", format!("{one}===\n{}===\n{advisories}", two.to_text().unwrap()).into_bytes()),
        ("advisories", advisories.as_bytes().to_vec()),
        ("schema", schema.as_bytes().to_vec()),
    ]
}

fn manifests() -> Inputs {
    let everything = r#"name = "demo"
version = "1.2.3-rc.1"
kind = "protocol"
description = "Everything."
state = "stateful"
[http]
paths = ["/mcp", "/"]
[requests]
system = "To say how it is."
gateway = "To call."
directories = [{ guest = "/data", access = "read-only", reason = "To read." }]
network = [{ connect = "*.example.com:443", reason = "To ask." }, { connect = "[fd00::/8]:*", reason = "To ask." }]
environment = [{ name = "TZ", reason = "To know." }]
kv = [{ namespace = "notes", access = "read-write", reason = "To keep." }]
secrets = [{ name = "api-key", reason = "To show." }]
"#;
    let text = r#"(component
        (import "wasi:clocks/wall-clock@0.2.12" (instance (export "f" (func))))
        (import "flavour" (type (eq 0)))
        (core module $m (func $named (export "f")) (@producers (language "none" "1")))
        (core instance $i (instantiate $m))
        (component $inner (@custom "tidegate:manifest" "not this one"))
        (func (export "run") (canon lift (core func $i "f"))))"#;
    let text = text.replace("(import \"flavour\" (type (eq 0)))", "");
    let component = wat::parse_str(text).unwrap();
    vec![
        ("everything", everything.as_bytes().to_vec()),
        ("component", embed_manifest(&component, everything).unwrap()),
        ("bare", component),
        ("demo", demo().0.bytes().to_vec()),
    ]
}

fn documents() -> Inputs {
    let layer = Descriptor::of(WASM_LAYER, b"component");
    let config = Config::new(
        "2026-01-01T00:00:00Z".to_owned(),
        &layer.digest,
        &["wasi:clocks/wall-clock@0.2.12".to_owned()],
        &["run".to_owned()],
    );
    let annotations = BTreeMap::from([("org.opencontainers.image.version".to_owned(), "1.2.3".to_owned())]);
    let image = manifest(Descriptor::of(WASM_CONFIG, &config.to_json()), layer.clone(), annotations.clone());
    assert!(Artifact::read(&image).is_ok());
    let subject = Descriptor::of(IMAGE_MANIFEST, b"subject");
    let mut listed = Descriptor::of(IMAGE_MANIFEST, &image);
    listed.artifact_type = Some("application/vnd.dev.sigstore.bundle.v0.3+json".to_owned());
    listed.annotations = annotations.clone();
    let mut layout = Layout::default();
    layout.put(&"acme/demo".parse().unwrap(), &"1.2.3".parse().unwrap(), Descriptor::of(IMAGE_MANIFEST, &image));
    let release = |version: &str, yanked: Option<&str>| Release {
        version: version.parse().unwrap(),
        digest: Digest::of(version.as_bytes()),
        signer: Some("acme".to_owned()),
        yanked: yanked.map(str::to_owned),
        description: Some("A demonstration.".to_owned()),
    };
    let releases = vec![release("1.2.3", None), release("1.2.4", Some("wrong"))];
    let index = Index::new(1, 1_000, vec![Entry { name: "acme/demo".parse().unwrap(), releases }]);
    let docker = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
        "manifests": [{ "mediaType": IMAGE_MANIFEST, "digest": Digest::of(b"x"), "size": 1, "platform": { "os": "wasip2" } }],
    });
    vec![
        ("image", image),
        ("signature", attached(subject, layer, annotations)),
        ("config", config.to_json()),
        ("referrers", Referrers::new(vec![listed]).to_json()),
        ("layout", layout.to_json()),
        ("index", index.to_json()),
        ("docker", docker.to_string().into_bytes()),
        ("empty", json!({ "schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": [] }).to_string().into_bytes()),
    ]
}

fn policies() -> Inputs {
    let signers = "version = 1\n[signers.acme]\npublic-key-file = \"acme.pub\"\n[secrets.s]\nenvironment = \"S\"\n";
    let grants = "version = 1\n[[grant]]\nsigner = \"acme\"\ncomponent = \"*\"\nnetwork = [\"10.0.0.0/8:1883\"]\n\
        [[grant]]\nsigner = \"acme\"\ncomponent = \"demo\"\nsecrets = [\"s\"]\nsystem = true\n\
        limits = { memory = \"32MiB\", deadline = \"1m\" }\n";
    let clients = "version = 1\n[[client]]\nissuer = \"https://login.example.com\"\nclaims = { groups = \"ops\" }\n\
        scopes = [\"read\"]\ntenant = \"acme\"\ntools = [\"demo/*\"]\n[[client]]\nkey = \"*\"\nprompts = [\"*\"]\n\
        [[client]]\nuid = 1000\nresources = [\"*/x\"]\n[client-limits]\nrate = 10\n";
    vec![
        ("files", format!("{signers}===\n{grants}===\n{clients}").into_bytes()),
        ("clients", clients.as_bytes().to_vec()),
    ]
}

/// A signature by our key, over whatever the payload is.
fn by_key() -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": { "publicKey": { "hint": key().public_key().fingerprint() }, "tlogEntries": [] },
        "dsseEnvelope": {
            "payload": "$payload",
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{ "sig": "$signature", "keyid": "" }],
        },
    })
}

/// The same with a certificate and evidence of the right form.
fn certified() -> Value {
    let mut certified = by_key();
    certified["verificationMaterial"] = json!({
        "certificate": { "rawBytes": "$certificate" },
        "tlogEntries": [{
            "logIndex": "7",
            "logId": { "keyId": "AAAA" },
            "kindVersion": { "kind": "dsse", "version": "0.0.1" },
            "integratedTime": "1700000000",
            "inclusionPromise": { "signedEntryTimestamp": "AAAA" },
            "inclusionProof": {
                "logIndex": "7",
                "treeSize": "8",
                "rootHash": "AAAA",
                "hashes": ["AAAA"],
                "checkpoint": { "envelope": "log\n8\nAAAA\n" },
            },
            "canonicalizedBody": "AAAA",
        }],
        "timestampVerificationData": { "rfc3161Timestamps": [{ "signedTimestamp": "AAAA" }] },
    });
    certified
}

fn signatures() -> Inputs {
    let (bundle, reference) = demo();
    let signed = sign(&bundle, &reference, &key()).unwrap();
    let mut statement = Statement::about(&reference, bundle.digest());
    statement.subjects.push(Subject { name: "oci".to_owned(), digest: Digest::of(b"manifest") });
    let with = |file: &Value, payload: Vec<u8>| {
        let payload = String::from_utf8(payload).unwrap().replace(&bundle.digest().to_hex(), "$digest");
        format!("{file}\n===\n{payload}").into_bytes()
    };
    let subjects = [Subject { name: "demo@1.2.3".to_owned(), digest: bundle.digest() }];
    let material = Material { uri: "git+https://git.example/x".to_owned(), sha256: None, commit: Some("0".repeat(40)) };
    let provenance = Provenance {
        builder: "https://ci.example".to_owned(),
        build_type: BUILD_TYPE.to_owned(),
        materials: vec![material],
        ..Provenance::default()
    };
    let sbom = sbom_statement(&subjects, SbomFormat::CycloneDx, br#"{"bomFormat":"CycloneDX"}"#).unwrap();
    vec![
        ("file", signed),
        ("statement", with(&by_key(), statement.to_json())),
        ("provenance", with(&by_key(), provenance_statement(&subjects, &provenance))),
        ("sbom", with(&by_key(), sbom)),
        ("certificate", with(&certified(), statement.to_json())),
    ]
}

/// Target, name, an input at a bound and one beyond.
pub(super) fn bounds() -> Vec<(&'static str, &'static str, Vec<u8>, Vec<u8>)> {
    let changed = |file: Value, place: &str, value: Value| {
        let mut file = file;
        *file.pointer_mut(place).unwrap() = value;
        file.to_string().into_bytes()
    };
    let hashes = |count: usize| {
        changed(certified(), "/verificationMaterial/tlogEntries/0/inclusionProof/hashes", json!(vec!["AAAA"; count]))
    };
    let certificate = |bytes: usize| {
        let file = changed(certified(), "/verificationMaterial/certificate/rawBytes", json!("$part"));
        [file, b"\n===\n===\n".to_vec(), vec![b'x'; bytes]].concat()
    };
    let hint = |bytes: usize| changed(by_key(), "/verificationMaterial/publicKey/hint", json!("x".repeat(bytes)));
    let paths = |count: usize| {
        let paths: Vec<String> = (0..count).map(|path| format!("/{path}")).collect();
        format!("name = \"demo\"\nversion = \"1.2.3\"\nkind = \"protocol\"\nhttp = {{ paths = {paths:?} }}\n")
            .into_bytes()
    };
    let key = |bytes: usize| {
        let pem = key().public_key().to_pem();
        format!("{}{pem}", " ".repeat(bytes - pem.len())).into_bytes()
    };
    vec![
        ("signature", "hashes of a proof of inclusion", hashes(64), hashes(65)),
        ("signature", "certificate", certificate(16 << 10), certificate((16 << 10) + 1)),
        ("signature", "hint of a key", hint(256), hint(257)),
        ("manifest", "paths", paths(16), paths(17)),
        ("keys", "key file", key(16 << 10), key((16 << 10) + 1)),
    ]
}

/// One of each kind, and a value for it that fits.
fn types() -> Inputs {
    let value = b"\n\0\x01\x02\x80\x04\xff\x07\xc8\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12";
    let names = [
        "bool",
        "integer",
        "string",
        "f64",
        "f32",
        "char",
        "bytes",
        "list",
        "option",
        "tuple",
        "enum",
        "flags",
        "variant",
        "result",
        "record",
        "other-record",
    ];
    let mut inputs: Inputs = names
        .into_iter()
        .zip(0_u8..)
        .map(|(name, kind)| (name, [&[kind, 6, 3, 2, 1, 8, 1, 7, 12, 9, 11, 5][..], value].concat()))
        .collect();
    inputs.push(("text", b"\x0e\x01\x00\x08\x01\x06\n{\"v\":{\"a\":null,\"some\":true}}".to_vec()));
    inputs
}
