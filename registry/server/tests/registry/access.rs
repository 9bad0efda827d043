//! Who may do what.

use serde_json::json;
use tidegate_registry_server::{AnonymousPull, Permission, TokenFile};

use crate::common::Registry;

#[test]
fn without_a_token_nothing_is_told() {
    let registry = Registry::start();
    let root = registry.get("", "/v2/");
    root.is(401, "UNAUTHORIZED", "token");
    assert!(root.header("www-authenticate").starts_with("Basic realm="));
    let push = registry.token("ci", "acme/*", Permission::Push);
    let digest = registry.push(&push, "acme/tool", "1.0.0", b"component");
    for path in
        ["/v2/acme/tool/manifests/1.0.0", "/v2/acme/none/manifests/1.0.0", "/v2/acme/tool/tags/list", "/v2/_catalog"]
    {
        assert_eq!(registry.get("", path).status, 401, "{path}");
        assert_eq!(registry.get("Bearer tgr_ci_00", path).status, 401, "{path}");
    }
    let there = registry.get(&push, &format!("/v2/acme/tool/manifests/{digest}"));
    assert_eq!(there.status, 200);
    let basic = format!("Basic {}", base64(format!("anybody:{}", &push[7..]).as_bytes()));
    assert_eq!(registry.get(&basic, "/v2/").status, 200);
    assert_eq!(registry.get("", "/tidegate/v1/tidegate-index.json").status, 401);
    assert_eq!(registry.get("", "/healthz").status, 200);
}

#[test]
fn permissions_end_where_they_end() {
    let registry = Registry::start();
    let push = registry.token("push", "acme/*", Permission::Push);
    let pull = registry.token("pull", "acme/*", Permission::Pull);
    let other = registry.token("other", "beta/*", Permission::Admin);
    let digest = registry.push(&push, "acme/tool", "1.0.0", b"component");
    let manifest = format!("/v2/acme/tool/manifests/{digest}");
    assert_eq!(registry.get(&pull, &manifest).status, 200);
    registry.ask(&pull, "POST", "/v2/acme/tool/blobs/uploads/", &[], b"").is(403, "DENIED", "`push` on `acme/tool`");
    registry.ask(&push, "DELETE", &manifest, &[], b"").is(403, "DENIED", "`admin` on `acme/tool`");
    registry.get(&other, &manifest).is(403, "DENIED", "`pull` on `acme/tool`");
    // It is the same answer where there is nothing.
    registry.get(&other, "/v2/acme/none/manifests/1.0.0").is(403, "DENIED", "`pull` on `acme/none`");
    registry.get(&push, "/v2/_catalog").is(403, "DENIED", "--scope '*'");
    TokenFile::of(registry.folder.path()).remove("pull").unwrap();
    registry.get(&pull, &manifest).is(401, "UNAUTHORIZED", "removed");
}

#[test]
fn a_blob_belongs_to_its_repository() {
    let registry = Registry::start();
    let acme = registry.token("acme", "acme/*", Permission::Push);
    let beta = registry.token("beta", "beta/*", Permission::Push);
    let secret = registry.push_blob(&acme, "acme/tool", b"secret component");
    // The bytes are on the disk, and yet nobody else has them: not by asking, not by mounting, not by naming them.
    registry.get(&beta, &format!("/v2/beta/tool/blobs/{secret}")).is(404, "BLOB_UNKNOWN", "`beta/tool` has no blob");
    let mount =
        registry.ask(&beta, "POST", &format!("/v2/beta/tool/blobs/uploads/?mount={secret}&from=acme/tool"), &[], b"");
    assert_eq!(mount.status, 202, "an ordinary upload begins");
    registry.get(&beta, &format!("/v2/beta/tool/blobs/{secret}")).is(404, "BLOB_UNKNOWN", "");
    let mut manifest = registry.manifest(&beta, "beta/tool", b"own");
    manifest["layers"] = json!([{ "mediaType": "application/wasm", "digest": secret, "size": 16 }]);
    registry.put(&beta, "beta/tool", "1.0.0", &manifest).is(400, "MANIFEST_BLOB_UNKNOWN", &secret.to_string());
    // An upload belongs to its repository too.
    let begun = registry.ask(&acme, "POST", "/v2/acme/tool/blobs/uploads/", &[], b"");
    let elsewhere = begun.header("location").replace("acme/tool", "beta/tool");
    registry.ask(&beta, "PATCH", &elsewhere, &[], b"x").is(404, "BLOB_UPLOAD_UNKNOWN", "begin a new one");
    // Whoever may pull there, may mount.
    let both = registry.token("both", "*", Permission::Push);
    let mount =
        registry.ask(&both, "POST", &format!("/v2/beta/tool/blobs/uploads/?mount={secret}&from=acme/tool"), &[], b"");
    assert_eq!(mount.status, 201, "{}", mount.text());
    assert_eq!(registry.get(&beta, &format!("/v2/beta/tool/blobs/{secret}")).body, b"secret component");
}

#[test]
fn what_is_open_is_open_for_reading_only() {
    let open = AnonymousPull::Of(vec!["public/*".parse().unwrap()]);
    let registry = Registry::with(|settings| settings.anonymous_pull = open);
    let push = registry.token("push", "*", Permission::Push);
    registry.push(&push, "public/tool", "1.0.0", b"a");
    registry.push(&push, "acme/tool", "1.0.0", b"b");
    assert_eq!(registry.get("", "/v2/").status, 200);
    assert_eq!(registry.get("", "/v2/public/tool/manifests/1.0.0").status, 200);
    assert_eq!(registry.get("", "/v2/acme/tool/manifests/1.0.0").status, 401);
    assert_eq!(registry.ask("", "POST", "/v2/public/tool/blobs/uploads/", &[], b"").status, 401);
    let index = registry.get("", "/tidegate/v1/tidegate-index.json").json();
    assert_eq!(index["components"].as_array().unwrap().len(), 1);
    assert_eq!(index["components"][0]["name"], "public/tool");
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
