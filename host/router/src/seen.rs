//! The catalog as one client sees it.

use std::sync::Arc;

use tidegate_bindings::gateway::tidegate::gateway::calls::{Error, Refusal};
use tidegate_bindings::gateway::tidegate::gateway::catalog::{Overview, PromptEntry, ToolEntry};
use tidegate_bindings::types::content::ResourceEntry;
use tidegate_bindings::types::event::Change;
use tidegate_bindings::types::resources::Template;
use tidegate_grant::{Item, ItemKind, Principal, Use};
use tidegate_supervisor::Component;

use crate::catalog::{Catalog, Place};

/// What of the catalog a principal may use. What it may not is not there: not in lists, not by name.
pub(crate) struct Seen<'a> {
    catalog: &'a Catalog,
    principal: &'a Principal,
}

/// Why a principal does not get at something.
#[derive(Debug)]
pub(crate) enum Unseen {
    /// Nobody would.
    Absent,
    /// This one may not.
    Denied {
        /// The component that has it.
        component: String,
        /// The scopes with which it might; empty: none would help.
        scopes: Vec<String>,
    },
}

type Found<T> = Result<T, Unseen>;

impl<'a> Seen<'a> {
    pub(crate) fn new(catalog: &'a Catalog, principal: &'a Principal) -> Self {
        Self { catalog, principal }
    }

    /// Sizes and revision.
    pub(crate) fn overview(&self) -> Overview {
        let overview = self.catalog.overview();
        if self.principal.may_use_everything() {
            return overview;
        }
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Overview {
            revision: self.catalog.revision_for(self.principal),
            tools: count(self.tools().count()),
            resources: count(self.resources().count()),
            templates: count(self.templates().count()),
            prompts: count(self.prompts().count()),
            completion: overview.completion,
        }
    }

    /// Tools.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &'a ToolEntry> + use<'a, '_> {
        let listed = |name: &str| self.catalog.tool(name).map(|(place, _)| place);
        self.catalog.tools.iter().filter(move |entry| self.shows(ItemKind::Tool, listed(&entry.definition.name)))
    }

    /// Prompts.
    pub(crate) fn prompts(&self) -> impl Iterator<Item = &'a PromptEntry> + use<'a, '_> {
        let listed = |name: &str| self.catalog.prompt(name);
        self.catalog.prompts.iter().filter(move |entry| self.shows(ItemKind::Prompt, listed(&entry.definition.name)))
    }

    /// Resources.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &'a ResourceEntry> + use<'a, '_> {
        self.catalog.resources.iter().filter(move |entry| self.resource(&entry.uri).is_ok())
    }

    /// Resource templates.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &'a Template> + use<'a, '_> {
        self.catalog.templates.iter().filter(move |entry| self.template(&entry.uri_template).is_ok())
    }

    /// A tool by name.
    pub(crate) fn tool(&self, name: &str) -> Found<(&'a Place, &'a ToolEntry)> {
        let found = self.catalog.tool(name).ok_or(Unseen::Absent)?;
        self.check(ItemKind::Tool, &found.0.component, &found.0.name)?;
        Ok(found)
    }

    /// A prompt by name.
    pub(crate) fn prompt(&self, name: &str) -> Found<&'a Place> {
        let found = self.catalog.prompt(name).ok_or(Unseen::Absent)?;
        self.check(ItemKind::Prompt, &found.component, &found.name)?;
        Ok(found)
    }

    /// The component that has a resource.
    pub(crate) fn resource(&self, uri: &str) -> Found<&'a Arc<Component>> {
        let found = self.catalog.resource(uri).ok_or(Unseen::Absent)?;
        self.check(ItemKind::Resource, found, uri)?;
        Ok(found)
    }

    /// The component of a resource template.
    pub(crate) fn template(&self, uri_template: &str) -> Found<&'a Arc<Component>> {
        let found = self.catalog.template(uri_template).ok_or(Unseen::Absent)?;
        self.check(ItemKind::Resource, found, uri_template)?;
        Ok(found)
    }

    /// Whether a change is any of its business.
    pub(crate) fn concerns(&self, change: &Change) -> bool {
        match change {
            Change::Resource(uri) => self.principal.may_use_everything() || self.resource(uri).is_ok(),
            Change::Tools | Change::Prompts | Change::Resources => true,
        }
    }

    fn shows(&self, kind: ItemKind, place: Option<&Place>) -> bool {
        self.principal.may_use_everything()
            || place.is_some_and(|place| self.check(kind, &place.component, &place.name).is_ok())
    }

    fn check(&self, kind: ItemKind, component: &Component, name: &str) -> Found<()> {
        match self.principal.may_use(&Item { kind, component: component.name(), name }) {
            Use::Allowed => Ok(()),
            Use::WithScopes(scopes) => Err(Unseen::Denied { component: component.name().to_owned(), scopes }),
            Use::Denied => Err(Unseen::Denied { component: component.name().to_owned(), scopes: Vec::new() }),
        }
    }
}

impl Unseen {
    /// What the client is told. What no scope would give it is not there for it, so that nobody finds out by asking what
    /// others may use.
    pub(crate) fn error(self, target: &str, principal: &Principal) -> Error {
        match self {
            Self::Denied { scopes, .. } if !scopes.is_empty() => Error::Forbidden(Refusal {
                reason: format!("`{target}` takes a token with the scopes `{}`", scopes.join(" ")),
                challenge: principal.challenge().map(|challenge| challenge.insufficient(&scopes)),
                scopes,
            }),
            Self::Absent | Self::Denied { .. } => Error::NotFound(target.to_owned()),
        }
    }
}
