//! `read_file`.
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tidegate_sdk::prelude::*;

use crate::paths;

/// Bytes of one answer unless asked for fewer or more, and the most: what a model can use, what an answer can carry.
const DEFAULT_BYTES: u64 = 64 * 1024;
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads a file as text, whole or in parts. A file that is no UTF-8 text is refused unless `binary` is set. Long files:
/// read on with `offset` from `next_offset`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ReadFile {
    /// Absolute path, or relative when only one directory is granted.
    path: String,
    /// Byte to start at. Default: 0.
    #[serde(default)]
    offset: u64,
    /// Bytes at most, 1 to 1048576. Default: 65536.
    #[serde(default)]
    limit: Option<u64>,
    /// Give the bytes as an embedded resource, whatever they are.
    #[serde(default)]
    binary: bool,
}

/// A part of a file.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FilePart {
    /// The path.
    path: String,
    /// The text, unless binary.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The bytes as base64, if binary.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// Size of the whole file in bytes.
    size: u64,
    /// Byte at which the part starts.
    offset: u64,
    /// `offset` of the next part; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<u64>,
}

pub(crate) fn read_file(input: ReadFile, _call: &Call) -> Result<Structured<FilePart>, ToolError> {
    let limit = input.limit.unwrap_or(DEFAULT_BYTES);
    if !(1..=MAX_BYTES).contains(&limit) {
        return Err(ToolError::invalid("limit", format!("must be 1 to {MAX_BYTES}")));
    }
    let path = paths::resolve(&input.path)?;
    let explain = |error| paths::explain(&path, &error);
    let mut file = File::open(&path).map_err(explain)?;
    let metadata = file.metadata().map_err(explain)?;
    if metadata.is_dir() {
        return Err(paths::explain(&path, &std::io::ErrorKind::IsADirectory.into()));
    }
    let size = metadata.len();
    if input.offset > size {
        return Err(ToolError::invalid("offset", format!("is after the end: the file has {size} bytes")));
    }
    file.seek(SeekFrom::Start(input.offset)).map_err(explain)?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(explain)?;
    let shown = path.display().to_string();
    let mut part =
        FilePart { path: shown.clone(), text: None, base64: None, size, offset: input.offset, next_offset: None };
    let more = |length: usize| {
        let next = input.offset.saturating_add(length as u64);
        (next < size && length > 0).then_some(next)
    };
    if input.binary {
        part.next_offset = more(bytes.len());
        part.base64 = Some(STANDARD.encode(&bytes));
        let line = format!("{} of {size} bytes of {shown} from byte {}", bytes.len(), input.offset);
        let blob = Content::embedded_blob(format!("file://{shown}"), "application/octet-stream", bytes);
        return Ok(Structured::new(part).text(line).and(blob));
    }
    let text = whole_characters(bytes, input.offset, size, &shown)?;
    part.next_offset = more(text.len());
    let mut answer = text.clone();
    if let Some(next) = part.next_offset {
        answer.push_str(&format!("\n[{size} bytes in all; read on with offset {next}]"));
    }
    part.text = Some(text);
    Ok(Structured::new(part).text(answer))
}

/// The text, without a character that the limit cut in two.
fn whole_characters(bytes: Vec<u8>, offset: u64, size: u64, path: &str) -> Result<String, ToolError> {
    let at_end = offset.saturating_add(bytes.len() as u64) >= size;
    let error = match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => return Ok(text),
        Ok(_) => return Err(no_text(path, "it has NUL bytes")),
        Err(error) => error,
    };
    let valid = error.utf8_error().valid_up_to();
    // `error_len` is none when the text ends within a character.
    if error.utf8_error().error_len().is_some() || at_end || valid == 0 {
        return Err(no_text(path, &format!("byte {} is no UTF-8", offset.saturating_add(valid as u64))));
    }
    let mut bytes = error.into_bytes();
    bytes.truncate(valid);
    String::from_utf8(bytes).map_err(|_| no_text(path, "it is no UTF-8"))
}

fn no_text(path: &str, why: &str) -> ToolError {
    ToolError::failed(format!("`{path}` is no text: {why}; set `binary` to read its bytes"))
}
