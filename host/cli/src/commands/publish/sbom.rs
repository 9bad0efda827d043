//! What a component is made of: CycloneDX 1.5, from `Cargo.lock`. Source: CycloneDX specification 1.5, JSON; package URLs
//! of the type `cargo`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tidegate::reference::Reference;

use crate::failure::{Blame as _, Exit, Result};

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// The lock file of a folder, or of the workspace that it is in.
pub(super) fn find_lock(folder: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(folder).ok()?;
    folder.ancestors().map(|folder| folder.join("Cargo.lock")).find(|lock| lock.is_file())
}

/// The document: what the component's package reaches in the lock file. Development and other targets' dependencies are
/// in it too where the lock file does not tell them apart, and the document says so.
pub(super) fn read(lock: &Path, reference: &Reference) -> Result<Value> {
    let text = fs::read_to_string(lock).with_context(|| format!("cannot read `{}`", lock.display()))?;
    let lock: Lock =
        toml::from_str(&text).with_context(|| format!("`{}` is no lock file", lock.display())).blame(Exit::Usage)?;
    Ok(document(&lock, reference))
}

fn document(lock: &Lock, reference: &Reference) -> Value {
    let by_name = |wanted: &str| {
        // `name`, or `name version` where there are several.
        let mut words = wanted.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next());
        lock.package
            .iter()
            .find(|package| package.name == name && version.is_none_or(|version| package.version == version))
    };
    let root =
        lock.package.iter().find(|package| package.name == reference.name.as_str() && package.checksum.is_none());
    let mut reached: BTreeMap<String, &Package> = BTreeMap::new();
    let mut waiting: Vec<&Package> = match root {
        Some(root) => root.dependencies.iter().filter_map(|name| by_name(name)).collect(),
        None => lock.package.iter().collect(),
    };
    while let Some(package) = waiting.pop() {
        if reached.insert(purl(package), package).is_none() {
            waiting.extend(package.dependencies.iter().filter_map(|name| by_name(name)));
        }
    }
    let component = |(purl, package): (&String, &&Package)| {
        let mut component = json!({
            "type": "library",
            "bom-ref": purl,
            "name": package.name,
            "version": package.version,
            "purl": purl,
        });
        if let (Some(checksum), Some(component)) = (&package.checksum, component.as_object_mut()) {
            component.insert("hashes".to_owned(), json!([{ "alg": "SHA-256", "content": checksum }]));
        }
        component
    };
    let edges = |package: &Package| -> BTreeSet<String> {
        package.dependencies.iter().filter_map(|name| by_name(name)).map(purl).collect()
    };
    let own = format!("pkg:cargo/{}@{}", reference.name, reference.version);
    let first = json!({ "ref": own, "dependsOn": root.map(edges).unwrap_or_default() });
    let others = reached.iter().map(|(purl, package)| json!({ "ref": purl, "dependsOn": edges(package) }));
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "tools": { "components": [{ "type": "application", "name": "tidegate", "version": env!("CARGO_PKG_VERSION") }] },
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": reference.name.as_str(),
                "version": reference.version.to_string(),
            },
            "properties": [{
                "name": "tidegate:source",
                "value": "Cargo.lock; development dependencies and those of other targets are not told apart",
            }],
        },
        "components": reached.iter().map(component).collect::<Vec<_>>(),
        "dependencies": std::iter::once(first).chain(others).collect::<Vec<_>>(),
    })
}

fn purl(package: &Package) -> String {
    // `+` of build metadata is written as it must be in a package URL.
    format!("pkg:cargo/{}@{}", package.name, package.version.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn only_what_the_component_reaches_is_listed() {
        let lock = r#"
            version = 4
            [[package]]
            name = "tool-a"
            version = "0.1.0"
            dependencies = ["one", "two 2.0.0"]
            [[package]]
            name = "tool-b"
            version = "0.1.0"
            dependencies = ["three"]
            [[package]]
            name = "one"
            version = "1.0.0+meta"
            checksum = "aa"
            dependencies = ["two 1.0.0"]
            [[package]]
            name = "two"
            version = "1.0.0"
            checksum = "bb"
            [[package]]
            name = "two"
            version = "2.0.0"
            checksum = "cc"
            [[package]]
            name = "three"
            version = "1.0.0"
            checksum = "dd"
        "#;
        let document = document(&toml::from_str(lock).unwrap(), &"tool-a@1.2.3".parse().unwrap());
        let purls: Vec<_> =
            document["components"].as_array().unwrap().iter().map(|c| c["purl"].as_str().unwrap()).collect();
        assert_eq!(purls, ["pkg:cargo/one@1.0.0%2Bmeta", "pkg:cargo/two@1.0.0", "pkg:cargo/two@2.0.0"]);
        assert_eq!(document["components"][1]["hashes"][0]["content"], "bb");
        assert_eq!(document["dependencies"][0]["ref"], "pkg:cargo/tool-a@1.2.3");
        assert_eq!(document["dependencies"][1]["dependsOn"], json!(["pkg:cargo/two@1.0.0"]));
    }
}
