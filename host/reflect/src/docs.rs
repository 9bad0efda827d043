//! What the authors of a component wrote about its functions.
//!
//! The format is the custom section `package-docs` of wit-parser, versions 0 and 1: one byte of version, then JSON. The
//! usual toolchains leave it out; authors who want it inject it after linking.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::walk::Reflected;
use crate::{limits, name};

/// The custom section that holds the docs of a component's WIT package.
pub const SECTION: &str = "package-docs";

#[derive(Deserialize, Default)]
#[serde(default)]
struct Package {
    worlds: BTreeMap<String, World>,
    interfaces: BTreeMap<String, Interface>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct World {
    interfaces: BTreeMap<String, Interface>,
    interface_exports: BTreeMap<String, Interface>,
    funcs: BTreeMap<String, Docs>,
    func_exports: BTreeMap<String, Docs>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Interface {
    funcs: BTreeMap<String, Docs>,
}

/// A text in version 0, an object in version 1.
#[derive(Deserialize)]
#[serde(untagged)]
enum Docs {
    Text(String),
    Object {
        #[serde(default)]
        docs: Option<String>,
    },
}

impl Reflected {
    /// Puts the docs of a [`SECTION`] before the signatures in the descriptions, and says how many functions had some.
    /// A section that is not understood changes nothing: docs are no reason to refuse a component. They are text of the
    /// component's author which models will read; whoever approves the component approves them too.
    pub fn describe(&mut self, section: &[u8]) -> usize {
        let Some(package) = parse(section) else { return 0 };
        let mut described = 0_usize;
        for function in &mut self.functions {
            let Some(docs) = package.docs(&function.path) else { continue };
            let docs = docs.trim();
            if docs.is_empty() {
                continue;
            }
            let kept: String = docs.chars().take(limits::DOCS_CHARACTERS).collect();
            function.description = format!("{kept}\n\n{}", function.description);
            described = described.saturating_add(1);
        }
        described
    }
}

fn parse(section: &[u8]) -> Option<Package> {
    match section.split_first() {
        Some((0 | 1, json)) => serde_json::from_slice(json).ok(),
        _ => None,
    }
}

impl Package {
    fn docs(&self, path: &[String]) -> Option<&str> {
        let worlds = || self.worlds.values();
        let docs = match path {
            [function] => worlds().find_map(|world| world.func_exports.get(function).or(world.funcs.get(function))),
            [instance, function] => {
                let short = name::short(instance);
                let inline = worlds().filter_map(|world| {
                    world.interface_exports.get(instance).or_else(|| world.interfaces.get(instance))
                });
                let named = self.interfaces.get(short).filter(|_| instance.contains('/'));
                named.into_iter().chain(inline).find_map(|interface| interface.funcs.get(function))
            }
            _ => None,
        };
        match docs? {
            Docs::Text(text) => Some(text),
            Docs::Object { docs } => docs.as_deref(),
        }
    }
}
