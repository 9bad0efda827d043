//! Where notes stand: one key a note, so that writers of different notes never meet, and `swap` where they might.
use tidegate_sdk::kv::{KvError, Store};
use tidegate_sdk::prelude::*;
use tidegate_sdk::serde_json;

use crate::note::{Note, NoteText};

const PREFIX: &str = "note/";
const NEXT: &str = "next-id";

/// Attempts against other writers; each failed one means that another one succeeded.
const ATTEMPTS: usize = 64;

/// What notes need of a namespace; a test has its own.
pub(crate) trait Shelf {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError>;
    fn swap(&self, key: &str, expected: Option<&[u8]>, value: Option<&[u8]>) -> Result<bool, KvError>;
    fn delete(&self, key: &str) -> Result<bool, KvError>;
    fn scan(&self, after: Option<&str>, limit: u32) -> Result<Vec<(String, Vec<u8>)>, KvError>;

    fn remove(&self, id: u64) -> Result<bool, KvError> {
        self.delete(&key(id))
    }
}

impl Shelf for Store {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        Store::get(self, key)
    }

    fn swap(&self, key: &str, expected: Option<&[u8]>, value: Option<&[u8]>) -> Result<bool, KvError> {
        Store::swap(self, key, expected, value)
    }

    fn delete(&self, key: &str) -> Result<bool, KvError> {
        Store::delete(self, key)
    }

    fn scan(&self, after: Option<&str>, limit: u32) -> Result<Vec<(String, Vec<u8>)>, KvError> {
        let entries = Store::scan(self, PREFIX, after, limit)?;
        Ok(entries.into_iter().map(|entry| (entry.key, entry.value)).collect())
    }
}

/// Padded, so that the order of bytes is the order of ids.
fn key(id: u64) -> String {
    format!("{PREFIX}{id:020}")
}

fn parse(bytes: &[u8]) -> Result<Note, ToolError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ToolError::failed(format!("something else than notes is in this namespace: {error}")))
}

fn contended() -> ToolError {
    ToolError::failed("others write to the notes without a pause; nothing was changed, try again")
}

pub(crate) fn missing(id: u64) -> ToolError {
    ToolError::failed(format!("no note has the id {id}; `list_notes` and `search_notes` tell the ids"))
}

/// Adds a note under the next free id.
pub(crate) fn add(shelf: &impl Shelf, text: NoteText, now: String) -> Result<Note, ToolError> {
    let mut note =
        Note { id: 0, title: String::new(), body: String::new(), tags: Vec::new(), created: now.clone(), updated: now };
    note.write(&text, None)?;
    for _ in 0..ATTEMPTS {
        let present = shelf.get(NEXT)?;
        let next = match &present {
            None => 1,
            Some(bytes) => serde_json::from_slice::<u64>(bytes)?,
        };
        if !shelf.swap(NEXT, present.as_deref(), Some((next + 1).to_string().as_bytes()))? {
            continue;
        }
        note.id = next;
        // The id is ours alone now; only a foreign writer can have put something there.
        if shelf.swap(&key(next), None, Some(&serde_json::to_vec(&note)?))? {
            return Ok(note);
        }
    }
    Err(contended())
}

pub(crate) fn get(shelf: &impl Shelf, id: u64) -> Result<Note, ToolError> {
    parse(&shelf.get(&key(id))?.ok_or_else(|| missing(id))?)
}

/// Changes a note: on what it is when the change is written, not on what it was when it was read.
pub(crate) fn update(
    shelf: &impl Shelf,
    id: u64,
    text: &NoteText,
    append: Option<&str>,
    now: String,
) -> Result<Note, ToolError> {
    for _ in 0..ATTEMPTS {
        let present = shelf.get(&key(id))?.ok_or_else(|| missing(id))?;
        let mut note = parse(&present)?;
        note.write(text, append)?;
        note.updated.clone_from(&now);
        if shelf.swap(&key(id), Some(&present), Some(&serde_json::to_vec(&note)?))? {
            return Ok(note);
        }
    }
    Err(contended())
}

/// Every note after an id, page by page, until `each` says that it is enough.
pub(crate) fn walk(
    shelf: &impl Shelf,
    after: u64,
    call: &Call<'_>,
    mut each: impl FnMut(Note) -> bool,
) -> Result<(), ToolError> {
    const PAGE: u32 = 200;
    let mut after = Some(key(after));
    loop {
        call.check()?;
        let entries = shelf.scan(after.as_deref(), PAGE)?;
        // The host may give fewer than asked for, so only an empty page is the end.
        let Some((last, _)) = entries.last() else { return Ok(()) };
        after = Some(last.clone());
        for (_, value) in &entries {
            if !each(parse(value)?) {
                return Ok(());
            }
        }
    }
}

/// A page of notes.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Page {
    /// Notes without their text.
    pub(crate) notes: Vec<Entry>,
    /// `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_after: Option<u64>,
}

/// A note without its text.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Entry {
    /// Id.
    pub(crate) id: u64,
    /// Title.
    pub(crate) title: String,
    /// Tags.
    pub(crate) tags: Vec<String>,
    /// When it was last changed.
    pub(crate) updated: String,
}

impl Page {
    pub(crate) fn text(&self) -> String {
        let line = |note: &Entry| {
            let tags: String = note.tags.iter().map(|tag| format!(" #{tag}")).collect();
            format!("{}: {}{tags}\n", note.id, note.title)
        };
        let more = self.next_after.map(|after| format!("More with after {after}.\n")).unwrap_or_default();
        match self.notes.is_empty() {
            true => String::from("No notes."),
            false => self.notes.iter().map(line).collect::<String>() + &more,
        }
    }
}

pub(crate) fn list(
    shelf: &impl Shelf,
    tag: Option<&str>,
    after: u64,
    limit: usize,
    call: &Call<'_>,
) -> Result<Page, ToolError> {
    let mut notes = Vec::new();
    let mut next_after = None;
    walk(shelf, after, call, |note| {
        if !note.has_tag(tag) {
            return true;
        }
        if notes.len() == limit {
            next_after = notes.last().map(|entry: &Entry| entry.id);
            return false;
        }
        notes.push(Entry { id: note.id, title: note.title, tags: note.tags, updated: note.updated });
        true
    })?;
    Ok(Page { notes, next_after })
}
