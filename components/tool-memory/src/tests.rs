#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use tidegate_sdk::kv::KvError;
use tidegate_sdk::prelude::*;

use crate::note::{Note, NoteText, iso};
use crate::shelf::{self, Shelf};
use crate::{note, search};

/// What the other writer does.
type Rival = fn(&mut BTreeMap<String, Vec<u8>>);

/// A namespace in memory; the first swaps can lose against another writer, who does something.
#[derive(Default)]
struct Memory {
    map: RefCell<BTreeMap<String, Vec<u8>>>,
    lost: Cell<u32>,
    rival: Option<Rival>,
}

impl Shelf for Memory {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.map.borrow().get(key).cloned())
    }

    fn swap(&self, key: &str, expected: Option<&[u8]>, value: Option<&[u8]>) -> Result<bool, KvError> {
        if self.lost.get() > 0 {
            self.lost.set(self.lost.get() - 1);
            if let Some(rival) = self.rival {
                rival(&mut self.map.borrow_mut());
            }
        }
        let mut map = self.map.borrow_mut();
        if map.get(key).map(Vec::as_slice) != expected {
            return Ok(false);
        }
        match value {
            Some(value) => map.insert(key.to_owned(), value.to_vec()),
            None => map.remove(key),
        };
        Ok(true)
    }

    fn delete(&self, key: &str) -> Result<bool, KvError> {
        Ok(self.map.borrow_mut().remove(key).is_some())
    }

    fn scan(&self, after: Option<&str>, limit: u32) -> Result<Vec<(String, Vec<u8>)>, KvError> {
        let map = self.map.borrow();
        let notes =
            map.iter().filter(|(key, _)| key.starts_with("note/") && after.is_none_or(|after| key.as_str() > after));
        Ok(notes.take(limit.min(3) as usize).map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

fn text(title: &str, body: &str, tags: &[&str]) -> NoteText {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    NoteText { title: Some(title.into()), body: Some(body.into()), tags: Some(tags) }
}

fn add(shelf: &Memory, title: &str, body: &str, tags: &[&str]) -> Note {
    shelf::add(shelf, text(title, body, tags), String::from("now")).unwrap()
}

#[test]
fn notes_are_added_read_changed_and_removed() {
    let shelf = Memory::default();
    let first = add(&shelf, " Likes \n tea ", "Green tea.", &["Food", "food", " "]);
    assert_eq!((first.id, first.title.as_str(), first.tags.as_slice()), (1, "Likes tea", &[String::from("food")][..]));
    assert_eq!(add(&shelf, "Other", "", &[]).id, 2);
    let changed = shelf::update(&shelf, 1, &NoteText::default(), Some("No sugar."), String::from("later")).unwrap();
    assert_eq!(
        (changed.body.as_str(), changed.created.as_str(), changed.updated.as_str()),
        ("Green tea.\nNo sugar.", "now", "later")
    );
    assert_eq!(shelf::get(&shelf, 1).unwrap(), changed);
    assert!(shelf.remove(1).unwrap() && !shelf.remove(1).unwrap());
    assert!(shelf::get(&shelf, 1).unwrap_err().to_string().contains("no note has the id 1"));
    assert_eq!(add(&shelf, "Third", "", &[]).id, 3, "ids are not used twice");
}

#[test]
fn another_writer_is_not_overwritten() {
    let shelf = Memory {
        rival: Some(|map| {
            let value = map.get_mut("note/00000000000000000001").unwrap();
            let mut note: Note = tidegate_sdk::serde_json::from_slice(value).unwrap();
            note.body.push_str(" rival");
            *value = tidegate_sdk::serde_json::to_vec(&note).unwrap();
        }),
        ..Memory::default()
    };
    add(&shelf, "A", "mine", &[]);
    shelf.lost.set(2);
    let note = shelf::update(&shelf, 1, &NoteText::default(), Some("more"), String::new()).unwrap();
    assert_eq!(note.body, "mine rival rival\nmore");
    shelf.lost.set(u32::MAX);
    let refused = shelf::update(&shelf, 1, &NoteText::default(), Some("x"), String::new()).unwrap_err();
    assert!(refused.to_string().contains("try again"));
}

#[test]
fn limits_are_held() {
    let shelf = Memory::default();
    for (bad, argument) in [
        (text("", "", &[]), "title"),
        (text(&"x".repeat(201), "", &[]), "title"),
        (text("t", &"x".repeat(65_537), &[]), "body"),
        (text("t", "", &[&"x".repeat(51)]), "tags"),
    ] {
        let refused = shelf::add(&shelf, bad, String::new()).unwrap_err();
        assert!(matches!(&refused, ToolError::Invalid(text) if text.contains(argument)), "{refused}");
    }
    assert!(note::limit(Some(0), 1, 10).is_err() && note::limit(Some(11), 1, 10).is_err());
    assert!(shelf.map.borrow().is_empty(), "nothing is written before it is checked");
}

#[test]
fn lists_come_in_pages() {
    let shelf = Memory::default();
    for n in 0..10 {
        add(&shelf, &format!("note {n}"), "", if n % 2 == 0 { &["even"] } else { &[] });
    }
    let call = Call::detached();
    let page = shelf::list(&shelf, Some("EVEN"), 0, 3, &call).unwrap();
    assert_eq!(page.notes.iter().map(|note| note.id).collect::<Vec<_>>(), [1, 3, 5]);
    let page = shelf::list(&shelf, Some("even"), page.next_after.unwrap(), 3, &call).unwrap();
    assert_eq!((page.notes.len(), page.next_after), (2, None));
}

#[test]
fn search_ranks_what_matters() {
    let shelf = Memory::default();
    add(&shelf, "Shopping", "milk, bread and a long list of other things which mention tea once", &[]);
    add(&shelf, "Tea", "prefers green", &[]);
    add(&shelf, "Straße", "In der ÄUSSEREN Straße wohnt niemand", &["ort"]);
    add(&shelf, "Teapot", "is broken", &[]);
    let find = |query: &str, tag| {
        let found = search::search(&shelf, query, tag, 10, &Call::detached()).unwrap();
        found.notes.iter().map(|hit| hit.id).collect::<Vec<_>>()
    };
    assert_eq!(find("TEA", None)[0], 2, "a title beats a text");
    assert_eq!(find("tea", None).len(), 3, "the start of a word matches");
    assert_eq!(find("äusseren", None), [3], "case folds beyond ASCII");
    assert_eq!(find("bread tea", None)[0], 1, "two words beat one");
    assert_eq!(find("straße", Some("none")), Vec::<u64>::new());
    assert!(search::search(&shelf, " ,.", None, 10, &Call::detached()).is_err());
    let found = search::search(&shelf, "once", None, 10, &Call::detached()).unwrap();
    assert!(found.notes[0].snippet.ends_with("once"), "{}", found.notes[0].snippet);
}

#[test]
fn times_are_iso() {
    assert_eq!(iso(0), "1970-01-01T00:00:00Z");
    assert_eq!(iso(951_827_696), "2000-02-29T12:34:56Z");
    assert_eq!(iso(1_798_761_599), "2026-12-31T23:59:59Z");
}
