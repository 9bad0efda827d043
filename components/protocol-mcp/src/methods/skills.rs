//! Skills (extension `io.modelcontextprotocol/skills`): resources of components that say of themselves that they are one.
//!
//! A skill is a directory of resources with a `SKILL.md` at its root. A component offers them as any others; in the
//! metadata of the `SKILL.md` stands what its front matter says, and in that of every file its digest:
//!
//! ```text
//! io.modelcontextprotocol.skills/frontmatter   an object, with `name` and `description`
//! io.modelcontextprotocol.skills/digest        "sha256:" and 64 hexadecimal digits
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::lists::FRESH;
use crate::answer;
use crate::bindings::tidegate::gateway::catalog::Range;
use crate::bindings::tidegate::types::content::ResourceEntry;
use crate::content;
use crate::errors::RpcError;
use crate::gateway::Gateway;
use crate::json::{Request, Writer, text};
use crate::pages::Page;
use crate::revision::Revision;

/// The extension's name.
pub(crate) const EXTENSION: &str = "io.modelcontextprotocol/skills";
const MANIFEST: &str = "/SKILL.md";
/// The type of what has others in it.
const DIRECTORY: &str = "inode/directory";
/// As many as the gateway gives at once.
const AT_ONCE: u32 = 1_000;

#[derive(Deserialize, Default)]
struct Meta<'a> {
    #[serde(borrow, rename = "io.modelcontextprotocol.skills/frontmatter")]
    frontmatter: Option<&'a RawValue>,
    #[serde(rename = "io.modelcontextprotocol.skills/digest")]
    digest: Option<String>,
}

/// A skill: where it is, and its manifest.
struct Skill<'a> {
    /// Its directory, without a slash at the end.
    root: &'a str,
    manifest: &'a ResourceEntry,
    frontmatter: &'a str,
}

/// `skills/list`.
pub(super) fn list<G: Gateway>(gateway: &G, revision: &Revision, request: &Request<'_>) -> Result<String, RpcError> {
    let page = Page::read("skills", request.params.cursor, gateway.setting("page-size"))?;
    let all = resources(gateway);
    let skills: Vec<Skill<'_>> = all.iter().filter_map(skill).collect();
    let Range { offset, limit } = page.range();
    let some: Vec<&Skill<'_>> = skills.iter().skip(offset as usize).take(limit as usize).collect();
    let mut writer = answer::begin(revision, &request.id, "complete");
    writer.key("skills").begin_array();
    for one in &some {
        write(&mut writer, one, &all);
    }
    writer.end_array();
    page.write_next(&mut writer, some.len(), u32::try_from(skills.len()).unwrap_or(u32::MAX));
    answer::cache(&mut writer, revision, FRESH);
    Ok(answer::end(writer, revision, None))
}

/// `skills/get`.
pub(super) fn get<G: Gateway>(gateway: &G, revision: &Revision, request: &Request<'_>) -> Result<String, RpcError> {
    let uri = text("uri", request.params.uri)?;
    let all = resources(gateway);
    let found = all.iter().filter_map(skill).find(|one| one.manifest.uri == *uri);
    let found = found.ok_or_else(|| RpcError::params(format!("`{uri}` is no skill")))?;
    let mut writer = answer::begin(revision, &request.id, "complete");
    write(writer.key("skill"), &found, &all);
    answer::cache(&mut writer, revision, FRESH);
    Ok(answer::end(writer, revision, None))
}

/// `resources/directory/read`: what is directly in a directory of a skill.
pub(super) fn directory<G: Gateway>(
    gateway: &G,
    revision: &Revision,
    request: &Request<'_>,
) -> Result<String, RpcError> {
    let uri = text("uri", request.params.uri)?;
    let page = Page::read("directory", request.params.cursor, gateway.setting("page-size"))?;
    let all = resources(gateway);
    let prefix = format!("{}/", uri.trim_end_matches('/'));
    let within = all.iter().filter_map(skill).any(|one| prefix.starts_with(&format!("{}/", one.root)));
    let mut children: BTreeMap<&str, Option<&ResourceEntry>> = BTreeMap::new();
    for entry in all.iter().filter(|_| within) {
        let Some(rest) = entry.uri.strip_prefix(&prefix).filter(|rest| !rest.is_empty()) else { continue };
        match rest.split_once('/') {
            Some((name, _)) => {
                children.entry(name).or_insert(None);
            }
            None => {
                children.insert(rest, Some(entry));
            }
        }
    }
    if children.is_empty() {
        return Err(RpcError::params(format!("`{uri}` is no directory of a skill")));
    }
    let Range { offset, limit } = page.range();
    let mut writer = answer::begin(revision, &request.id, "complete");
    writer.key("resources").begin_array();
    let some: Vec<_> = children.iter().skip(offset as usize).take(limit as usize).collect();
    for (name, entry) in &some {
        match entry {
            Some(entry) => content::resource(&mut writer, entry, revision),
            None => {
                writer.begin_object().field("uri", &format!("{prefix}{name}")).field("name", name);
                writer.field("mimeType", DIRECTORY).end_object();
            }
        }
    }
    writer.end_array();
    page.write_next(&mut writer, some.len(), u32::try_from(children.len()).unwrap_or(u32::MAX));
    answer::cache(&mut writer, revision, FRESH);
    Ok(answer::end(writer, revision, None))
}

/// Every resource of the catalog.
fn resources<G: Gateway>(gateway: &G) -> Vec<ResourceEntry> {
    let mut all = Vec::new();
    loop {
        let offset = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let some = gateway.resources(Range { offset, limit: AT_ONCE });
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}

fn meta(entry: &ResourceEntry) -> Meta<'_> {
    entry.meta.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// A resource as a skill, if it is the manifest of one: its directory bears the name that its front matter says.
fn skill(entry: &ResourceEntry) -> Option<Skill<'_>> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
        #[serde(rename = "description")]
        _description: String,
    }
    let root = entry.uri.strip_suffix(MANIFEST)?;
    let frontmatter = meta(entry).frontmatter?.get();
    let named: Named = serde_json::from_str(frontmatter).ok()?;
    (root.rsplit('/').next() == Some(&named.name)).then_some(Skill { root, manifest: entry, frontmatter })
}

/// An entry. Its files are all named with their digests, or none is: the client then learns them as it reads.
fn write(writer: &mut Writer, skill: &Skill<'_>, all: &[ResourceEntry]) {
    let prefix = format!("{}/", skill.root);
    let files: Option<Vec<(&str, String, u64)>> = all
        .iter()
        .filter(|entry| entry.uri.starts_with(&prefix))
        .map(|entry| Some((entry.uri.as_str(), meta(entry).digest?, entry.size?)))
        .collect();
    writer.begin_object().field("uri", &skill.manifest.uri).key("frontmatter").raw(skill.frontmatter);
    match files {
        None => {
            writer.field("resources", "dynamic");
        }
        Some(files) => {
            writer.key("resources").begin_array();
            for (uri, digest, size) in files {
                writer.begin_object().field("uri", uri).field("digest", &digest).key("size").integer(size).end_object();
            }
            writer.end_array();
        }
    }
    writer.end_object();
}
