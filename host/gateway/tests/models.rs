//! Models through the embedding API: a real backend whose answers are computed by hand here, used by the shipped tool.
#![cfg(feature = "models")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate::attestation::{Algorithm, PrivateKey, sign, sign_model};
use tidegate::bundle::{Bundle, ModelStatement};
use tidegate::reference::Digest;
use tidegate::types::content::Content;
use tidegate::types::tools::Output;
use tidegate::{AuditEvent, CallEvent, ControlReply, ControlRequest, Host, Record, Sink};

/// A publisher of components and models, a node that believes it, and what the node wrote down.
struct Site {
    folder: tempfile::TempDir,
    key: PrivateKey,
    notes: Arc<Notes>,
}

#[derive(Default)]
struct Notes(Mutex<Vec<AuditEvent>>);

impl Sink for Notes {
    fn write(&self, record: &Record) {
        self.0.lock().unwrap().push(record.event.clone());
    }
}

/// What a test wants of its node.
struct Wanted {
    /// Models that the tool may use, as a list of TOML.
    models: &'static str,
    /// Limits of the backend.
    limits: &'static str,
    /// The budget, in MiB.
    memory: u64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { models: "[\"*\"]", limits: "{ memory = \"256MiB\" }", memory: 64 }
    }
}

impl Site {
    fn new() -> Self {
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), key, notes: Arc::default() }
    }

    fn component(&self, folder: &str, name: &str) -> PathBuf {
        let bytes = std::fs::read(target().join(folder).join(format!("{name}.wasm"))).unwrap();
        let bundle = Bundle::new(bytes.clone(), Vec::new()).unwrap();
        let signature = sign(&bundle, &bundle.manifest().unwrap().reference(), &self.key).unwrap();
        let path = self.folder.path().join(format!("{name}.wasm"));
        std::fs::write(&path, bytes).unwrap();
        std::fs::write(self.folder.path().join(format!("{name}.wasm.sigstore.json")), signature).unwrap();
        path
    }

    /// A signed model of one file and more lines of its manifest.
    fn model(&self, name: &str, file: &[u8], more: &str) -> PathBuf {
        self.model_of(name, &[("m.affine", file)], &format!("files = [\"m.affine\"]\n{more}"))
    }

    fn model_of(&self, name: &str, files: &[(&str, &[u8])], more: &str) -> PathBuf {
        let folder = self.folder.path().join("models").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let manifest = format!("name = \"{name}\"\nversion = \"1.0.0\"\nformat = \"affine\"\n{more}");
        let mut signed = vec![("model.toml".to_owned(), Digest::of(manifest.as_bytes()))];
        for (file, bytes) in files {
            std::fs::write(folder.join(file), bytes).unwrap();
            signed.push(((*file).to_owned(), Digest::of(bytes)));
        }
        signed.sort();
        std::fs::write(folder.join("model.toml"), &manifest).unwrap();
        let statement = ModelStatement { subject: format!("{name}@1.0.0"), files: signed };
        std::fs::write(folder.join("model.toml.sigstore.json"), sign_model(&statement, &self.key).unwrap()).unwrap();
        folder
    }

    async fn host(&self, wanted: Wanted) -> Host {
        let Wanted { models, limits, memory } = wanted;
        let pem = self.key.public_key().to_pem();
        let policy = format!(
            "version = 1\n\n[signers.lab]\npublic-key = \"\"\"\n{pem}\"\"\"\nroles = [\"component\", \"model\"]\n\n\
             [[grant]]\nsigner = \"lab\"\ncomponent = \"tool-models\"\nmodels = {models}\n\n\
             [[grant]]\nsigner = \"lab\"\ncomponent = \"affine\"\nlimits = {limits}\n"
        );
        let policy = tidegate::parse_policy("policy.toml", &policy).unwrap();
        let compiler = tidegate::Compiler { program: target().join("debug/tidegate"), args: Vec::new() };
        // The host before it lets go of its files when its last task has ended, which may be a moment after it was dropped.
        let until = std::time::Instant::now() + Duration::from_secs(20);
        loop {
            let builder = Host::builder(self.folder.path().join("state")).policy(policy.clone());
            let builder = builder.compiler(compiler.clone()).models_memory(memory << 20);
            match builder.audit(Arc::clone(&self.notes) as Arc<dyn Sink>).build().await {
                Ok(host) => return host,
                Err(error) if std::time::Instant::now() >= until => panic!("{error:?}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// With the backend and the tool.
    async fn serving(&self, wanted: Wanted) -> Host {
        let host = self.host(wanted).await;
        host.add(&self.component("fixtures", "affine")).await.unwrap();
        host.add(&self.component("components", "tool-models")).await.unwrap();
        host
    }

    fn loads(&self) -> Vec<String> {
        let notes = self.notes.0.lock().unwrap();
        let loaded = notes.iter().filter_map(|event| match event {
            AuditEvent::ModelLoaded { model, variant, .. } => Some(format!("{model} {variant}")),
            _ => None,
        });
        loaded.collect()
    }
}

/// Cargo's target directory; see `host.rs`.
fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    target.map(Path::to_path_buf).unwrap()
}

/// The bytes of `y = W x + b`, one row of `rows` an output.
fn affine(rows: &[&[f32]], biases: &[f32]) -> Vec<u8> {
    let mut bytes = b"AFFN\x01".to_vec();
    for count in [rows[0].len(), rows.len()] {
        bytes.extend(u32::try_from(count).unwrap().to_le_bytes());
    }
    let numbers = rows.iter().copied().flatten().chain(biases);
    bytes.extend(numbers.flat_map(|number| number.to_le_bytes()));
    bytes
}

/// Two inputs, two outputs: `[1 2; 3 4] x + [10, 20]`.
fn small() -> Vec<u8> {
    affine(&[&[1.0, 2.0], &[3.0, 4.0]], &[10.0, 20.0])
}

/// The letter after the last, of three: a, b, c, a.
fn letters() -> Vec<u8> {
    affine(&[&[0.0, 0.0, 1.0], &[1.0, 0.0, 0.0], &[0.0, 1.0, 0.0]], &[0.0; 3])
}

fn text(output: &Output) -> &str {
    match output.content.first().unwrap() {
        Content::Text(text) => &text.text,
        other => panic!("no text: {other:?}"),
    }
}

async fn call(host: &Host, tool: &str, arguments: Value) -> Output {
    host.call_tool(tool, &arguments.to_string()).finish().await.unwrap()
}

/// The structured result of a call that worked.
async fn result(host: &Host, tool: &str, arguments: Value) -> Value {
    let output = call(host, tool, arguments).await;
    assert!(!output.is_error, "{}", text(&output));
    serde_json::from_str(output.structured.as_deref().unwrap()).unwrap()
}

async fn embed(host: &Host, model: &str, what: &str) -> Output {
    call(host, "embed_text", json!({ "model": model, "texts": [what], "normalize": false })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_answers_what_one_computes_by_hand_and_stays_loaded() {
    let site = Site::new();
    let host = site.serving(Wanted::default()).await;
    assert!(host.tools().is_empty(), "no model, no tool");
    let labels = "labels = { task = \"anomaly\", threshold = \"0.5\" }\nsettings = { labels = [\"cold\", \"warm\"] }\n";
    let report = host.add_model(&site.model("small", &small(), labels)).await.unwrap();
    assert_eq!((report.name.as_str(), report.variant.as_str(), report.loaded), ("small", "default", 0));
    let names: Vec<_> = host.tools().into_iter().map(|tool| tool.name).collect();
    assert_eq!(names, ["embed_text", "classify", "generate", "infer", "detect_anomaly"]);
    let infer = host.tools().into_iter().find(|tool| tool.name == "infer").unwrap();
    let row = &infer.input_schema["properties"]["inputs"]["properties"]["x"]["items"];
    assert_eq!((&row["minItems"], &row["maxItems"], &row["items"]["type"]), (&json!(2), &json!(2), &json!("number")));

    let inferred = result(&host, "infer", json!({ "inputs": { "x": [[1, 1], [0, 2]] } })).await;
    assert_eq!(inferred["outputs"]["y"]["data"], json!([[13.0, 27.0], [14.0, 28.0]]));
    assert_eq!(inferred["usage"]["ran"], "sandboxed");
    // a, b, c are 97, 98, 99: one even, two odd.
    let embedded = result(&host, "embed_text", json!({ "texts": ["abc", ""], "normalize": false })).await;
    assert_eq!(embedded["vectors"], json!([[15.0, 31.0], [10.0, 20.0]]));
    let classified = result(&host, "classify", json!({ "text": "abc", "top": 1 })).await;
    assert_eq!(classified["classes"], json!([{ "label": "warm", "score": 31.0 }]));
    // (13 - 1)^2 and (27 - 1)^2: far from given back.
    let unusual = result(&host, "detect_anomaly", json!({ "values": [1, 1] })).await;
    assert_eq!((&unusual["score"], &unusual["anomaly"]), (&json!(410.0), &json!(true)));

    let wrong = call(&host, "infer", json!({ "inputs": { "x": [[1, 2, 3]] } })).await;
    assert!(wrong.is_error && text(&wrong).contains("`x`"), "{}", text(&wrong));
    let wrong = call(&host, "infer", json!({ "inputs": { "z": [[1, 2]] } })).await;
    assert!(wrong.is_error && text(&wrong).contains("`z`"), "{}", text(&wrong));

    assert_eq!(site.loads(), ["small@1.0.0 default"], "one load for all calls");
    let listing = host.models();
    assert_eq!(listing.used, listing.models[0].loaded);
    assert!(listing.used > 0 && listing.used < 4 << 20, "{}", listing.used);
    let ControlReply::Model(details) = host.carry_out(ControlRequest::ModelInspect { name: "small".into() }).await
    else {
        panic!("no details")
    };
    assert_eq!((details.inputs[0].shape.as_str(), details.parameters), ("f32 [rows, 2]", Some(6)));
    let used =
        site.notes.0.lock().unwrap().iter().filter(|event| matches!(event, AuditEvent::ModelUsed { .. })).count();
    assert_eq!(used, 6);

    host.remove_model("small").await.unwrap();
    assert!(host.tools().is_empty() && host.models().used == 0);
    assert!(host.remove_model("small").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_comes_in_pieces_and_ends_as_asked() {
    let site = Site::new();
    let host = site.serving(Wanted::default()).await;
    host.add_model(&site.model("letters", &letters(), "")).await.unwrap();
    // `a` is 97, and 97 mod 3 is 1: b. After b comes c.
    let arguments = json!({ "prompt": "a", "max_tokens": 5, "temperature": 0 }).to_string();
    let mut running = host.call_tool("generate", &arguments);
    let mut reports = Vec::new();
    let output = loop {
        match running.next().await.unwrap() {
            CallEvent::Progress(progress) => reports.push(progress.message.unwrap_or_default()),
            CallEvent::Message(_) => {}
            CallEvent::Done(done) => break done.unwrap(),
        }
    };
    assert_eq!(text(&output), "cabca");
    let structured: Value = serde_json::from_str(output.structured.as_deref().unwrap()).unwrap();
    assert_eq!((&structured["finish"], &structured["usage"]["output_tokens"]), (&json!("length"), &json!(5)));
    assert_eq!(reports.last().map(String::as_str), Some("cabca"));
    assert!(reports.iter().all(|report| "cabca".starts_with(report.as_str())), "{reports:?}");

    let stopped = result(&host, "generate", json!({ "prompt": "a", "temperature": 0, "stop": ["b"] })).await;
    assert_eq!((&stopped["text"], &stopped["finish"]), (&json!("ca"), &json!("stop")));
    let seeded = json!({ "prompt": "a", "temperature": 1, "seed": 7, "max_tokens": 4 });
    assert_eq!(result(&host, "generate", seeded).await["text"], "bcab");
    let refused = call(&host, "generate", json!({ "prompt": "a", "grammar": "root ::= \"a\"" })).await;
    assert!(refused.is_error && text(&refused).contains("constraint"), "{}", text(&refused));
    assert_eq!(site.loads().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_costs_the_instance_and_the_next_request_loads_again() {
    let site = Site::new();
    let host = site.serving(Wanted::default()).await;
    host.add_model(&site.model("small", &small(), "")).await.unwrap();
    assert!(!embed(&host, "small", "abc").await.is_error);
    let trapped = embed(&host, "small", "!trap").await;
    assert!(trapped.is_error && text(&trapped).contains("`affine` failed"), "{}", text(&trapped));
    assert_eq!(host.models().used, 0);
    assert!(!embed(&host, "small", "abc").await.is_error);
    assert_eq!(site.loads().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_cancels_and_who_stops_in_time_keeps_the_model() {
    let site = Site::new();
    let host = site.serving(Wanted::default()).await;
    host.add_model(&site.model("small", &small(), "")).await.unwrap();
    for (what, loads) in [("!wait", 1), ("!spin", 2)] {
        let arguments = json!({ "texts": [what] }).to_string();
        let mut running = host.call_tool("embed_text", &arguments);
        // It has begun once it is dropped: it is polled for a while.
        let _ = tokio::time::timeout(Duration::from_secs(2), running.next()).await;
        drop(running);
        // Waits for its turn behind the one that is to stop.
        let after = embed(&host, "small", "abc").await;
        assert!(!after.is_error, "{what}: {}", text(&after));
        assert_eq!(site.loads().len(), loads, "{what}");
    }
    let arguments = json!({ "prompt": "!wait" }).to_string();
    let mut running = host.call_tool("generate", &arguments);
    let _ = tokio::time::timeout(Duration::from_secs(1), running.next()).await;
    drop(running);
    assert!(!embed(&host, "small", "abc").await.is_error);
    assert_eq!(site.loads().len(), 2, "a text that nobody reads ends between two steps");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_has_its_time_and_its_memory() {
    let site = Site::new();
    let limits = "{ memory = \"16MiB\", deadline = \"3s\" }";
    let host = site.serving(Wanted { limits, ..Wanted::default() }).await;
    host.add_model(&site.model("small", &small(), "")).await.unwrap();
    let late = embed(&host, "small", "!wait").await;
    assert!(late.is_error && text(&late).contains("longer than"), "{}", text(&late));
    assert_eq!(site.loads().len(), 1);
    let room = embed(&host, "small", "!room").await;
    let available: u64 = text(&room).rsplit(' ').next().unwrap().parse().unwrap();
    assert!((8 << 20..16 << 20).contains(&available), "{}", text(&room));
    let spun = embed(&host, "small", "!spin").await;
    assert!(spun.is_error && text(&spun).contains("longer than"), "{}", text(&spun));
    assert!(!embed(&host, "small", "abc").await.is_error);
    assert_eq!(site.loads().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_used_for_longest_goes_when_another_needs_the_room() {
    let site = Site::new();
    let host = site.serving(Wanted { memory: 24, ..Wanted::default() }).await;
    for name in ["one", "two", "three"] {
        host.add_model(&site.model(name, &small(), "settings = { ballast = 8388608 }\n")).await.unwrap();
    }
    let loaded = |host: &Host| {
        let models = host.models();
        assert!(models.used <= models.memory);
        models.models.into_iter().filter(|model| model.loaded > 0).map(|model| model.name).collect::<Vec<_>>()
    };
    for name in ["one", "two", "one"] {
        assert!(!embed(&host, name, "abc").await.is_error);
    }
    assert_eq!(loaded(&host), ["one", "two"]);
    let third = embed(&host, "three", "abc").await;
    assert!(!third.is_error, "{}", text(&third));
    assert_eq!(loaded(&host), ["one", "three"]);
    assert!(!embed(&host, "two", "abc").await.is_error);
    assert_eq!(loaded(&host), ["three", "two"]);
    assert_eq!(site.loads().len(), 4);

    // More than all models may have, by the backend's word.
    host.add_model(&site.model("huge", &small(), "settings = { ballast = 33554432 }\n")).await.unwrap();
    let huge = embed(&host, "huge", "abc").await;
    assert!(huge.is_error && text(&huge).contains("does not fit"), "{}", text(&huge));
    assert_eq!(loaded(&host), ["three", "two"], "nothing was unloaded for what does not fit anyway");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_variant_that_fits_is_taken() {
    let site = Site::new();
    let (large, little) = (letters(), small());
    let variants = |large_needs: &str| {
        format!(
            "[[variants]]\nname = \"little\"\nfiles = [\"little.affine\"]\nmemory = \"4MiB\"\n\
             [[variants]]\nname = \"large\"\nfiles = [\"large.affine\"]\nmemory = \"{large_needs}\"\n"
        )
    };
    let host = site.serving(Wanted { memory: 24, ..Wanted::default() }).await;
    let files: [(&str, &[u8]); 2] = [("large.affine", &large), ("little.affine", &little)];
    let fits = host.add_model(&site.model_of("fits", &files, &variants("20MiB"))).await.unwrap();
    let sizes: Vec<_> = fits.variants.iter().map(|variant| (variant.name.as_str(), variant.size)).collect();
    assert_eq!(sizes, [("large", large.len() as u64), ("little", little.len() as u64)]);
    host.add_model(&site.model_of("wide", &files, &variants("100MiB"))).await.unwrap();
    for name in ["fits", "wide"] {
        assert!(!embed(&host, name, "abc").await.is_error);
    }
    assert_eq!(site.loads(), ["fits@1.0.0 large", "wide@1.0.0 little"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_granted_models_are_there() {
    let site = Site::new();
    let host = site.serving(Wanted { models: "[\"mine\"]", ..Wanted::default() }).await;
    host.add_model(&site.model("mine", &small(), "")).await.unwrap();
    host.add_model(&site.model("other", &small(), "")).await.unwrap();
    let embed_tool = host.tools().into_iter().find(|tool| tool.name == "embed_text").unwrap();
    assert_eq!(embed_tool.input_schema["properties"]["model"]["enum"], json!(["mine"]));
    assert!(!embed(&host, "mine", "abc").await.is_error);
    for name in ["other", "nowhere", "../mine"] {
        let refused = embed(&host, name, "abc").await;
        let said = text(&refused);
        assert!(refused.is_error && said.contains(&format!("models = [\"{name}\"]")), "{said}");
    }
    let notes = site.notes.0.lock().unwrap();
    let denied = notes.iter().filter(|event| matches!(event, AuditEvent::Denied { .. })).count();
    assert_eq!(denied, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_verified_again_and_changed_files_are_not_read() {
    let site = Site::new();
    let host = site.serving(Wanted::default()).await;
    let folder = site.model("small", &small(), "");
    host.add_model(&folder).await.unwrap();
    // What lies in the publisher's folder does not matter any more.
    std::fs::remove_dir_all(&folder).unwrap();
    drop(host);
    let models = site.folder.path().join("state/models");
    let blob = std::fs::read_dir(models.join("blobs")).unwrap().next().unwrap().unwrap().path();
    let host = site.host(Wanted::default()).await;
    host.load_installed().await.unwrap();
    assert!(!embed(&host, "small", "abc").await.is_error);
    drop(host);

    let changed = affine(&[&[9.0, 2.0], &[3.0, 4.0]], &[10.0, 20.0]);
    std::fs::remove_file(&blob).unwrap();
    std::fs::write(&blob, changed).unwrap();
    let host = site.host(Wanted::default()).await;
    host.load_installed().await.unwrap();
    assert!(host.tools().is_empty(), "its backend cannot say what it is");
    let ControlReply::Failed { message, .. } =
        host.carry_out(ControlRequest::ModelInspect { name: "small".into() }).await
    else {
        panic!("a changed file was read")
    };
    assert!(message.contains("changed on the disk"), "{message}");
    drop(host);

    std::fs::write(models.join("small/model.toml"), "name = \"small\"\n").unwrap();
    let host = site.host(Wanted::default()).await;
    let listing = host.models();
    assert!(listing.models.is_empty() && listing.refused[0].reason.contains("not what `lab` signed"), "{listing:?}");
}
