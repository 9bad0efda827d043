//! Manifests, releases that do not move, yanking, collecting.

use std::time::Duration;

use serde_json::json;
use tidegate_reference::Digest;
use tidegate_registry_server::{Command, Permission, Reply, control};

use crate::common::{MANIFEST, Registry, files};

const NOW: Duration = Duration::ZERO;

#[test]
fn a_released_version_does_not_move() {
    let registry = Registry::start();
    let token = registry.token("admin", "*", Permission::Admin);
    let digest = registry.push(&token, "acme/tool", "1.0.0", b"first");
    assert_eq!(registry.push(&token, "acme/tool", "1.0.0", b"first"), digest, "the same again is fine");
    let other = registry.manifest(&token, "acme/tool", b"second");
    registry.put(&token, "acme/tool", "1.0.0", &other).is(403, "DENIED", "does not move");
    // Other tags move.
    assert_eq!(registry.put(&token, "acme/tool", "latest", &other).status, 201);
    registry.push(&token, "acme/tool", "latest", b"first");
    // Not even deleting makes a version mean something else.
    assert_eq!(registry.ask(&token, "DELETE", &format!("/v2/acme/tool/manifests/{digest}"), &[], b"").status, 202);
    registry.get(&token, "/v2/acme/tool/manifests/1.0.0").is(404, "MANIFEST_UNKNOWN", "no tag `1.0.0`");
    registry.put(&token, "acme/tool", "1.0.0", &other).is(403, "DENIED", "not even after it was deleted");
    assert_eq!(registry.push(&token, "acme/tool", "1.0.0", b"first"), digest);
    assert_eq!(
        registry.get(&token, "/v2/acme/tool/manifests/1.0.0").header("docker-content-digest"),
        digest.to_string()
    );
}

#[test]
fn a_manifest_is_checked_before_it_is_kept() {
    let registry = Registry::start();
    let token = registry.token("push", "*", Permission::Push);
    let good = registry.manifest(&token, "acme/tool", b"component");
    let mut lie = good.clone();
    lie["layers"][0]["size"] = 3.into();
    registry.put(&token, "acme/tool", "1.0.0", &lie).is(400, "MANIFEST_INVALID", "has 3 bytes, but it has 9");
    let mut missing = good.clone();
    missing["layers"][0]["digest"] = Digest::of(b"missing").to_string().into();
    registry.put(&token, "acme/tool", "1.0.0", &missing).is(400, "MANIFEST_BLOB_UNKNOWN", "push it first");
    let wrong = Digest::of(b"something else").to_string();
    registry.put(&token, "acme/tool", &wrong, &good).is(400, "DIGEST_INVALID", &wrong);
    let path = "/v2/acme/tool/manifests/1.0.0";
    let text = good.to_string();
    registry.ask(&token, "PUT", path, &[], text.as_bytes()).is(400, "MANIFEST_INVALID", "Content-Type");
    registry.ask(&token, "PUT", path, &[("Content-Type", "text/html")], text.as_bytes()).is(
        400,
        "MANIFEST_INVALID",
        "text/html",
    );
    let big = vec![b' '; (4 << 20) + 1];
    registry.ask(&token, "PUT", path, &[("Content-Type", MANIFEST)], &big).is(413, "SIZE_INVALID", "put what is large");
    registry.get(&token, path).is(404, "MANIFEST_UNKNOWN", "");
    let index = json!({ "schemaVersion": 2, "manifests": [{ "mediaType": MANIFEST, "digest": wrong, "size": 1 }] });
    let kind = [("Content-Type", "application/vnd.oci.image.index.v1+json")];
    registry.ask(&token, "PUT", path, &kind, index.to_string().as_bytes()).is(
        400,
        "MANIFEST_BLOB_UNKNOWN",
        "the manifest",
    );
    let kept = registry.put(&token, "acme/tool", "1.0.0", &good);
    assert_eq!(kept.status, 201);
    let read = registry.get(&token, path);
    assert_eq!((read.header("content-type"), read.body.as_slice()), (MANIFEST, text.as_bytes()));
    let layer = good["layers"][0]["digest"].as_str().unwrap();
    let admin = registry.token("admin", "*", Permission::Admin);
    registry.ask(&admin, "DELETE", &format!("/v2/acme/tool/blobs/{layer}"), &[], b"").is(
        403,
        "DENIED",
        "delete that first",
    );
}

#[test]
fn a_yanked_version_is_hidden_and_still_there() {
    let registry = Registry::start();
    let token = registry.token("push", "*", Permission::Push);
    let digest = registry.push(&token, "acme/tool", "1.0.0", b"first");
    registry.push(&token, "acme/tool", "1.1.0", b"second");
    let (name, tag) = ("acme/tool".parse().unwrap(), "1.0.0".parse().unwrap());
    let yank = Command::Yank { name, tag, reason: Some("it loses notes".to_owned()) };
    assert!(matches!(control(registry.folder.path(), &yank, NOW), Ok(Reply::Yanked(found)) if found == digest));
    let by_tag = registry.get(&token, "/v2/acme/tool/manifests/1.0.0");
    by_tag.is(
        404,
        "MANIFEST_UNKNOWN",
        &format!(
            "was yanked (it loses notes): choose another version; whoever must have this one pulls `acme/tool@{digest}`"
        ),
    );
    assert_eq!(registry.get(&token, &format!("/v2/acme/tool/manifests/{digest}")).status, 200);
    assert_eq!(registry.get(&token, "/v2/acme/tool/tags/list").json()["tags"], json!(["1.1.0"]));
    let index = registry.get(&token, "/tidegate/v1/tidegate-index.json").json();
    assert_eq!(index["components"][0]["releases"][0]["yanked"], "it loses notes");
    registry.push(&token, "acme/tool", "1.0.0", b"first");
    assert_eq!(registry.get(&token, "/v2/acme/tool/manifests/1.0.0").status, 404, "pushing again does not undo it");
    let undo = Command::Unyank { name: "acme/tool".parse().unwrap(), tag: "1.0.0".parse().unwrap() };
    control(registry.folder.path(), &undo, NOW).unwrap();
    assert_eq!(registry.get(&token, "/v2/acme/tool/manifests/1.0.0").status, 200);
    let missing = Command::Unyank { name: "acme/tool".parse().unwrap(), tag: "9.9.9".parse().unwrap() };
    assert!(control(registry.folder.path(), &missing, NOW).unwrap_err().to_string().contains("no tag `9.9.9`"));
}

#[test]
fn what_no_manifest_names_is_collected_and_nothing_else() {
    let registry = Registry::start();
    let token = registry.token("admin", "*", Permission::Admin);
    let kept = registry.push(&token, "acme/tool", "1.0.0", b"kept");
    let orphan = registry.push_blob(&token, "acme/tool", b"orphan");
    let begun = registry.ask(&token, "POST", "/v2/acme/tool/blobs/uploads/", &[], b"");
    let blobs = registry.folder.path().join("blobs");
    let collect = |grace| match control(registry.folder.path(), &Command::Collect { grace }, Duration::from_secs(3600))
    {
        Ok(Reply::Collected(swept)) => swept,
        other => panic!("{other:?}"),
    };
    // Within the grace nothing goes: its manifest may be on its way.
    assert_eq!((collect(None).files, files(&blobs).len()), (0, 4));
    let swept = collect(Some(0));
    assert_eq!((swept.links, swept.files, swept.bytes, swept.uploads), (1, 1, 6, 1));
    registry.get(&token, &format!("/v2/acme/tool/blobs/{orphan}")).is(404, "BLOB_UNKNOWN", "");
    registry.ask(&token, "PATCH", begun.header("location"), &[], b"x").is(404, "BLOB_UPLOAD_UNKNOWN", "");
    assert_eq!(registry.get(&token, "/v2/acme/tool/manifests/1.0.0").status, 200);
    let layer = format!("/v2/acme/tool/blobs/{}", Digest::of(b"kept"));
    assert_eq!(registry.get(&token, &layer).body, b"kept");
    // A manifest that was deleted takes its blobs along, unless somebody else has them.
    registry.push(&token, "beta/tool", "1.0.0", b"kept");
    assert_eq!(registry.ask(&token, "DELETE", &format!("/v2/acme/tool/manifests/{kept}"), &[], b"").status, 202);
    assert_eq!((collect(Some(0)).links, files(&blobs).len()), (2, 3));
    assert_eq!(registry.get(&token, &layer.replace("acme", "beta")).body, b"kept");
    // Without a running registry the same works on the directory.
    let folder = registry.end();
    assert!(matches!(control(folder.path(), &Command::Collect { grace: Some(0) }, NOW), Ok(Reply::Collected(_))));
}

#[test]
fn what_the_disk_lost_can_be_pushed_again() {
    let registry = Registry::start();
    let token = registry.token("push", "*", Permission::Push);
    let digest = registry.push_blob(&token, "acme/tool", b"component");
    let folder = registry.end();
    for file in files(&folder.path().join("blobs")) {
        std::fs::remove_file(file).unwrap();
    }
    std::fs::write(folder.path().join("uploads/0123.new"), b"half").unwrap();
    let registry = Registry::at(folder, |_| {});
    registry.get(&token, &format!("/v2/acme/tool/blobs/{digest}")).is(404, "BLOB_UNKNOWN", "");
    assert!(files(&registry.folder.path().join("uploads")).is_empty());
    registry.push_blob(&token, "acme/tool", b"component");
    assert_eq!(registry.get(&token, &format!("/v2/acme/tool/blobs/{digest}")).body, b"component");
}
