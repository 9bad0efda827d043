//! Where in a grammar a text may be.

use std::rc::Rc;

use super::grammar::{Grammar, Item};

/// Places that a text may have reached. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Machine {
    grammar: Rc<Grammar>,
    places: Vec<Place>,
}

/// What must still come, the next first; none: the text may end.
type Place = Option<Rc<Node>>;

/// A sequence from an item on, and what comes after it.
#[derive(Debug, PartialEq, Eq)]
struct Node {
    rule: usize,
    alternative: usize,
    item: usize,
    after: Place,
    /// Nodes behind it, itself included.
    depth: usize,
}

/// Places kept at once. Grammars that people write have a few; one made to explode is refused instead of computed.
const MAX_PLACES: usize = 512;
/// Rules within rules: comparing and freeing them takes stack.
const MAX_DEPTH: usize = 1000;
/// Steps of one byte, over all places.
const MAX_STEPS: usize = 100_000;

// === impl Machine ===

impl Machine {
    /// Before the first byte.
    #[must_use]
    pub fn new(grammar: Grammar) -> Self {
        let mut machine = Self { grammar: Rc::new(grammar), places: Vec::new() };
        let mut steps = 0;
        let starts = machine.alternatives(0, &None);
        let mut places = Vec::new();
        machine.settle(starts, &mut places, &mut steps);
        machine.places = places;
        machine
    }

    /// Whether the text may end here.
    #[must_use]
    pub fn may_end(&self) -> bool {
        self.places.iter().any(Option::is_none)
    }

    /// Whether the text must end here.
    #[must_use]
    pub fn must_end(&self) -> bool {
        self.places.iter().all(Option::is_none)
    }

    /// Goes on by some bytes. If they are not allowed, or lead to too many places, it says so and stays.
    #[must_use]
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        match self.after(bytes) {
            Some(places) => {
                self.places = places;
                true
            }
            None => false,
        }
    }

    /// Whether some bytes may come next.
    #[must_use]
    pub fn allows(&self, bytes: &[u8]) -> bool {
        self.after(bytes).is_some()
    }

    fn after(&self, bytes: &[u8]) -> Option<Vec<Place>> {
        let mut places: Option<Vec<Place>> = None;
        for byte in bytes {
            let next = self.step(places.as_ref().unwrap_or(&self.places), *byte)?;
            places = Some(next);
        }
        places
    }

    fn step(&self, places: &[Place], byte: u8) -> Option<Vec<Place>> {
        let mut next = Vec::new();
        let mut steps = 0;
        for node in places.iter().flatten() {
            if matches!(self.item(node), Some(Item::Bytes(from, to)) if (from..=to).contains(&byte)) {
                self.settle(vec![self.beyond(node)], &mut next, &mut steps);
            }
        }
        (!next.is_empty() && next.len() <= MAX_PLACES && steps <= MAX_STEPS).then_some(next)
    }

    /// Follows rules until every place waits for a byte, or is the end.
    fn settle(&self, mut open: Vec<Place>, into: &mut Vec<Place>, steps: &mut usize) {
        while let Some(place) = open.pop() {
            *steps += 1;
            if *steps > MAX_STEPS || into.len() > MAX_PLACES {
                return;
            }
            if place.as_ref().is_some_and(|node| node.depth > MAX_DEPTH) {
                continue;
            }
            let rule = place.as_ref().and_then(|node| match self.item(node) {
                Some(Item::Rule(rule)) => Some((rule, self.beyond(node))),
                _ => None,
            });
            match rule {
                Some((rule, after)) => open.extend(self.alternatives(rule, &after)),
                None if !into.contains(&place) => into.push(place),
                None => {}
            }
        }
    }

    fn alternatives(&self, rule: usize, after: &Place) -> Vec<Place> {
        let count = self.grammar.rules.get(rule).map_or(0, Vec::len);
        (0..count).map(|alternative| self.here(rule, alternative, 0, after)).collect()
    }

    fn beyond(&self, node: &Node) -> Place {
        self.here(node.rule, node.alternative, node.item + 1, &node.after)
    }

    /// The place before an item; behind the last one, what comes after.
    fn here(&self, rule: usize, alternative: usize, item: usize, after: &Place) -> Place {
        let sequence = self.grammar.rules.get(rule)?.get(alternative)?;
        if item >= sequence.len() {
            return after.clone();
        }
        let depth = after.as_ref().map_or(0, |node| node.depth) + 1;
        Some(Rc::new(Node { rule, alternative, item, after: after.clone(), depth }))
    }

    fn item(&self, node: &Node) -> Option<Item> {
        self.grammar.rules.get(node.rule)?.get(node.alternative)?.get(node.item).copied()
    }
}
