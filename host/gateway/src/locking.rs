//! What a person approved, held against what is about to serve.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::{Value, json};
use tidegate_attestation::Signer;
use tidegate_bindings::types::tools::{Annotations, TaskSupport, Tool};
use tidegate_grant::Grant;
use tidegate_lock::{
    CanonicalError, Lock, LockError, Locked, LockedTool, MAX_LOCK_BYTES, definition_hash, differences,
};
use tidegate_supervisor::{Component, Definitions};

use crate::admit::signer_name;

/// A lock cannot be used, or a component differs from it.
#[derive(Debug, thiserror::Error)]
pub enum LockingError {
    /// There is none.
    #[error("there is no lock `{}`: make one with `tidegate lock`, and read what it approves", .0.display())]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("cannot read the lock `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is none.
    #[error("`{}`", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        source: LockError,
    },
    /// A tool that cannot be pinned.
    #[error("the tool `{tool}` cannot be locked")]
    Tool {
        /// Its name.
        tool: String,
        /// Why.
        source: CanonicalError,
    },
    /// It is not what was approved.
    #[error(
        "it is not what the lock approves; read the differences, then `tidegate update` or `tidegate lock --approve`\n{0}"
    )]
    Differs(String),
}

/// Reads a lock.
///
/// # Errors
/// There is none, or it is none.
pub fn read_lock(path: &Path) -> Result<Lock, LockingError> {
    let bytes = match fs::metadata(path) {
        Ok(found) if found.len() > u64::try_from(MAX_LOCK_BYTES).unwrap_or(u64::MAX) => {
            let source = LockError::TooBig(usize::try_from(found.len()).unwrap_or(usize::MAX));
            return Err(LockingError::Lock { path: path.to_owned(), source });
        }
        Ok(_) => fs::read_to_string(path),
        Err(error) => Err(error),
    };
    let text = bytes.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => LockingError::Missing(path.to_owned()),
        _ => LockingError::Read { path: path.to_owned(), source },
    })?;
    Lock::parse(&text).map_err(|source| LockingError::Lock { path: path.to_owned(), source })
}

/// What a lock says of a component as it is now.
pub(crate) fn locked(component: &Component) -> Result<Locked, LockingError> {
    let reference = component.reference();
    Ok(Locked {
        name: reference.name.clone(),
        version: reference.version.clone(),
        digest: *component.digest(),
        signer: signer_name(component.signer()).to_owned(),
        proof: Signer::proof(component.signer()).unwrap_or_default(),
        imports: component.imports().iter().map(|import| import.name.clone()).collect(),
        exports: component.export_names().to_vec(),
        grants: grants(component.grant()),
        tools: tools(&component.definitions())?,
    })
}

/// Why a component is not what `lock` approves, if it is not.
pub(crate) fn check(component: &Component, lock: &Lock) -> Result<(), LockingError> {
    let now = locked(component)?;
    let name = now.name.to_string();
    let only = |locked: Option<Locked>| Lock::new(locked.into_iter().collect());
    let lists = only(lock.get(&name).cloned()).and_then(|before| Ok((before, only(Some(now))?)));
    let (before, after) = lists.map_err(|source| LockingError::Lock { path: PathBuf::new(), source })?;
    match differences(&before, &after).first() {
        None => Ok(()),
        Some(changed) => Err(LockingError::Differs(changed.to_string())),
    }
}

/// What a lock says of a model.
#[cfg(feature = "models")]
pub(crate) fn locked_model(model: &tidegate_attestation::VerifiedModel) -> Locked {
    let reference = model.reference();
    Locked {
        name: reference.name,
        version: reference.version,
        digest: model.digest(),
        signer: signer_name(model.signer()).to_owned(),
        proof: Signer::proof(model.signer()).unwrap_or_default(),
        imports: Vec::new(),
        exports: Vec::new(),
        grants: Vec::new(),
        tools: Vec::new(),
    }
}

/// Why a model is not what `lock` approves, if it is not.
#[cfg(feature = "models")]
pub(crate) fn check_model(model: &tidegate_attestation::VerifiedModel, lock: &Lock) -> Result<(), LockingError> {
    let now = locked_model(model);
    let only = |locked: Option<Locked>| Lock::default().with_models(locked.into_iter().collect());
    let lists = only(lock.model(now.name.as_str()).cloned()).and_then(|before| Ok((before, only(Some(now.clone()))?)));
    let (before, after) = lists.map_err(|source| LockingError::Lock { path: PathBuf::new(), source })?;
    match differences(&before, &after).first() {
        None => Ok(()),
        Some(changed) => Err(LockingError::Differs(changed.to_string())),
    }
}

/// Whether definitions that a running component changed are those that were approved.
pub(crate) fn check_definitions(approved: &[LockedTool], definitions: &Definitions) -> Result<(), String> {
    let mut now = tools(definitions).map_err(|error| crate::host::chain(&error))?;
    now.sort_by(|one, other| one.name.cmp(&other.name));
    if now == approved { Ok(()) } else { Err("its tools are not those that the lock approves".to_owned()) }
}

fn grants(grant: &Grant) -> Vec<String> {
    grant.lines().into_iter().map(|line| format!("{}: {}", line.key, line.what)).collect()
}

fn tools(definitions: &Definitions) -> Result<Vec<LockedTool>, LockingError> {
    let tool = |tool: &Tool| {
        let hashed = definition_hash(&tool.input_schema, tool.output_schema.as_deref(), rest(tool));
        let schema = hashed.map_err(|source| LockingError::Tool { tool: tool.name.clone(), source })?;
        Ok(LockedTool { name: tool.name.clone(), description: tool.description.clone(), schema })
    };
    definitions.tools.iter().map(tool).collect()
}

/// What clients are told about a tool beside its name, its description and its schemas.
fn rest(tool: &Tool) -> Value {
    let hints = tool.annotations.as_ref().map(|hints: &Annotations| {
        json!({
            "title": hints.title,
            "read-only": hints.read_only,
            "destructive": hints.destructive,
            "idempotent": hints.idempotent,
            "open-world": hints.open_world,
        })
    });
    let icons = tool
        .icons
        .iter()
        .map(|icon| json!({ "src": icon.src, "mime-type": icon.mime_type, "sizes": icon.sizes, "theme": icon.theme }));
    let task = match tool.task {
        TaskSupport::Forbidden => "forbidden",
        TaskSupport::Optional => "optional",
        TaskSupport::Required => "required",
    };
    json!({
        "title": tool.title,
        "hints": hints,
        "icons": icons.collect::<Vec<_>>(),
        "task": task,
        "meta": tool.meta,
    })
}
