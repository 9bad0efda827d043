//! Resources that are skills.

use super::*;
use crate::bindings::tidegate::types::content::ResourceEntry;

fn entry(uri: &str, meta: Value) -> ResourceEntry {
    ResourceEntry {
        uri: uri.into(),
        name: uri.rsplit('/').next().unwrap().into(),
        title: None,
        description: None,
        mime_type: Some("text/markdown".into()),
        size: Some(7),
        annotations: None,
        icons: vec![],
        meta: Some(meta.to_string()),
    }
}

fn front(name: &str) -> Value {
    json!({
        "io.modelcontextprotocol.skills/frontmatter": {"name": name, "description": "d"},
        "io.modelcontextprotocol.skills/digest": "sha256:00",
    })
}

fn digest() -> Value {
    json!({"io.modelcontextprotocol.skills/digest": "sha256:11"})
}

fn gateway() -> Double {
    let gateway = Double::default();
    gateway.listed.borrow_mut().extend([
        entry("test://other", json!({})),
        entry("skill://one/SKILL.md", front("one")),
        entry("skill://one/deep/er/a.md", digest()),
        entry("skill://one/b.md", digest()),
        entry("skill://group/two/SKILL.md", front("two")),
        entry("skill://group/two/loose.md", json!({})),
        // The directory does not bear the name; no front matter.
        entry("skill://liar/SKILL.md", front("three")),
        entry("skill://plain/SKILL.md", json!({})),
    ]);
    gateway
}

#[test]
fn what_says_that_it_is_a_skill_is_listed_with_its_files() {
    let result = modern(&gateway(), "skills/list", json!({})).json()["result"].clone();
    let skills = result["skills"].as_array().unwrap();
    let uris: Vec<_> = skills.iter().map(|one| one["uri"].as_str().unwrap()).collect();
    assert_eq!(uris, ["skill://one/SKILL.md", "skill://group/two/SKILL.md"]);
    assert_eq!(skills[0]["frontmatter"], json!({"name": "one", "description": "d"}));
    let files = skills[0]["resources"].as_array().unwrap();
    assert_eq!(files.len(), 3);
    assert_eq!(files[1], json!({"uri": "skill://one/deep/er/a.md", "digest": "sha256:11", "size": 7}));
    assert_eq!(skills[1]["resources"], "dynamic", "one file has no digest, so none is named");
    assert!(result["ttlMs"].is_u64() && result["cacheScope"] == "private");
}

#[test]
fn one_skill_is_met_by_its_address_only() {
    let gateway = gateway();
    let got = modern(&gateway, "skills/get", json!({"uri": "skill://group/two/SKILL.md"})).json()["result"].clone();
    assert_eq!(got["skill"]["frontmatter"]["name"], "two");
    assert!(got.get("nextCursor").is_none());
    for uri in ["skill://liar/SKILL.md", "skill://plain/SKILL.md", "skill://one", "skill://one/b.md", "test://other"] {
        assert_eq!(modern(&gateway, "skills/get", json!({"uri": uri})).code(), json!(-32602), "{uri}");
    }
}

#[test]
fn directories_of_skills_are_read_and_no_others() {
    let gateway = gateway();
    let read = |uri: &str| modern(&gateway, "resources/directory/read", json!({"uri": uri}));
    let names = |uri: &str| {
        let children = read(uri).json()["result"]["resources"].clone();
        let name = |one: &Value| (one["name"].as_str().unwrap().to_owned(), one["mimeType"].clone());
        children.as_array().unwrap().iter().map(name).collect::<Vec<_>>()
    };
    let file = |name: &str| (name.to_owned(), json!("text/markdown"));
    let folder = |name: &str| (name.to_owned(), json!("inode/directory"));
    assert_eq!(names("skill://one"), [file("SKILL.md"), file("b.md"), folder("deep")]);
    assert_eq!(names("skill://one/deep/"), [folder("er")]);
    assert_eq!(names("skill://one/deep/er"), [file("a.md")]);
    for uri in ["skill://one/b.md", "skill://on", "skill://group", "skill://plain", "test:", "", "skill:/"] {
        assert_eq!(read(uri).code(), json!(-32602), "{uri}");
    }
}

#[test]
fn lists_of_skills_turn_pages() {
    let gateway = gateway().with("page-size", "1");
    let first = modern(&gateway, "skills/list", json!({})).json()["result"].clone();
    let next = modern(&gateway, "skills/list", json!({"cursor": first["nextCursor"]})).json()["result"].clone();
    assert_eq!(next["skills"][0]["uri"], "skill://group/two/SKILL.md");
    assert!(next.get("nextCursor").is_none());
    let uri = json!({"uri": "skill://one"});
    let page = modern(&gateway, "resources/directory/read", uri.clone()).json()["result"].clone();
    let next = json!({"uri": "skill://one", "cursor": page["nextCursor"]});
    assert_eq!(modern(&gateway, "resources/directory/read", next).json()["result"]["resources"][0]["name"], "b.md");
}
