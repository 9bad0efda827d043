//! Grammars in the notation of GGML: <https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md>.

use std::collections::HashMap;

use super::grammar::{Builder, Grammar, GrammarError, Item, literal};

/// Parentheses within parentheses.
const MAX_DEPTH: usize = 64;
/// Most times that something may be repeated by number.
const MAX_TIMES: usize = 1000;

struct Reader<'a> {
    rest: &'a str,
    whole: &'a str,
    builder: Builder,
    names: HashMap<String, usize>,
    defined: Vec<usize>,
}

impl Grammar {
    /// Reads a grammar; its rule `root` is the whole text.
    ///
    /// # Errors
    ///
    /// If it is not the notation's, names a rule that is not there, or is too large.
    pub fn gbnf(text: &str) -> Result<Self, GrammarError> {
        let mut reader =
            Reader { rest: text, whole: text, builder: Builder::default(), names: HashMap::new(), defined: Vec::new() };
        // The first rule is the whole text's.
        reader.named("root")?;
        loop {
            reader.blanks(true);
            if reader.rest.is_empty() {
                break;
            }
            reader.definition()?;
        }
        let missing = reader.names.iter().find(|(_, rule)| !reader.defined.contains(rule));
        if let Some((name, _)) = missing {
            return Err(GrammarError::Syntax(format!("rule `{name}` is not defined")));
        }
        reader.builder.finish()
    }
}

// === impl Reader ===

impl Reader<'_> {
    fn definition(&mut self) -> Result<(), GrammarError> {
        let name = self.name()?;
        self.blanks(false);
        if !self.eat("::=") {
            return Err(self.wrong("`::=` is expected"));
        }
        let rule = self.named(&name)?;
        if self.defined.contains(&rule) {
            return Err(self.wrong(&format!("rule `{name}` is there twice")));
        }
        self.defined.push(rule);
        self.alternatives(rule, 0)
    }

    fn alternatives(&mut self, rule: usize, depth: usize) -> Result<(), GrammarError> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("too many parentheses within parentheses"));
        }
        loop {
            self.blanks(true);
            let sequence = self.sequence(depth)?;
            self.builder.add(rule, sequence)?;
            self.blanks(depth > 0);
            // On the next line too, a bar goes on.
            let before = self.rest;
            self.blanks(true);
            if !self.eat("|") {
                self.rest = before;
                return Ok(());
            }
        }
    }

    fn sequence(&mut self, depth: usize) -> Result<Vec<Item>, GrammarError> {
        let mut sequence: Vec<Item> = Vec::new();
        loop {
            self.blanks(depth > 0);
            let part = match self.rest.chars().next() {
                Some('"') => self.quoted()?,
                Some('[') => vec![self.class()?],
                Some('.') => {
                    self.eat(".");
                    vec![self.builder.characters(&[('\0', char::MAX)])?]
                }
                Some('(') => {
                    self.eat("(");
                    let rule = self.builder.declare()?;
                    self.alternatives(rule, depth + 1)?;
                    self.blanks(true);
                    if !self.eat(")") {
                        return Err(self.wrong("`)` is expected"));
                    }
                    vec![Item::Rule(rule)]
                }
                Some(letter) if letter.is_ascii_alphanumeric() => {
                    let name = self.name()?;
                    vec![Item::Rule(self.named(&name)?)]
                }
                _ => return Ok(sequence),
            };
            let part = self.times(part)?;
            sequence.extend(part);
        }
    }

    /// What follows an item and says how often it comes.
    fn times(&mut self, part: Vec<Item>) -> Result<Vec<Item>, GrammarError> {
        let before = self.rest;
        self.blanks(false);
        let (least, most) = match self.rest.chars().next() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                self.eat("{");
                let least = self.number()?;
                let most = if self.eat(",") {
                    if self.rest.starts_with('}') { None } else { Some(self.number()?) }
                } else {
                    Some(least)
                };
                if !self.rest.starts_with('}') || most.is_some_and(|most| most < least) {
                    return Err(self.wrong("`{least,most}` is expected"));
                }
                (least, most)
            }
            _ => {
                self.rest = before;
                return Ok(part);
            }
        };
        self.rest = self.rest.get(1..).unwrap_or_default();
        let item = match part.as_slice() {
            [item] => *item,
            _ => self.builder.rule(vec![part])?,
        };
        self.builder.repeat(item, least, most)
    }

    fn number(&mut self) -> Result<usize, GrammarError> {
        let digits = self.rest.len() - self.rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let (number, rest) = self.rest.split_at(digits);
        let number = number.parse().ok().filter(|number| *number <= MAX_TIMES);
        self.rest = rest;
        number.ok_or_else(|| self.wrong("a number up to 1000 is expected"))
    }

    fn quoted(&mut self) -> Result<Vec<Item>, GrammarError> {
        self.eat("\"");
        let mut text = String::new();
        while !self.eat("\"") {
            text.push(self.letter()?);
        }
        Ok(literal(&text))
    }

    fn class(&mut self) -> Result<Item, GrammarError> {
        self.eat("[");
        let not = self.eat("^");
        let mut ranges = Vec::new();
        while !self.eat("]") {
            let from = self.letter()?;
            let to = if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.eat("-");
                self.letter()?
            } else {
                from
            };
            if to < from {
                return Err(self.wrong("a range ends before it begins"));
            }
            ranges.push((from, to));
        }
        let ranges = if not { others(ranges) } else { ranges };
        self.builder.characters(&ranges)
    }

    /// A character, as it is or by its escape.
    fn letter(&mut self) -> Result<char, GrammarError> {
        let wrong = |this: &Self| this.wrong("a character is expected");
        let mut letters = self.rest.chars();
        let first = letters.next().ok_or_else(|| wrong(self))?;
        if first != '\\' {
            self.rest = letters.as_str();
            return Ok(first);
        }
        let kind = letters.next().ok_or_else(|| wrong(self))?;
        self.rest = letters.as_str();
        let digits = match kind {
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            't' => return Ok('\t'),
            '"' | '\\' | '[' | ']' | '-' | '^' => return Ok(kind),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => return Err(self.wrong("there is no such escape")),
        };
        let number = self.rest.get(..digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let letter = number.and_then(char::from_u32).ok_or_else(|| wrong(self))?;
        self.rest = self.rest.get(digits..).unwrap_or_default();
        Ok(letter)
    }

    fn name(&mut self) -> Result<String, GrammarError> {
        let end = self
            .rest
            .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            return Err(self.wrong("the name of a rule is expected"));
        }
        self.rest = rest;
        Ok(name.to_owned())
    }

    fn named(&mut self, name: &str) -> Result<usize, GrammarError> {
        if let Some(rule) = self.names.get(name) {
            return Ok(*rule);
        }
        let rule = self.builder.declare()?;
        self.names.insert(name.to_owned(), rule);
        Ok(rule)
    }

    /// Passes over blanks and comments; `lines`: over ends of lines too.
    fn blanks(&mut self, lines: bool) {
        loop {
            let rest = self
                .rest
                .trim_start_matches(|letter| matches!(letter, ' ' | '\t') || lines && matches!(letter, '\n' | '\r'));
            self.rest = if rest.starts_with('#') {
                rest.get(rest.find('\n').unwrap_or(rest.len())..).unwrap_or_default()
            } else {
                rest
            };
            if self.rest == rest {
                return;
            }
        }
    }

    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn wrong(&self, problem: &str) -> GrammarError {
        let done = self.whole.len() - self.rest.len();
        let line = self.whole.get(..done).unwrap_or_default().matches('\n').count() + 1;
        GrammarError::Syntax(format!("grammar, line {line}: {problem}"))
    }
}

/// All characters that are in none of the ranges.
fn others(mut ranges: Vec<(char, char)>) -> Vec<(char, char)> {
    ranges.sort_unstable();
    let mut others = Vec::new();
    let mut next = Some('\0');
    for (from, to) in ranges {
        let Some(at) = next else { break };
        if at < from {
            // The character before `from`: there is one, for `at` is before it.
            others.extend(('\0'..from).next_back().map(|before| (at, before)));
        }
        if to >= at {
            next = (to..=char::MAX).nth(1);
        }
    }
    others.extend(next.map(|at| (at, char::MAX)));
    others
}
