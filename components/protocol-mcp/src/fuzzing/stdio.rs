//! A byte stream: the input is what the client writes. Bytes 0xFE cut it into reads, 0xFF into reads with a change of
//! the catalog before them; both can be in no message.

use std::collections::BTreeMap;

use super::wire::{Kind, kind, parts, said};
use super::world::world;
use crate::bindings::tidegate::types::event::Change;
use crate::gateway::Gateway;
use crate::stdio::{Conversation, Line, Lines};

/// How many of what came in and went out.
#[derive(Default)]
struct Books {
    /// Requests by id.
    requests: BTreeMap<String, usize>,
    /// Lines that are no message.
    nothings: usize,
    /// Batches, which may be refused as a whole.
    batches: usize,
    /// Cancellations, which may silence a request.
    cancels: usize,
    answers: BTreeMap<String, usize>,
    complaints: usize,
}

/// Runs one input.
///
/// # Panics
/// When something does not hold.
pub fn run(data: &[u8]) {
    let world = world();
    let mut conversation = Conversation::new(&world);
    let mut lines = Lines::default();
    let mut books = Books::default();
    for read in data.split_inclusive(|byte| *byte >= 0xFE) {
        let (bytes, cut) = match read.split_last() {
            Some((last, bytes)) if *last >= 0xFE => (bytes, *last),
            _ => (read, 0),
        };
        for line in lines.push(bytes) {
            take(&mut conversation, &line, &mut books);
        }
        if cut == 0xFF {
            world.changes.borrow_mut().extend([Change::Tools, Change::Resource("demo://a".into())]);
        }
        step(&mut conversation, &mut books);
    }
    if let Some(line) = lines.end() {
        take(&mut conversation, &line, &mut books);
    }
    conversation.end_of_input();
    step(&mut conversation, &mut books);
    let mut waits = 0;
    while !conversation.is_idle() {
        world.expire();
        step(&mut conversation, &mut books);
        waits += 1;
        assert!(waits < 100, "it does not end");
    }
    books.close();
}

fn take<G: Gateway>(conversation: &mut Conversation<'_, G>, line: &Line, books: &mut Books) {
    match line {
        Line::TooLong => books.nothings += 1,
        Line::Whole(bytes) => match kind(bytes) {
            Kind::Batch => {
                books.batches += 1;
                parts(bytes).iter().for_each(|part| books.note(part));
            }
            _ => books.note(bytes),
        },
    }
    conversation.line(line);
    step(conversation, books);
}

fn step<G: Gateway>(conversation: &mut Conversation<'_, G>, books: &mut Books) {
    conversation.turn();
    for text in conversation.take() {
        assert!(!text.contains(['\n', '\r']), "a line break in {text:?}");
        if text.starts_with('[') {
            let parts = parts(text.as_bytes());
            assert!(!parts.is_empty(), "an empty batch");
            parts.iter().for_each(|part| books.answer(std::str::from_utf8(part).unwrap()));
        } else {
            books.answer(&text);
        }
    }
}

impl Books {
    fn note(&mut self, message: &[u8]) {
        match kind(message) {
            Kind::Request(id) => *self.requests.entry(id).or_default() += 1,
            Kind::Nothing | Kind::Batch => self.nothings += 1,
            Kind::Notification if message.windows(9).any(|word| word == b"cancelled" || word.contains(&b'\\')) => {
                self.cancels += 1;
            }
            Kind::Notification | Kind::Response => {}
        }
    }

    fn answer(&mut self, text: &str) {
        let said = said(text);
        if !said.is_answer() {
            return;
        }
        match said.id.flatten() {
            Some(id) => *self.answers.entry(id).or_default() += 1,
            None => self.complaints += 1,
        }
    }

    /// Nothing is left over on either side.
    fn close(self) {
        let mut missing = 0;
        for (id, count) in &self.requests {
            let answers = self.answers.get(id).copied().unwrap_or_default();
            missing += count.saturating_sub(answers);
        }
        // A batch that is refused as a whole is answered once, whatever is in it.
        if self.batches == 0 {
            assert!(missing <= self.cancels, "{missing} without an answer: {:?} {:?}", self.requests, self.answers);
        }
        for (id, count) in &self.answers {
            let asked = self.requests.get(id).copied().unwrap_or_default();
            // An error may carry the id of what is no request.
            assert!(*count <= asked + self.nothings, "`{id}` is answered {count} times, asked {asked} times");
        }
        assert!(self.complaints <= self.nothings + self.batches, "{} complaints without a reason", self.complaints);
    }
}
