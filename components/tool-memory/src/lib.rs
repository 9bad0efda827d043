//! Notes that outlive a conversation: added, read, changed, listed and searched, in the namespace `notes`.

mod note;
mod search;
mod shelf;

use note::{Note, NoteText};
use shelf::Shelf;
use tidegate_sdk::kv::Store;
use tidegate_sdk::prelude::*;

/// The namespace of the notes.
const NAMESPACE: &str = "notes";

fn open() -> Result<Store, ToolError> {
    Ok(Store::open(NAMESPACE)?)
}

/// Keeps a note for later conversations: a fact, a preference, a decision. Search first whether there is one already, and
/// update that. Gives the note's id.
#[derive(Deserialize, JsonSchema)]
struct AddNote {
    /// One line that says what it is about, up to 200 characters.
    title: String,
    /// The text, up to 64 KiB.
    #[serde(default)]
    body: String,
    /// Up to 16 words to find it by: `project-x`, `preference`.
    #[serde(default)]
    tags: Vec<String>,
}

fn add_note(input: AddNote, _call: &Call) -> Result<Structured<Note>, ToolError> {
    let text = NoteText { title: Some(input.title), body: Some(input.body), tags: Some(input.tags) };
    let note = shelf::add(&open()?, text, note::now())?;
    let line = format!("Added note {}: {}", note.id, note.title);
    Ok(Structured::new(note).text(line))
}

/// Reads one note in full, by its id.
#[derive(Deserialize, JsonSchema)]
struct GetNote {
    /// The note's id, as `add_note`, `list_notes` or `search_notes` gave it.
    id: u64,
}

fn get_note(input: GetNote, _call: &Call) -> Result<Structured<Note>, ToolError> {
    let note = shelf::get(&open()?, input.id)?;
    let text = note.full();
    Ok(Structured::new(note).text(text))
}

/// Changes a note: what is given replaces what was there, what is left out stays.
#[derive(Deserialize, JsonSchema)]
struct UpdateNote {
    /// The note's id.
    id: u64,
    /// The new title.
    #[serde(default)]
    title: Option<String>,
    /// The new text.
    #[serde(default)]
    body: Option<String>,
    /// The new tags, all of them.
    #[serde(default)]
    tags: Option<Vec<String>>,
    /// Text to add at the end of the present one, on a line of its own. Not together with `body`.
    #[serde(default)]
    append: Option<String>,
}

fn update_note(input: UpdateNote, _call: &Call) -> Result<Structured<Note>, ToolError> {
    if input.body.is_some() && input.append.is_some() {
        return Err(ToolError::invalid("append", "give either `body` or `append`"));
    }
    let text = NoteText { title: input.title, body: input.body, tags: input.tags };
    let note = shelf::update(&open()?, input.id, &text, input.append.as_deref(), note::now())?;
    let line = format!("Updated note {}: {}", note.id, note.title);
    Ok(Structured::new(note).text(line))
}

/// Removes a note for good.
#[derive(Deserialize, JsonSchema)]
struct DeleteNote {
    /// The note's id.
    id: u64,
}

fn delete_note(input: DeleteNote, _call: &Call) -> Result<String, ToolError> {
    match open()?.remove(input.id)? {
        true => Ok(format!("Deleted note {}", input.id)),
        false => Err(shelf::missing(input.id)),
    }
}

/// Lists notes without their text, oldest first, in pages.
#[derive(Deserialize, JsonSchema)]
struct ListNotes {
    /// Only notes with this tag.
    #[serde(default)]
    tag: Option<String>,
    /// Only notes with a larger id: the last id of the page before.
    #[serde(default)]
    after: u64,
    /// Notes of a page, 1 to 100. Default: 50.
    #[serde(default)]
    limit: Option<usize>,
}

fn list_notes(input: ListNotes, call: &Call) -> Result<Structured<shelf::Page>, ToolError> {
    let limit = note::limit(input.limit, 50, 100)?;
    let page = shelf::list(&open()?, input.tag.as_deref(), input.after, limit, call)?;
    let text = page.text();
    Ok(Structured::new(page).text(text))
}

/// Finds notes by words in title, tags and text, best first. Use it before you say that you do not know something about
/// the person or the project, and before adding a note.
#[derive(Deserialize, JsonSchema)]
struct SearchNotes {
    /// Words, in any order and case. More words that match rank higher; a word also matches the start of a longer one.
    query: String,
    /// Only notes with this tag.
    #[serde(default)]
    tag: Option<String>,
    /// How many at most, 1 to 50. Default: 10.
    #[serde(default)]
    limit: Option<usize>,
}

fn search_notes(input: SearchNotes, call: &Call) -> Result<Structured<search::Found>, ToolError> {
    let limit = note::limit(input.limit, 10, 50)?;
    let found = search::search(&open()?, &input.query, input.tag.as_deref(), limit, call)?;
    let text = found.text(&input.query);
    Ok(Structured::new(found).text(text))
}

tidegate_sdk::tools! {
    "add_note" => add_note { title: "Add a note", read_only: false, destructive: false, idempotent: false, open_world: false },
    "get_note" => get_note { title: "Read a note", read_only: true, idempotent: true, open_world: false },
    "update_note" => update_note { title: "Change a note", read_only: false, destructive: true, open_world: false },
    "delete_note" => delete_note { title: "Delete a note", read_only: false, destructive: true, idempotent: true, open_world: false },
    "list_notes" => list_notes { title: "List notes", read_only: true, idempotent: true, open_world: false },
    "search_notes" => search_notes { title: "Search notes", read_only: true, idempotent: true, open_world: false },
}

#[cfg(test)]
mod tests;
