//! Rules.

/// A grammar whose first rule is the whole text.
#[derive(Debug, Clone, PartialEq)]
pub struct Grammar {
    pub(super) rules: Vec<Rule>,
}

/// Alternatives; each a sequence.
pub(super) type Rule = Vec<Vec<Item>>;

/// An item of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// A byte from the first to the second, both included.
    Bytes(u8, u8),
    /// What a rule says.
    Rule(usize),
}

/// Why a constraint is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrammarError {
    /// The text is not the notation's.
    #[error("{0}")]
    Syntax(String),
    /// A part of JSON Schema that would have to hold and is not supported.
    #[error("schema keyword `{0}` is not supported for generating")]
    Keyword(String),
    /// Too large.
    #[error("the constraint is too large: at most {MAX_ITEMS} items")]
    TooLarge,
    /// A rule that begins with itself.
    #[error("a rule begins with itself")]
    LeftRecursive,
}

/// Items of all rules: what a repetition of a large part would otherwise fill memory with.
pub(super) const MAX_ITEMS: usize = 100_000;

/// Grammars in the making.
#[derive(Debug, Default)]
pub(super) struct Builder {
    rules: Vec<Rule>,
    items: usize,
}

// === impl Builder ===

impl Builder {
    /// A rule that is defined later.
    pub(super) fn declare(&mut self) -> Result<usize, GrammarError> {
        self.count(1)?;
        self.rules.push(Vec::new());
        Ok(self.rules.len() - 1)
    }

    /// Adds an alternative.
    pub(super) fn add(&mut self, rule: usize, sequence: Vec<Item>) -> Result<(), GrammarError> {
        self.count(sequence.len() + 1)?;
        if let Some(rule) = self.rules.get_mut(rule) {
            rule.push(sequence);
        }
        Ok(())
    }

    /// A rule with these alternatives.
    pub(super) fn rule(&mut self, alternatives: Vec<Vec<Item>>) -> Result<Item, GrammarError> {
        let rule = self.declare()?;
        for alternative in alternatives {
            self.add(rule, alternative)?;
        }
        Ok(Item::Rule(rule))
    }

    /// `item`, from `least` to `most` times; without `most`, as often as one wants.
    pub(super) fn repeat(&mut self, item: Item, least: usize, most: Option<usize>) -> Result<Vec<Item>, GrammarError> {
        self.count(least)?;
        let mut sequence = vec![item; least];
        match most {
            None => {
                let again = self.declare()?;
                self.add(again, vec![item, Item::Rule(again)])?;
                self.add(again, Vec::new())?;
                sequence.push(Item::Rule(again));
            }
            Some(most) => {
                // One more, and then perhaps one more, and so on: the innermost is made first.
                let mut more: Option<Item> = None;
                for _ in least..most {
                    let one = [item].into_iter().chain(more).collect();
                    more = Some(self.rule(vec![one, Vec::new()])?);
                }
                sequence.extend(more);
            }
        }
        Ok(sequence)
    }

    /// The characters in any of the ranges.
    pub(super) fn characters(&mut self, ranges: &[(char, char)]) -> Result<Item, GrammarError> {
        let mut alternatives = Vec::new();
        for &(from, to) in ranges {
            byte_ranges(u32::from(from), u32::from(to), &mut alternatives);
        }
        match alternatives.as_slice() {
            [one] if one.len() == 1 => one.first().copied().map_or_else(|| self.rule(Vec::new()), Ok),
            _ => self.rule(alternatives),
        }
    }

    /// The finished grammar.
    pub(super) fn finish(self) -> Result<Grammar, GrammarError> {
        let grammar = Grammar { rules: self.rules };
        if grammar.left_recursive() { Err(GrammarError::LeftRecursive) } else { Ok(grammar) }
    }

    fn count(&mut self, items: usize) -> Result<(), GrammarError> {
        self.items = self.items.saturating_add(items);
        if self.items > MAX_ITEMS { Err(GrammarError::TooLarge) } else { Ok(()) }
    }
}

/// The bytes of a text, one after the other.
pub(super) fn literal(text: &str) -> Vec<Item> {
    text.bytes().map(|byte| Item::Bytes(byte, byte)).collect()
}

/// Ranges of code points as sequences of ranges of the bytes that encode them.
fn byte_ranges(from: u32, to: u32, into: &mut Vec<Vec<Item>>) {
    if from > to {
        return;
    }
    // Encodings of different lengths apart, and no surrogates.
    for (first, last) in [(0, 0x7f), (0x80, 0x7ff), (0x800, 0xd7ff), (0xe000, 0xffff), (0x1_0000, 0x10_ffff)] {
        let (from, to) = (from.max(first), to.min(last));
        if from <= to {
            same_length(from, to, into);
        }
    }
}

/// The same where all encodings are equally long.
fn same_length(from: u32, to: u32, into: &mut Vec<Vec<Item>>) {
    // Where the upper bits differ, the lower ones must go from nothing to all: otherwise the range is cut there.
    for bits in [18, 12, 6] {
        let low = (1_u32 << bits) - 1;
        if from & !low != to & !low {
            if from & low != 0 {
                same_length(from, from | low, into);
                return same_length((from | low) + 1, to, into);
            }
            if to & low != low {
                same_length(from, (to & !low) - 1, into);
                return same_length(to & !low, to, into);
            }
        }
    }
    let encode = |point: u32| char::from_u32(point).map(|letter| letter.to_string().into_bytes()).unwrap_or_default();
    into.push(encode(from).into_iter().zip(encode(to)).map(|(from, to)| Item::Bytes(from, to)).collect());
}

// === impl Grammar ===

impl Grammar {
    /// Whether a rule can begin with itself: the machine would not come to an end.
    fn left_recursive(&self) -> bool {
        let mut empty = vec![false; self.rules.len()];
        loop {
            let mut changed = false;
            for (at, rule) in self.rules.iter().enumerate() {
                let now = rule.iter().any(|sequence| sequence.iter().all(|item| can_be_empty(*item, &empty)));
                if let Some(known) = empty.get_mut(at).filter(|known| **known != now) {
                    *known = now;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        self.circles(&empty)
    }

    /// Takes away rules that begin with none, again and again: those that are left begin with each other in circles.
    fn circles(&self, empty: &[bool]) -> bool {
        let begins: Vec<Vec<usize>> = self.rules.iter().map(|rule| begins(rule, empty)).collect();
        let mut waits: Vec<usize> = begins.iter().map(Vec::len).collect();
        let mut users: Vec<Vec<usize>> = vec![Vec::new(); self.rules.len()];
        for (rule, begins) in begins.iter().enumerate() {
            for begin in begins {
                users.get_mut(*begin).into_iter().for_each(|users| users.push(rule));
            }
        }
        let mut done: Vec<usize> =
            waits.iter().enumerate().filter(|(_, waits)| **waits == 0).map(|(rule, _)| rule).collect();
        let mut finished = 0;
        while let Some(rule) = done.pop() {
            finished += 1;
            for user in users.get(rule).into_iter().flatten() {
                if let Some(waits) = waits.get_mut(*user) {
                    *waits -= 1;
                    if *waits == 0 {
                        done.push(*user);
                    }
                }
            }
        }
        finished < self.rules.len()
    }
}

/// Rules that a rule can begin with.
fn begins(rule: &Rule, empty: &[bool]) -> Vec<usize> {
    let mut found = Vec::new();
    for sequence in rule {
        for item in sequence {
            if let Item::Rule(rule) = item {
                found.push(*rule);
            }
            if !can_be_empty(*item, empty) {
                break;
            }
        }
    }
    found
}

fn can_be_empty(item: Item, empty: &[bool]) -> bool {
    matches!(item, Item::Rule(rule) if empty.get(rule).copied().unwrap_or(false))
}
