//! What a component is made of: CycloneDX 1.5, from `Cargo.lock`. Source: CycloneDX specification 1.5, JSON; package URLs
//! of the type `cargo`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use tidegate_reference::Reference;

/// A text that is no lock file of cargo's.
#[derive(Debug, thiserror::Error)]
#[error("this is no lock file of cargo's")]
pub struct LockError(#[from] toml::de::Error);

/// A package as a lock file names it: its name and its version.
pub type Named = (String, String);

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

/// The document: what the package of `reference`'s name reaches in a lock file, or all of the lock file if there is none. A lock
/// file does not tell development dependencies and those of other targets apart: `built`, if it is known, are the packages
/// that a build took, and others are left out. The document says which of both it is.
///
/// # Errors
/// The text is no lock file.
pub fn cyclonedx(lock: &str, reference: &Reference, built: Option<&BTreeSet<Named>>) -> Result<Value, LockError> {
    Ok(document(&toml::from_str(lock)?, reference, built))
}

// === impl Lock ===

fn document(lock: &Lock, reference: &Reference, built: Option<&BTreeSet<Named>>) -> Value {
    let by_name = |wanted: &str| {
        // `name`, or `name version` where there are several.
        let mut words = wanted.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next());
        let found =
            |package: &&Package| package.name == name && version.is_none_or(|version| package.version == version);
        let found = lock.package.iter().find(found);
        found.filter(|package| {
            built.is_none_or(|built| built.contains(&(package.name.clone(), package.version.clone())))
        })
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
    let source = match built {
        Some(_) => "Cargo.lock; packages that the build took",
        None => "Cargo.lock; development dependencies and those of other targets are not told apart",
    };
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
            "properties": [{ "name": "tidegate:source", "value": source }],
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
        let (reference, purls) = ("tool-a@1.2.3".parse().unwrap(), |document: &Value| -> Vec<String> {
            let components = document["components"].as_array().unwrap();
            components.iter().map(|component| component["purl"].as_str().unwrap().to_owned()).collect()
        });
        let document = cyclonedx(lock, &reference, None).unwrap();
        assert_eq!(purls(&document), ["pkg:cargo/one@1.0.0%2Bmeta", "pkg:cargo/two@1.0.0", "pkg:cargo/two@2.0.0"]);
        assert_eq!(document["components"][1]["hashes"][0]["content"], "bb");
        assert_eq!(document["dependencies"][0]["ref"], "pkg:cargo/tool-a@1.2.3");
        assert_eq!(document["dependencies"][1]["dependsOn"], json!(["pkg:cargo/two@1.0.0"]));
        // What a build did not take is not listed, nor what only that reaches.
        let built = [("two".to_owned(), "2.0.0".to_owned()), ("three".to_owned(), "1.0.0".to_owned())].into();
        let document = cyclonedx(lock, &reference, Some(&built)).unwrap();
        assert_eq!(purls(&document), ["pkg:cargo/two@2.0.0"]);
        assert_eq!(document["dependencies"][0]["dependsOn"], json!(["pkg:cargo/two@2.0.0"]));
        assert!(cyclonedx("[package", &reference, None).is_err());
    }
}
