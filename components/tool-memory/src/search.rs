//! Ranked search: Okapi BM25 (Robertson and Zaragoza, 2009) over words, with fields weighted by repetition.
//!
//! It reads every note: thousands are a few milliseconds, and no index can be stale.
use std::collections::HashMap;

use tidegate_sdk::prelude::*;

use crate::note::Note;
use crate::shelf::{Shelf, walk};

/// How soon further occurrences of a word stop to matter, and how much long texts are held back: the usual values.
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// A word of the title counts as three, of a tag as two.
const TITLE_WEIGHT: f64 = 3.0;
const TAG_WEIGHT: f64 = 2.0;

/// The start of a longer word counts less than the word.
const PREFIX_WEIGHT: f64 = 0.5;

/// Characters of the text shown around the first hit.
const SNIPPET: usize = 160;

/// Notes found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Found {
    /// Best first.
    pub(crate) notes: Vec<Hit>,
    /// How many match in all.
    pub(crate) total: usize,
}

/// A note found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Hit {
    /// Id.
    pub(crate) id: u64,
    /// Title.
    pub(crate) title: String,
    /// Tags.
    pub(crate) tags: Vec<String>,
    /// Text around the first word found.
    pub(crate) snippet: String,
    /// Rank, comparable within one answer only.
    pub(crate) score: f64,
}

impl Found {
    pub(crate) fn text(&self, query: &str) -> String {
        let line = |hit: &Hit| format!("{}: {}\n   {}\n", hit.id, hit.title, hit.snippet);
        match self.notes.is_empty() {
            true => format!("No note matches `{query}`."),
            false => self.notes.iter().map(line).collect(),
        }
    }
}

/// Words in lower case: runs of letters and digits of any script.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// A note with how often (weighted) each word of the query is in it.
struct Candidate {
    note: Note,
    counts: Vec<f64>,
    length: f64,
}

impl Candidate {
    fn new(note: Note, query: &[String]) -> Self {
        let tags = note.tags.join(" ");
        let fields = [(note.title.as_str(), TITLE_WEIGHT), (tags.as_str(), TAG_WEIGHT), (note.body.as_str(), 1.0)];
        let mut counts = vec![0.0; query.len()];
        let mut length = 0.0;
        for (text, weight) in fields {
            for word in words(text) {
                length += weight;
                for (count, wanted) in counts.iter_mut().zip(query) {
                    if word == *wanted {
                        *count += weight;
                    } else if word.starts_with(wanted.as_str()) {
                        *count += weight * PREFIX_WEIGHT;
                    }
                }
            }
        }
        Self { note, counts, length }
    }
}

pub(crate) fn search(
    shelf: &impl Shelf,
    query: &str,
    tag: Option<&str>,
    limit: usize,
    call: &Call<'_>,
) -> Result<Found, ToolError> {
    let mut query = words(query);
    query.sort();
    query.dedup();
    if query.is_empty() {
        return Err(ToolError::invalid("query", "has no words"));
    }
    let mut candidates = Vec::new();
    let (mut notes, mut length) = (0.0, 0.0);
    walk(shelf, 0, call, |note| {
        if note.has_tag(tag) {
            let candidate = Candidate::new(note, &query);
            notes += 1.0;
            length += candidate.length;
            // Notes without a hit are counted, not kept.
            if candidate.counts.iter().any(|count| *count > 0.0) {
                candidates.push(candidate);
            }
        }
        true
    })?;
    let mean = if notes > 0.0 { length / notes } else { 1.0 };
    let mut matching: HashMap<usize, f64> = HashMap::new();
    for candidate in &candidates {
        for (index, _) in candidate.counts.iter().enumerate().filter(|(_, count)| **count > 0.0) {
            *matching.entry(index).or_default() += 1.0;
        }
    }
    let mut hits: Vec<Hit> = candidates
        .into_iter()
        .map(|candidate| {
            let score = score(&candidate, &matching, notes, mean);
            hit(candidate.note, &query, score)
        })
        .collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| b.id.cmp(&a.id)));
    let total = hits.len();
    hits.truncate(limit);
    Ok(Found { notes: hits, total })
}

fn score(candidate: &Candidate, matching: &HashMap<usize, f64>, notes: f64, mean: f64) -> f64 {
    let norm = K1 * (1.0 - B + B * candidate.length / mean);
    candidate
        .counts
        .iter()
        .enumerate()
        .map(|(index, count)| {
            let with = matching.get(&index).copied().unwrap_or_default();
            let rarity = ((notes - with + 0.5) / (with + 0.5) + 1.0).ln();
            rarity * count * (K1 + 1.0) / (count + norm)
        })
        .sum()
}

fn hit(note: Note, query: &[String], score: f64) -> Hit {
    let chars: Vec<char> = note.body.chars().collect();
    // Lower case may be longer than the original, so the place is found word by word in the original.
    let mut start = 0;
    let mut offset = 0;
    for word in note.body.split_inclusive(|c: char| !c.is_alphanumeric()) {
        if query.iter().any(|wanted| word.to_lowercase().starts_with(wanted.as_str())) {
            start = offset;
            break;
        }
        offset += word.chars().count();
    }
    let from = start.saturating_sub(SNIPPET / 4);
    let cut: String = chars.iter().skip(from).take(SNIPPET).collect();
    let flat = cut.split_whitespace().collect::<Vec<_>>().join(" ");
    let before = if from > 0 { "…" } else { "" };
    let after = if from + SNIPPET < chars.len() { "…" } else { "" };
    let snippet = format!("{before}{flat}{after}");
    Hit { id: note.id, title: note.title, tags: note.tags, snippet, score: (score * 1000.0).round() / 1000.0 }
}
