//! Everything that can be called, under names that are unique in the node.

use std::collections::HashMap;
use std::sync::Arc;

use tidegate_bindings::gateway::tidegate::gateway::catalog::{Overview, PromptEntry, ToolEntry};
use tidegate_bindings::types::content::ResourceEntry;
use tidegate_bindings::types::event::Change;
use tidegate_bindings::types::resources::Template;
use tidegate_grant::Principal;
use tidegate_supervisor::{Component, Set};

use crate::template;

/// Between a component's name and a tool's: `tool-files__read_file`. Component names cannot hold it.
pub const SEPARATOR: &str = "__";

/// A snapshot of everything that can be called.
///
/// The component that was added first keeps a bare name; a later one's entry of the same name is listed as
/// `COMPONENT__NAME`, and so is a name with `__` in it, which could pass for another component's. So an addition never
/// changes what existing clients call. The long form always works.
#[derive(Default)]
pub struct Catalog {
    /// Tools in the order of components and of their lists.
    pub tools: Vec<ToolEntry>,
    /// Prompts, likewise.
    pub prompts: Vec<PromptEntry>,
    /// Resources; of two with one address the first.
    pub resources: Vec<ResourceEntry>,
    /// Resource templates, likewise.
    pub templates: Vec<Template>,
    revision: u64,
    completes: bool,
    tool_names: HashMap<String, Place>,
    prompt_names: HashMap<String, Place>,
    resource_owners: HashMap<String, Arc<Component>>,
    template_owners: Vec<Arc<Component>>,
    components: Vec<Arc<Component>>,
}

/// Where an entry comes from.
#[derive(Clone)]
pub struct Place {
    /// The component.
    pub component: Arc<Component>,
    /// The component's own name of it.
    pub name: String,
    /// Its place in the catalog's list.
    at: usize,
}

impl Catalog {
    /// The catalog of a set of components.
    #[must_use]
    pub fn new(set: &Set) -> Self {
        let mut catalog = Self { components: set.components.clone(), ..Self::default() };
        let mut hash = Hash::default();
        for component in &set.components {
            catalog.add(component);
            hash.add(component.reference().to_string().as_bytes());
            hash.add(component.digest().as_bytes());
            hash.add(format!("{:?}", component.definitions()).as_bytes());
        }
        catalog.revision = hash.0;
        catalog
    }

    /// Sizes and revision.
    #[must_use]
    pub fn overview(&self) -> Overview {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Overview {
            revision: self.revision,
            tools: count(self.tools.len()),
            resources: count(self.resources.len()),
            templates: count(self.templates.len()),
            prompts: count(self.prompts.len()),
            completion: self.completes,
        }
    }

    /// The revision of what a principal sees: two with other rights take no page of one list for the next of the other's.
    pub(crate) fn revision_for(&self, principal: &Principal) -> u64 {
        let mut hash = Hash(self.revision);
        hash.add(format!("{:?}", principal.reach()).as_bytes());
        hash.0
    }

    /// A tool by the catalog's name or by `COMPONENT__NAME`.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<(&Place, &ToolEntry)> {
        let place = self.tool_names.get(name)?;
        Some((place, self.tools.get(place.at)?))
    }

    /// A prompt by the catalog's name or by `COMPONENT__NAME`.
    #[must_use]
    pub fn prompt(&self, name: &str) -> Option<&Place> {
        self.prompt_names.get(name)
    }

    /// The component that has a resource: by its list, or else by the first template that fits.
    #[must_use]
    pub fn resource(&self, uri: &str) -> Option<&Arc<Component>> {
        self.resource_owners.get(uri).or_else(|| {
            let fitting = self.templates.iter().zip(&self.template_owners);
            fitting.into_iter().find(|(entry, _)| template::fits(&entry.uri_template, uri)).map(|(_, owner)| owner)
        })
    }

    /// The component of a resource template.
    #[must_use]
    pub fn template(&self, uri_template: &str) -> Option<&Arc<Component>> {
        let mut entries = self.templates.iter().zip(&self.template_owners);
        entries.find(|(entry, _)| entry.uri_template == uri_template).map(|(_, owner)| owner)
    }

    /// The components behind the catalog.
    #[must_use]
    pub fn components(&self) -> &[Arc<Component>] {
        &self.components
    }

    fn add(&mut self, component: &Arc<Component>) {
        let definitions = component.definitions();
        self.completes |= definitions.completes;
        for tool in &definitions.tools {
            let mut definition = tool.clone();
            definition.name = name(&mut self.tool_names, component, &tool.name, self.tools.len());
            self.tools.push(ToolEntry { component: component.name().to_owned(), definition });
        }
        for prompt in &definitions.prompts {
            let mut definition = prompt.clone();
            definition.name = name(&mut self.prompt_names, component, &prompt.name, self.prompts.len());
            self.prompts.push(PromptEntry { component: component.name().to_owned(), definition });
        }
        for resource in &definitions.resources {
            if !self.resource_owners.contains_key(&resource.uri) {
                self.resource_owners.insert(resource.uri.clone(), Arc::clone(component));
                self.resources.push(resource.clone());
            }
        }
        for template in &definitions.templates {
            if self.template(&template.uri_template).is_none() {
                self.templates.push(template.clone());
                self.template_owners.push(Arc::clone(component));
            }
        }
    }
}

/// Registers an entry and gives the name it is listed under.
fn name(names: &mut HashMap<String, Place>, component: &Arc<Component>, own: &str, at: usize) -> String {
    let place = Place { component: Arc::clone(component), name: own.to_owned(), at };
    let long = format!("{}{SEPARATOR}{own}", component.name());
    names.insert(long.clone(), place.clone());
    if names.contains_key(own) || own.contains(SEPARATOR) {
        return long;
    }
    names.insert(own.to_owned(), place);
    own.to_owned()
}

/// FNV-1a, 64 bits: tells one catalog from another, on every node alike. No protection against anybody who wants two
/// catalogs with one revision; only cursors and caches depend on it.
struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    fn add(&mut self, bytes: &[u8]) {
        // A length before the bytes, so that two texts do not run into one.
        for byte in (bytes.len() as u64).to_le_bytes().iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl Catalog {
    /// What clients of this catalog should look at again when `next` takes its place.
    pub(crate) fn changes_to(&self, next: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        if format!("{:?}", self.tools) != format!("{:?}", next.tools) {
            changes.push(Change::Tools);
        }
        if format!("{:?}", self.prompts) != format!("{:?}", next.prompts) {
            changes.push(Change::Prompts);
        }
        let resources = |catalog: &Self| format!("{:?}{:?}", catalog.resources, catalog.templates);
        if resources(self) != resources(next) {
            changes.push(Change::Resources);
        }
        changes
    }
}
