//! `write_file`.
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tidegate_sdk::prelude::*;

use crate::paths;

/// Writes a file: replaces it as a whole (readers see the old or the new one, never a part), or appends.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct WriteFile {
    /// Absolute path, or relative when only one directory is granted.
    path: String,
    /// The text, or base64 when `base64` is set.
    content: String,
    /// How to write. Default: `replace`.
    #[serde(default)]
    mode: Mode,
    /// Make missing directories above it.
    #[serde(default)]
    create_directories: bool,
    /// `content` is base64 of the bytes to write.
    #[serde(default)]
    base64: bool,
}

/// How to write.
#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Replace what is there, or make it.
    #[default]
    Replace,
    /// Make it; fail if something is there.
    Create,
    /// Add at the end, or make it.
    Append,
}

/// What was written.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Written {
    /// The path.
    path: String,
    /// Bytes written.
    bytes: usize,
    /// Something was there before.
    existed: bool,
}

pub(crate) fn write_file(input: WriteFile, call: &Call) -> Result<Structured<Written>, ToolError> {
    let path = paths::resolve(&input.path)?;
    let bytes = match input.base64 {
        true => STANDARD.decode(&input.content).map_err(|error| ToolError::invalid("content", error))?,
        false => input.content.into_bytes(),
    };
    let explain = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            ToolError::failed(format!("`{}` exists; `mode` `replace` replaces it, `append` adds to it", path.display()))
        }
        _ => paths::explain(&path, &error),
    };
    let existed = match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_dir() => return Err(explain(std::io::ErrorKind::IsADirectory.into())),
        Ok(_) => true,
        Err(_) => false,
    };
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        if !input.create_directories {
            let shown = parent.display();
            let text = format!("directory `{shown}` does not exist; set `create_directories`; {}", paths::granted());
            return Err(ToolError::failed(text));
        }
        fs::create_dir_all(parent).map_err(explain)?;
    }
    call.check()?;
    match input.mode {
        Mode::Append => {
            OpenOptions::new().append(true).create(true).open(&path).and_then(|mut file| file.write_all(&bytes))
        }
        Mode::Create => {
            OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| file.write_all(&bytes))
        }
        Mode::Replace => replace(&path, &bytes),
    }
    .map_err(explain)?;
    let shown = path.display().to_string();
    let text = format!("Wrote {} bytes to {shown}", bytes.len());
    Ok(Structured::new(Written { path: shown, bytes: bytes.len(), existed }).text(text))
}

/// Writes beside the file and renames, so that a crash leaves the old file or the new one.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unique = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let temporary = path.with_file_name(format!(".{name}.{unique}.tmp"));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error says what is wrong.
        let _ = fs::remove_file(&temporary);
    }
    written
}
