//! Registries that lie: each is refused with a reason, and nothing is added.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tidegate_attack::{Reply, Rogue, Said, Site};

const REFUSED: i32 = 3;
const USAGE: i32 = 2;
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// What an honest registry would have of the component `echo@0.1.0`, to be changed.
#[derive(Clone)]
struct Artifact {
    component: Vec<u8>,
    config: Vec<u8>,
    manifest: Value,
    signature: Vec<u8>,
}

fn digest(bytes: &[u8]) -> String {
    // `sha256sum` rather than a library of ours: the tests must not believe what they test.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x");
    fs::write(&file, bytes).unwrap();
    let output = std::process::Command::new("sha256sum").arg(&file).output().unwrap();
    format!("sha256:{}", String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap())
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": digest(bytes), "size": bytes.len() })
}

impl Artifact {
    fn of(site: &Site, name: &str) -> Self {
        let path = site.path(&format!("components/{name}.wasm"));
        let component = fs::read(&path).unwrap();
        let signature = fs::read(format!("{}.sigstore.json", path.display())).unwrap();
        let config = json!({
            "created": "1970-01-01T00:00:00Z", "architecture": "wasm", "os": "wasip2",
            "layerDigests": [digest(&component)], "component": null,
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": descriptor("application/vnd.wasm.config.v0+json", &config),
            "layers": [descriptor("application/wasm", &component)],
        });
        Self { component, config, manifest, signature }
    }

    fn manifest(&self) -> Vec<u8> {
        self.manifest.to_string().into_bytes()
    }

    /// The manifest of the signature, and the list that names it.
    fn attached(&self) -> (Vec<u8>, Value) {
        let attached = json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "artifactType": BUNDLE,
            "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [descriptor(BUNDLE, &self.signature)],
            "subject": descriptor(IMAGE, &self.manifest()),
        });
        let bytes = attached.to_string().into_bytes();
        let mut entry = descriptor(IMAGE, &bytes);
        entry["artifactType"] = BUNDLE.into();
        (bytes, json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] }))
    }

    /// What an honest registry answers to a path.
    fn honest(&self, line: &str) -> Reply {
        let path = line.split_once(' ').unwrap().1.split('?').next().unwrap();
        let (attached, list) = self.attached();
        let contents = [&self.component, &self.config, &self.manifest(), &self.signature, &attached];
        if path.contains("/referrers/") {
            return Reply::ok(list.to_string());
        }
        if path.ends_with("/manifests/0.1.0") {
            return Reply::ok(self.manifest());
        }
        let asked = path.rsplit('/').next().unwrap_or_default();
        let found = contents.into_iter().find(|bytes| asked.starts_with("sha256:") && digest(bytes) == asked);
        found.map_or_else(|| Reply::status(404), |bytes| Reply::ok(bytes.clone()))
    }
}

struct Setting {
    site: Site,
    echo: Artifact,
}

impl Setting {
    fn new() -> Self {
        let mut site = Site::new().unwrap();
        site.fixture("echo", "").unwrap();
        let echo = Artifact::of(&site, "echo");
        Self { site, echo }
    }

    /// Adds `NAME:0.1.0` from a registry that answers so.
    fn add(&self, answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> (Said, Rogue) {
        let rogue = Rogue::start(answer).unwrap();
        let said = self.site.tidegate("add", &[&format!("oci://{}/acme/echo:0.1.0", rogue.host())]).unwrap();
        (said, rogue)
    }

    /// The same, where the artifact itself was changed and everything else is honest about it.
    fn changed(&self, change: impl FnOnce(&mut Artifact)) -> Said {
        let mut artifact = self.echo.clone();
        change(&mut artifact);
        self.add(move |line| artifact.honest(line)).0
    }

    /// The same, where answers to paths with `part` are replaced.
    fn replaced(&self, part: &'static str, reply: Reply) -> Said {
        let echo = self.echo.clone();
        self.add(move |line| if line.contains(part) { reply.clone() } else { echo.honest(line) }).0
    }

    fn nothing_was_added(&self) {
        let list = self.site.tidegate("list", &["--json"]).unwrap();
        let list: Value = serde_json::from_str(&list.out).unwrap();
        assert_eq!(list["components"].as_array().unwrap().len(), 0, "{list}");
    }
}

#[track_caller]
fn refused(said: &Said, code: i32, says: &[&str]) {
    assert_eq!(said.code, code, "{said:?}");
    for text in says {
        assert!(said.err.contains(text), "`{text}` is not in\n{}", said.err);
    }
}

#[test]
fn an_honest_registry_is_taken() {
    let setting = Setting::new();
    let said = setting.changed(|_| {});
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn other_bytes_and_other_lengths_are_refused() {
    let setting = Setting::new();
    let layer: &'static str = digest(&setting.echo.component).leak();
    let mut other = setting.echo.component.clone();
    *other.last_mut().unwrap() ^= 1;
    refused(
        &setting.replaced(layer, Reply::ok(other)),
        REFUSED,
        &["sent other bytes for `sha256:", "nothing was taken"],
    );
    let mut longer = setting.echo.component.clone();
    longer.push(0);
    refused(&setting.replaced(layer, Reply::ok(longer)), REFUSED, &["but the registry sends", "nothing was taken"]);
    let shorter = setting.echo.component[..100].to_vec();
    refused(&setting.replaced(layer, Reply::ok(shorter)), REFUSED, &["bytes, but the registry sends 100"]);
    let config: &'static str = digest(&setting.echo.config).leak();
    refused(&setting.replaced(config, Reply::ok("{}")), REFUSED, &["but the registry sends 2"]);
    let endless = Reply::ok(vec![b' '; (4 << 20) + 1]);
    refused(&setting.replaced("/manifests/0.1.0", endless), REFUSED, &["sends more than 4194304 bytes"]);
    let said = setting.changed(|artifact| artifact.manifest["layers"][0]["size"] = (300 << 20).into());
    refused(&said, REFUSED, &["has 314572800 bytes, at most 268435456 are taken"]);
    setting.nothing_was_added();
}

#[test]
fn a_digest_means_these_bytes_whatever_the_registry_says() {
    let setting = Setting::new();
    let echo = setting.echo.clone();
    let mut other = echo.clone();
    other.manifest["annotations"] = json!({ "x": "y" });
    let wanted = digest(&echo.manifest());
    let path: &'static str = format!("/manifests/{wanted}").leak();
    let rogue = Rogue::start(move |line| {
        // It even says in a header that these are the right ones.
        let lie = || Reply::ok(other.manifest()).with("Docker-Content-Digest", path.trim_start_matches("/manifests/"));
        if line.ends_with(path) { lie() } else { echo.honest(line) }
    })
    .unwrap();
    let said = setting.site.tidegate("add", &[&format!("oci://{}/acme/echo@{wanted}", rogue.host())]).unwrap();
    refused(&said, REFUSED, &["sent other bytes for", &wanted]);
}

#[test]
fn a_tag_that_moves_on_the_way_leads_nowhere_else() {
    let setting = Setting::new();
    let (echo, times) = (setting.echo.clone(), Arc::new(AtomicUsize::new(0)));
    let mut other = echo.clone();
    other.manifest["layers"][0]["digest"] = digest(b"evil").into();
    let counted = Arc::clone(&times);
    let (said, rogue) = setting.add(move |line| {
        let moved = line.ends_with("/manifests/0.1.0") && counted.fetch_add(1, Ordering::Relaxed) > 0;
        if moved { Reply::ok(other.manifest()) } else { echo.honest(line) }
    });
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(times.load(Ordering::Relaxed), 1, "the tag is asked for once: {:?}", rogue.asked());
}

#[test]
fn only_one_plain_layer_is_a_component() {
    let setting = Setting::new();
    let twice = setting.changed(|artifact| {
        let layer = artifact.manifest["layers"][0].clone();
        artifact.manifest["layers"].as_array_mut().unwrap().push(layer);
    });
    refused(&twice, REFUSED, &["a component has one layer, and this has 2"]);
    let packed =
        setting.changed(|artifact| artifact.manifest["layers"][0]["mediaType"] = "application/wasm+gzip".into());
    refused(&packed, REFUSED, &["`application/wasm+gzip`", "not compressed"]);
    let image = setting.changed(|artifact| {
        artifact.manifest["config"]["mediaType"] = "application/vnd.oci.image.config.v1+json".into()
    });
    refused(&image, REFUSED, &["this is no component"]);
    let sha512 =
        setting.changed(|artifact| artifact.manifest["layers"][0]["digest"] = format!("sha512:{:0128}", 0).into());
    refused(&sha512, REFUSED, &["is not a digest"]);
    let layer: &'static str = digest(&setting.echo.component).leak();
    let bomb = Reply::ok([0x1f, 0x8b, 8, 0]).with("Content-Encoding", "gzip");
    refused(&setting.replaced(layer, bomb), REFUSED, &["is encoded as `gzip`", "only the bytes themselves"]);
    let other = setting.changed(|artifact| {
        let config = String::from_utf8(artifact.config.clone()).unwrap();
        artifact.config = config.replace(&digest(&artifact.component), &digest(b"other")).into_bytes();
        artifact.manifest["config"] = descriptor("application/vnd.wasm.config.v0+json", &artifact.config);
    });
    refused(&other, REFUSED, &["the config says that the layer is"]);
    setting.nothing_was_added();
}

#[test]
fn withheld_flooded_and_exchanged_signatures_do_not_help() {
    let setting = Setting::new();
    let empty = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] }).to_string();
    refused(&setting.replaced("/referrers/", Reply::ok(empty)), REFUSED, &["has no signature"]);
    refused(&setting.replaced("/referrers/", Reply::status(404)), REFUSED, &["has no signature"]);
    let large = setting.changed(|artifact| artifact.signature.resize((256 << 10) + 1, b' '));
    refused(&large, REFUSED, &["has no signature"]);
    // A hundred thousand of them, in one list and in endless pages.
    let (_, list) = setting.echo.attached();
    let entry = list["manifests"][0].to_string();
    let many = |count: usize| {
        let mut text = format!("{{\"schemaVersion\":2,\"mediaType\":\"{INDEX}\",\"manifests\":[{entry}");
        (1..count).for_each(|_| write!(text, ",{entry}").unwrap());
        text + "]}"
    };
    refused(&setting.replaced("/referrers/", Reply::ok(many(100_000))), REFUSED, &["sends more than 4194304 bytes"]);
    let echo = setting.echo.clone();
    let rubbish = many(100).replace(&digest(&echo.attached().0), &digest(b"rubbish"));
    let (said, rogue) = setting.add(move |line| match line.contains("/referrers/") {
        true => {
            let next = format!("<{}>; rel=\"next\"", line.split_once(' ').unwrap().1);
            Reply::ok(rubbish.clone()).with("Link", &next)
        }
        false => echo.honest(line),
    });
    refused(&said, REFUSED, &["has no signature", "more is attached"]);
    let pages = rogue.asked().iter().filter(|asked| asked.line.contains("/referrers/")).count();
    assert!(pages <= 10, "{pages} pages were asked for");
    setting.nothing_was_added();
}

#[test]
fn a_fallback_tag_that_somebody_wrote_over_does_not_help() {
    let mut setting = Setting::new();
    setting.site.fixture("content", "").unwrap();
    // Without the referrers API, whoever may push can write the list: here with a good signature of another component.
    let (echo, other) = (setting.echo.clone(), Artifact::of(&setting.site, "content"));
    let (attached, list) = other.attached();
    let exchanged = list.clone();
    let (said, _) = setting.add(move |line| match line {
        _ if line.contains("/referrers/") => Reply::status(404),
        _ if line.contains("/manifests/sha256-") => Reply::ok(exchanged.to_string()),
        _ if line.contains(&digest(&attached)) => Reply::ok(attached.clone()),
        _ if line.contains(&digest(&other.signature)) => Reply::ok(other.signature.clone()),
        _ => echo.honest(line),
    });
    // It is about another manifest, so that it is not even looked at.
    refused(&said, REFUSED, &["has no signature"]);
    // Where the attacker leaves the subject away, the signature itself says what it is about.
    let (mut echo, content) = (setting.echo.clone(), Artifact::of(&setting.site, "content"));
    echo.signature = content.signature;
    let (said, _) = setting.add(move |line| echo.honest(line));
    refused(&said, REFUSED, &["is not what `tests` signed"]);
    setting.nothing_was_added();
}

#[test]
fn an_older_version_and_another_component_are_not_what_was_asked_for() {
    let setting = Setting::new();
    let echo = setting.echo.clone();
    let rogue = Rogue::start(move |line| echo.honest(&line.replace("/manifests/9.0.0", "/manifests/0.1.0"))).unwrap();
    let add = |what: &str| setting.site.tidegate("add", &[&format!("oci://{}/{what}", rogue.host())]).unwrap();
    refused(
        &add("acme/echo:9.0.0"),
        REFUSED,
        &["holds `echo@0.1.0`", "another version than was asked for", "@sha256:"],
    );
    refused(&add("acme/vault:0.1.0"), REFUSED, &["holds `echo@0.1.0`", "another component", "--name echo"]);
    setting.nothing_was_added();
}

#[test]
fn redirects_lead_neither_inside_nor_round_and_take_no_secret_along() {
    let setting = Setting::new();
    let layer: &'static str = digest(&setting.echo.component).leak();
    let to = |location: &str| setting.replaced(layer, Reply::status(307).with("Location", location));
    refused(&to("http://169.254.169.254/latest/meta-data/"), REFUSED, &["an address inside of a network", "refused"]);
    refused(&to("http://[fe80::1]/x"), REFUSED, &["an address inside of a network"]);
    refused(&to("file:///etc/passwd"), REFUSED, &["which is not taken"]);
    refused(&to("ftp://127.0.0.1/x"), REFUSED, &["only `https` and `http` are taken"]);
    refused(&to("//evil.example/x"), REFUSED, &["which is not taken"]);
    refused(&to("http://user@127.0.0.1/x"), REFUSED, &["or a user name"]);
    refused(&to(&format!("/v2/acme/echo/blobs/{layer}")), REFUSED, &["it leads in circles"]);
    // The storage that a registry sends to gets the request, and not the password.
    let component = setting.echo.component.clone();
    let storage = Rogue::start(move |_| Reply::ok(component.clone())).unwrap();
    let (echo, location) = (setting.echo.clone(), format!("http://{}/storage", storage.host()));
    let rogue = Rogue::start(move |line| match line {
        _ if line.contains(layer) => Reply::status(307).with("Location", &location),
        _ => echo.honest(line),
    })
    .unwrap();
    let credentials = setting.site.path("registries.json");
    fs::write(&credentials, json!({ "registries": { rogue.host(): { "password": "hidden" } } }).to_string()).unwrap();
    std::process::Command::new("chmod").arg("600").arg(&credentials).status().unwrap();
    let reference = format!("oci://{}/acme/echo:0.1.0", rogue.host());
    let said =
        setting.site.tidegate("add", &["--credentials", &setting.site.shown("registries.json"), &reference]).unwrap();
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(storage.asked().len(), 1);
    assert!(!storage.asked()[0].head.to_lowercase().contains("authorization"), "{:?}", storage.asked());
}

#[test]
fn a_token_server_inside_gets_no_password() {
    let setting = Setting::new();
    let challenge = "Bearer realm=\"http://169.254.169.254/token\",service=\"x\"";
    let said = setting.replaced("/manifests/", Reply::status(401).with("WWW-Authenticate", challenge));
    refused(&said, REFUSED, &["an address inside of a network"]);
}

#[test]
fn names_are_no_paths() {
    let setting = Setting::new();
    let rogue = Rogue::start(|_| Reply::status(500)).unwrap();
    let tricks = [
        "../x:1.0.0",
        "acme/../x:1.0.0",
        "acme//x:1.0.0",
        "%2e%2e/x:1.0.0",
        "acme/x:../../1",
        "acme/x@sha512:00",
        "acme/x@md5:00",
        "ACME/x:1.0.0",
        "acme/x",
        "acme/x:1.0.0?y",
        "acme/x:1.0.0#y",
        "acme\\x:1.0.0",
    ];
    for name in tricks {
        let said = setting.site.tidegate("add", &[&format!("oci://{}/{name}", rogue.host())]).unwrap();
        assert_eq!(said.code, USAGE, "{name}: {said:?}");
    }
    let said = setting.site.tidegate("add", &["oci://user:password@registry.example/x:1.0.0"]).unwrap();
    refused(&said, USAGE, &["is not the host of a registry"]);
    assert!(rogue.asked().is_empty(), "{:?}", rogue.asked());
}

#[test]
fn what_a_registry_says_cannot_paint_the_terminal() {
    let setting = Setting::new();
    let body = json!({ "errors": [{ "code": "X", "message": "\u{1b}[31mred\nerror: forged" }] }).to_string();
    let said = setting.replaced("/manifests/", Reply { status: 403, body: body.into_bytes(), ..Reply::default() });
    refused(&said, REFUSED, &["does not permit it", "forged"]);
    assert!(!said.err.contains('\u{1b}') && !said.err.contains("\nerror: forged"), "{:?}", said.err);
}
