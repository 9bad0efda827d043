//! `GET /v1/models`: which models there are.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{ApiError, Names};
use crate::models::{Failure, Models, Summary};
use crate::shapes::to_json;

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    /// Nobody says when a model was made.
    created: u64,
    owned_by: &'static str,
    /// Ours: what the signed manifest says, and the state of the node.
    tidegate: Own<'a>,
}

#[derive(Serialize)]
struct Own<'a> {
    version: &'a str,
    format: &'a str,
    variant: &'a str,
    size: u64,
    description: Option<&'a str>,
    licence: Option<&'a str>,
    labels: BTreeMap<&'a str, &'a str>,
    loaded: bool,
}

/// All of them.
pub(crate) fn all<M: Models>(models: &M) -> String {
    let list = models.list();
    to_json(&List { object: "list", data: list.iter().map(model).collect() })
}

/// One of them.
pub(crate) fn one<M: Models>(models: &M, name: &str) -> Result<String, ApiError> {
    let list = models.list();
    let found = list.iter().find(|summary| summary.name == name);
    let unknown = || ApiError::of(&Failure::NotFound(String::new()), name, Names { input: "model" });
    found.map(|summary| to_json(&model(summary))).ok_or_else(unknown)
}

fn model(summary: &Summary) -> Model<'_> {
    Model {
        id: &summary.name,
        object: "model",
        created: 0,
        owned_by: "tidegate",
        tidegate: Own {
            version: &summary.version,
            format: &summary.format,
            variant: &summary.variant,
            size: summary.size,
            description: summary.description.as_deref(),
            licence: summary.licence.as_deref(),
            labels: summary.labels.iter().map(|(key, label)| (key.as_str(), label.as_str())).collect(),
            loaded: summary.loaded,
        },
    }
}
