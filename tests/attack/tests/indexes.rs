//! Indexes that somebody holds back, brings back, exchanges or edits: the table's rows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tidegate_attack::table::{GROUPS, INDEXES, Row};
use tidegate_attack::{Reply, Rogue, Said, Site};

const INDEX: &str = "tidegate-index.json";
const DAY: u64 = 24 * 3600;

/// A node with a folder that is a mirror by the book, and a web server that serves it as it is.
struct Setting {
    site: Site,
    mirror: PathBuf,
    server: Rogue,
}

fn sha256(bytes: &[u8]) -> String {
    // `sha256sum` rather than a library of ours: the tests must not believe what they test.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x"), bytes).unwrap();
    let output = Command::new("sha256sum").arg(folder.path().join("x")).output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

impl Setting {
    fn new() -> Self {
        let mut site = Site::new().unwrap();
        for name in ["echo", "content"] {
            site.fixture(name, "").unwrap();
        }
        for key in ["index.key", "strange.key"] {
            site.node().tidegate(&["key", "new", "--out", &site.shown(key)]).unwrap();
        }
        let mirror = site.path("mirror");
        fs::create_dir_all(mirror.join("blobs/sha256")).unwrap();
        let root = mirror.clone();
        let server = Rogue::start(move |line| {
            let path = line.split_once(" /").unwrap().1.trim_start_matches("tidegate/v1/").to_owned();
            fs::read(root.join(path)).map_or_else(|_| Reply::status(404), Reply::ok)
        });
        let setting = Self { site, mirror, server: server.unwrap() };
        fs::write(setting.mirror.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}").unwrap();
        let mut listed = Vec::new();
        for name in ["echo", "content"] {
            listed.extend(setting.shelve(name));
        }
        let layout = json!({ "schemaVersion": 2, "manifests": listed });
        fs::write(setting.mirror.join("index.json"), layout.to_string()).unwrap();
        setting
    }

    /// Keeps some bytes; gives their descriptor.
    fn keep(&self, kind: &str, bytes: &[u8]) -> Value {
        let digest = sha256(bytes);
        fs::write(self.mirror.join("blobs/sha256").join(&digest), bytes).unwrap();
        json!({ "mediaType": kind, "digest": format!("sha256:{digest}"), "size": bytes.len() })
    }

    /// Keeps a component with its signature; gives what `index.json` has of it.
    fn shelve(&self, name: &str) -> [Value; 2] {
        let file = self.site.path(&format!("components/{name}.wasm"));
        let layer = self.keep("application/wasm", &fs::read(&file).unwrap());
        let config = json!({
            "created": "1970-01-01T00:00:00Z", "architecture": "wasm", "os": "wasip2",
            "layerDigests": [layer["digest"]], "component": null,
        });
        let config = self.keep("application/vnd.wasm.config.v0+json", config.to_string().as_bytes());
        let image = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({ "schemaVersion": 2, "mediaType": image, "config": config, "layers": [layer] });
        let mut manifest = self.keep(image, manifest.to_string().as_bytes());
        let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
        let signature = self.keep(bundle, &fs::read(format!("{}.sigstore.json", file.display())).unwrap());
        let empty = self.keep("application/vnd.oci.empty.v1+json", b"{}");
        let attached = json!({
            "schemaVersion": 2, "mediaType": image, "artifactType": bundle, "config": empty, "layers": [signature],
            "subject": manifest,
        });
        let mut attached = self.keep(image, attached.to_string().as_bytes());
        attached["artifactType"] = bundle.into();
        let list = "application/vnd.oci.image.index.v1+json";
        let list_bytes = json!({ "schemaVersion": 2, "mediaType": list, "manifests": [attached] }).to_string();
        let mut list = self.keep(list, list_bytes.as_bytes());
        let subject = manifest["digest"].as_str().unwrap().replace(':', "-");
        list["annotations"] = json!({ "org.opencontainers.image.ref.name": format!("acme/{name}:{subject}") });
        manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": format!("acme/{name}:0.1.0") });
        [manifest, list]
    }

    fn digest_of(&self, name: &str) -> Value {
        let layout: Value = serde_json::from_slice(&fs::read(self.mirror.join("index.json")).unwrap()).unwrap();
        let called = format!("acme/{name}:0.1.0");
        let found = layout["manifests"].as_array().unwrap().iter();
        found.into_iter().find(|one| one["annotations"]["org.opencontainers.image.ref.name"] == called).unwrap()
            ["digest"]
            .clone()
    }

    /// Puts an index that was made at `created` and expires at `expires`; gives its bytes.
    fn put(&self, created: u64, expires: u64) -> Vec<u8> {
        let release = |name: &str| json!({ "version": "0.1.0", "digest": self.digest_of(name) });
        let components: Vec<_> = ["content", "echo"]
            .into_iter()
            .map(|name| json!({ "name": format!("acme/{name}"), "releases": [release(name)] }))
            .collect();
        self.put_value(&json!({
            "format": "tidegate-index-v1", "created": created, "expires": expires, "components": components,
        }))
    }

    fn put_value(&self, index: &Value) -> Vec<u8> {
        let bytes = index.to_string().into_bytes();
        fs::write(self.mirror.join(INDEX), &bytes).unwrap();
        bytes
    }

    fn index(&self) -> Value {
        serde_json::from_slice(&fs::read(self.mirror.join(INDEX)).unwrap()).unwrap()
    }

    /// Where the signature of the index that is there now belongs.
    fn signature(&self) -> PathBuf {
        let digest = sha256(&fs::read(self.mirror.join(INDEX)).unwrap());
        self.mirror.join(format!("tidegate-index.{digest}.sigstore.json"))
    }

    /// Signs what `mirror index` makes of the folder.
    fn sign(&self, key: &str) {
        let folder = self.mirror.display().to_string();
        let made = self.site.node().tidegate(&["mirror", "index", &folder, "--index-key", &self.site.shown(key)]);
        made.unwrap();
        assert!(self.signature().is_file());
    }

    fn address(&self) -> String {
        format!("http://{}", self.server.host())
    }

    /// Says that the index of `place` must be signed with `index.key`.
    fn must_be_signed(&self, place: &str) {
        let (file, key) = (self.site.path("tidegate.toml"), self.site.shown("index.pub"));
        fs::write(file, format!("[[source]]\nplace = \"{place}\"\nindex-key = \"{key}\"\n")).unwrap();
    }

    fn run(&self, command: &str, arguments: &[&str]) -> Said {
        let config = self.site.shown("tidegate.toml");
        if !Path::new(&config).is_file() {
            fs::write(&config, "").unwrap();
        }
        let mut all = vec!["--config", &config];
        all.extend_from_slice(arguments);
        self.site.tidegate(command, &all).unwrap()
    }

    fn add(&self, what: &str) -> Said {
        self.run("add", &["--mirror", &self.address(), what])
    }

    #[track_caller]
    fn added(&self) {
        let said = self.add("acme/echo:0.1.0");
        assert_eq!(said.code, 0, "what is by the book is taken: {}", said.err);
    }
}

/// Tries one row on a node of its own.
fn tried(row: &str) -> Said {
    let setting = Setting::new();
    let (now, echo) = (now(), "acme/echo:0.1.0");
    match row {
        "index-frozen" => {
            setting.put(now - 30 * DAY, now - 1);
            setting.add(echo)
        }
        "index-frozen-search" => {
            setting.put(now - 30 * DAY, now - 1);
            setting.run("search", &["--in", &setting.address()])
        }
        "index-frozen-outdated" => {
            setting.put(now, now + DAY);
            setting.added();
            setting.put(now - 30 * DAY, now - 1);
            setting.run("outdated", &["--from", &setting.address()])
        }
        "index-older" => {
            setting.must_be_signed(&setting.address());
            setting.put(now - 2 * DAY, now + DAY);
            setting.sign("index.key");
            let (older, signature) = (fs::read(setting.mirror.join(INDEX)).unwrap(), setting.signature());
            setting.added();
            std::thread::sleep(std::time::Duration::from_millis(1100));
            setting.sign("index.key");
            setting.added();
            fs::write(setting.mirror.join(INDEX), older).unwrap();
            assert!(signature.is_file() && signature == setting.signature(), "its signature is still there");
            setting.add(echo)
        }
        "index-older-registry" => {
            let place = format!("oci://{}", setting.server.host());
            setting.put(now, now + DAY);
            assert_eq!(setting.run("search", &["--in", &place]).code, 0);
            setting.put(now - 1, now + DAY);
            setting.run("search", &["--in", &place])
        }
        "index-record-damaged" => {
            setting.put(now, now + DAY);
            setting.added();
            fs::write(setting.site.path("state/sources.redb"), b"no record here".repeat(400)).unwrap();
            setting.put(now - 1, now + DAY);
            setting.add(echo)
        }
        "index-future" => {
            setting.put(now + 7 * DAY, now + 30 * DAY);
            let said = setting.add(echo);
            setting.put(now, now + DAY);
            setting.added();
            said
        }
        "index-leads-to-an-older-version" | "index-leads-to-another-component" => {
            setting.put(now, now + DAY);
            let mut index = setting.index();
            match row {
                "index-leads-to-an-older-version" => index["components"][1]["releases"][0]["version"] = "9.0.0".into(),
                _ => {
                    index["components"][1]["releases"][0]["digest"] = setting.digest_of("content");
                    // With its signature, which is listed by the name too.
                    let layout = fs::read_to_string(setting.mirror.join("index.json")).unwrap();
                    let layout = layout.replace("acme/content:sha256-", "acme/echo:sha256-");
                    fs::write(setting.mirror.join("index.json"), layout).unwrap();
                }
            }
            setting.put_value(&index);
            setting.add(if row == "index-leads-to-an-older-version" { "acme/echo:9.0.0" } else { echo })
        }
        "index-signature-as-a-component's" => {
            setting.put(now, now + DAY);
            setting.sign("tests.key");
            let component = setting.site.path("lone.wasm");
            fs::copy(setting.site.path("components/echo.wasm"), &component).unwrap();
            fs::copy(setting.signature(), format!("{}.sigstore.json", component.display())).unwrap();
            setting.run("add", &[&component.display().to_string()])
        }
        signed => edited(&setting, signed),
    }
}

/// Rows about an index that was signed well, and then was not left alone.
fn edited(setting: &Setting, row: &str) -> Said {
    setting.must_be_signed(&setting.address());
    setting.sign("index.key");
    setting.added();
    let signature = fs::read(setting.signature()).unwrap();
    let withdraw = || {
        let mut index = setting.index();
        index["components"].as_array_mut().unwrap()[0]["releases"][0]["yanked"] = "never".into();
        setting.put_value(&index);
    };
    match row {
        "index-other-key" => setting.sign("strange.key"),
        "index-component-key" => setting.sign("tests.key"),
        "index-edited" => {
            withdraw();
            fs::write(setting.signature(), &signature).unwrap();
        }
        "index-unsigned" => withdraw(),
        "index-signature-withheld" => fs::remove_file(setting.signature()).unwrap(),
        "index-of-another-mirror" => {
            setting.put(now(), now() + DAY);
            fs::write(setting.signature(), &signature).unwrap();
        }
        "index-signed-as-a-bill-of-materials" => {
            // Signed by hand, with OpenSSL: no command of ours would.
            let payload = json!({
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{ "name": INDEX, "digest": { "sha256": sha256(&fs::read(setting.mirror.join(INDEX)).unwrap()) } }],
                "predicateType": "https://cyclonedx.org/bom",
                "predicate": {},
            });
            let payload = payload.to_string();
            let kind = "application/vnd.in-toto+json";
            let message = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
            let (file, out) = (setting.site.path("message"), setting.site.path("raw"));
            fs::write(&file, message).unwrap();
            let mut openssl = Command::new("openssl");
            openssl.args(["pkeyutl", "-sign", "-rawin", "-inkey", &setting.site.shown("index.key"), "-in"]).arg(&file);
            assert!(openssl.arg("-out").arg(&out).status().unwrap().success());
            let encode = |bytes: &[u8]| {
                use base64::Engine as _;
                base64::engine::general_purpose::STANDARD.encode(bytes)
            };
            let mut bundle: Value = serde_json::from_slice(&signature).unwrap();
            bundle["dsseEnvelope"]["payload"] = encode(payload.as_bytes()).into();
            bundle["dsseEnvelope"]["signatures"][0]["sig"] = encode(&fs::read(out).unwrap()).into();
            fs::write(setting.signature(), bundle.to_string()).unwrap();
        }
        "index-signature-rubbish" => fs::write(setting.signature(), "{}").unwrap(),
        other => panic!("`{other}` is not made here"),
    }
    setting.add("acme/echo:0.1.0")
}

fn compare(row: &Row, said: &Said) -> Option<String> {
    let all = row.says.iter().all(|part| said.err.contains(part));
    let wrong = said.code != row.code || !all;
    wrong.then(|| format!("{}: exit {} instead of {}, {}{}", row.name, said.code, row.code, said.out, said.err))
}

#[test]
fn no_index_that_is_old_or_somebody_elses_is_used() {
    let rows = GROUPS.iter().filter(|group| group.test == INDEXES).flat_map(|group| group.rows);
    let wrong: Vec<_> = rows.filter_map(|row| compare(row, &tried(row.name))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_web_server_leads_nowhere_else() {
    let setting = Setting::new();
    let now = now();
    setting.put(now, now + DAY);
    for (to, says) in [
        ("http://169.254.169.254/latest/meta-data/", "an address inside of a network"),
        ("http://[fe80::1]/x", "an address inside of a network"),
        ("file:///etc/passwd", "which is not taken"),
        ("/tidegate-index.json", "it leads in circles"),
    ] {
        let server = Rogue::start(move |_| Reply::status(302).with("Location", to)).unwrap();
        let place = format!("http://{}", server.host());
        let said = setting.run("add", &["--mirror", &place, "acme/echo:0.1.0"]);
        assert!(said.code == 3 && said.err.contains(says), "{to}: {said:?}");
    }
    // A body that nobody can bound, and one that is packed.
    let endless = Rogue::start(|_| Reply::ok(vec![b' '; (16 << 20) + 1])).unwrap();
    let said = setting.run("search", &["--in", &format!("http://{}", endless.host())]);
    assert!(said.code == 3 && said.err.contains("sends more than 16777216 bytes"), "{said:?}");
    let packed = Rogue::start(|_| Reply::ok([0x1f, 0x8b, 8, 0]).with("Content-Encoding", "gzip")).unwrap();
    let said = setting.run("search", &["--in", &format!("http://{}", packed.host())]);
    assert!(said.code == 3 && said.err.contains("is encoded as `gzip`"), "{said:?}");
    setting.added();
}
