//! Tags, repositories, referrers, the index, figures, health.

use std::sync::Arc;

use serde_json::json;
use tidegate_registry_server::{IndexSigner, Permission};

use crate::common::Registry;

#[test]
fn tags_and_repositories_come_in_pages() {
    let registry = Registry::start();
    let token = registry.token("all", "*", Permission::Push);
    for tag in ["1.0.0", "1.1.0", "1.2.0", "latest"] {
        registry.push(&token, "acme/tool", tag, b"component");
    }
    registry.push(&token, "acme/tool-b", "1.0.0", b"component");
    registry.push(&token, "beta", "1.0.0", b"component");
    let first = registry.get(&token, "/v2/acme/tool/tags/list?n=3");
    assert_eq!(first.json(), json!({ "name": "acme/tool", "tags": ["1.0.0", "1.1.0", "1.2.0"] }));
    assert_eq!(first.header("link"), "</v2/acme/tool/tags/list?n=3&last=1.2.0>; rel=\"next\"");
    let second = registry.get(&token, "/v2/acme/tool/tags/list?n=3&last=1.2.0");
    assert_eq!((second.json()["tags"].clone(), second.header("link")), (json!(["latest"]), ""));
    assert_eq!(registry.get(&token, "/v2/acme/tool/tags/list?n=0").json()["tags"], json!([]));
    registry.get(&token, "/v2/acme/none/tags/list").is(404, "NAME_UNKNOWN", "`acme/none`");
    registry.get(&token, "/v2/acme/tool/tags/list?n=x").is(400, "UNSUPPORTED", "`n`");
    let first = registry.get(&token, "/v2/_catalog?n=2");
    assert_eq!(first.json()["repositories"], json!(["acme/tool", "acme/tool-b"]));
    let next = first.header("link").trim_start_matches('<').split('>').next().unwrap();
    assert_eq!(registry.get(&token, next).json()["repositories"], json!(["beta"]));
}

#[test]
fn referrers_are_listed_by_type_also_when_they_come_first() {
    let registry = Registry::start();
    let token = registry.token("all", "*", Permission::Admin);
    let manifest = registry.manifest(&token, "acme/tool", b"component");
    let subject = tidegate_reference::Digest::of(manifest.to_string().as_bytes());
    let attach = |kind: &str, n: u32| {
        let mut about = manifest.clone();
        about["artifactType"] = kind.into();
        about["subject"] =
            json!({ "mediaType": crate::common::MANIFEST, "digest": subject, "size": manifest.to_string().len() });
        about["annotations"] = json!({ "n": n.to_string() });
        let digest = tidegate_reference::Digest::of(about.to_string().as_bytes());
        let put = registry.put(&token, "acme/tool", &digest.to_string(), &about);
        assert_eq!((put.status, put.header("oci-subject")), (201, subject.to_string().as_str()));
        digest
    };
    let path = format!("/v2/acme/tool/referrers/{subject}");
    assert_eq!(registry.get(&token, &path).json()["manifests"], json!([]), "an empty list is no error");
    let signature = attach("application/vnd.dev.sigstore.bundle.v0.3+json", 0);
    for n in 1..4 {
        attach("application/vnd.in-toto+json", n);
    }
    assert_eq!(registry.put(&token, "acme/tool", "1.0.0", &manifest).status, 201);
    let all = registry.get(&token, &path);
    assert_eq!(all.header("content-type"), "application/vnd.oci.image.index.v1+json");
    assert_eq!(all.json()["manifests"].as_array().unwrap().len(), 4);
    let only = registry.get(&token, &format!("{path}?artifactType=application/vnd.dev.sigstore.bundle.v0.3%2Bjson"));
    assert_eq!(only.header("oci-filters-applied"), "artifactType");
    let only = only.json();
    assert_eq!(only["manifests"][0]["digest"], signature.to_string());
    assert_eq!(
        (only["manifests"].as_array().unwrap().len(), &only["manifests"][0]["annotations"]["n"]),
        (1, &json!("0"))
    );
    let mut next = format!("{path}?n=2&artifactType=application/vnd.in-toto%2Bjson");
    let mut seen = 0;
    while !next.is_empty() {
        let page = registry.get(&token, &next);
        seen += page.json()["manifests"].as_array().unwrap().len();
        next = page.header("link").trim_start_matches('<').split('>').next().unwrap().to_owned();
    }
    assert_eq!(seen, 3);
    let gone = format!("/v2/acme/tool/manifests/{signature}");
    assert_eq!(registry.ask(&token, "DELETE", &gone, &[], b"").status, 202);
    assert_eq!(registry.get(&token, &path).json()["manifests"].as_array().unwrap().len(), 3);
}

#[test]
fn figures_are_counted() {
    let registry = Registry::start();
    let token = registry.token("all", "*", Permission::Push);
    registry.push_blob(&token, "acme/tool", &[7; 1000]);
    let text = String::from_utf8(registry.get("", "/metrics").body).unwrap();
    assert!(text.contains("tidegate_registry_received_bytes_total 1000"), "{text}");
    assert!(text.contains("tidegate_registry_answers_total{status=\"2xx\"} 2"), "{text}");
    registry.get("", "/").is(404, "UNSUPPORTED", "/v2/");
    registry.ask(&token, "POST", "/v2/acme/tool/tags/list", &[], b"").is(405, "UNSUPPORTED", "POST");
}

#[test]
fn an_index_and_its_signature_are_for_those_who_may_see_it() {
    let signer = IndexSigner(Arc::new(|index| Some(format!("signature of {index}").into_bytes())));
    let registry = Registry::with(|settings| settings.index_signer = Some(signer));
    let (acme, beta) =
        (registry.token("a", "acme/*", Permission::Push), registry.token("b", "beta/*", Permission::Push));
    registry.push(&acme, "acme/tool", "1.0.0", b"component");
    let index = registry.get(&acme, "/tidegate/v1/tidegate-index.json");
    assert_eq!(index.json()["components"][0]["name"], "acme/tool");
    let digest = tidegate_reference::Digest::of(&index.body);
    let file = format!("/tidegate/v1/tidegate-index.{}.sigstore.json", digest.to_hex());
    assert_eq!(registry.get(&acme, &file).body, format!("signature of {digest}").into_bytes());
    let other = registry.get(&beta, "/tidegate/v1/tidegate-index.json").json();
    assert_eq!(other["components"], json!([]), "another namespace is not in it");
    registry.get("", "/tidegate/v1/tidegate-index.json").is(401, "UNAUTHORIZED", "token");
    registry.get("", &file).is(401, "UNAUTHORIZED", "token");
    registry.get(&acme, "/tidegate/v1/tidegate-index.00.sigstore.json").is(404, "UNSUPPORTED", "no such file");
}

#[test]
fn a_registry_that_cannot_keep_anything_says_that_it_is_not_well() {
    let registry = Registry::start();
    assert_eq!(registry.get("", "/healthz").body, b"ok\n");
    std::fs::remove_dir_all(registry.folder.path().join("uploads")).unwrap();
    assert_eq!(registry.get("", "/healthz").status, 503);
}
