//! Rules applied to a value.
//!
//! Every step is paid for, because a small schema can ask for more steps than there are atoms: two references to itself
//! at every level are exponential in the value's depth. Who has nothing left to pay with stops, and says so.

mod scalars;

use serde_json::{Map, Value};

use crate::equal::{equal, size};
use crate::rules::{Arrays, Id, Objects, Rule, Rules};

/// Steps that are always free, and those that each byte of the text adds: ordinary schemas take less than one for each
/// byte, and a step takes some ten nanoseconds.
const STEPS: u64 = 10_000;
const STEPS_PER_BYTE: u64 = 32;
/// Schemas within schemas that are applied at one time: below is the stack of the thread.
const DEPTH: usize = 512;

/// Why a value does not fit.
#[derive(Debug)]
pub(crate) enum Problem {
    /// It does not; where (a JSON pointer), and how.
    Wrong(String, String),
    /// It cannot be said within the bound.
    Endless,
}

/// Checks a value whose text has that many bytes.
pub(crate) fn check(rules: &Rules, value: &Value, bytes: usize) -> Result<(), Problem> {
    let steps = STEPS + STEPS_PER_BYTE * bytes as u64;
    let mut checker = Checker { rules, steps, depth: 0, place: Vec::new() };
    checker.apply(0, value).map(|_| ())
}

struct Checker<'r> {
    rules: &'r Rules,
    steps: u64,
    depth: usize,
    /// The way to the value that is looked at.
    place: Vec<Step>,
}

#[derive(Clone)]
enum Step {
    Member(String),
    Item(usize),
}

/// What a schema has looked at, for `unevaluated*`.
#[derive(Default)]
struct Seen {
    members: Vec<String>,
    all_members: bool,
    /// So many from the first on.
    items: usize,
    /// And these.
    others: Vec<usize>,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.members.extend(other.members);
        self.all_members |= other.all_members;
        self.items = self.items.max(other.items);
        self.others.extend(other.others);
    }
}

impl Checker<'_> {
    fn pay(&mut self, steps: u64) -> Result<(), Problem> {
        self.steps = self.steps.checked_sub(steps).ok_or(Problem::Endless)?;
        Ok(())
    }

    fn wrong<T>(&self, text: impl Into<String>) -> Result<T, Problem> {
        let mut place = String::new();
        for step in &self.place {
            place.push('/');
            match step {
                Step::Member(name) => place.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Step::Item(at) => place.push_str(&at.to_string()),
            }
        }
        Err(Problem::Wrong(place, text.into()))
    }

    /// Whether a schema fits; only what cannot be said is an error.
    fn fits(&mut self, id: Id, value: &Value) -> Result<Option<Seen>, Problem> {
        let (length, depth) = (self.place.len(), self.depth);
        match self.apply(id, value) {
            Ok(seen) => Ok(Some(seen)),
            Err(Problem::Wrong(..)) => {
                self.place.truncate(length);
                self.depth = depth;
                Ok(None)
            }
            Err(Problem::Endless) => Err(Problem::Endless),
        }
    }

    fn inside(&mut self, step: Step, id: Id, value: &Value) -> Result<(), Problem> {
        self.place.push(step);
        self.apply(id, value)?;
        self.place.pop();
        Ok(())
    }

    fn apply(&mut self, id: Id, value: &Value) -> Result<Seen, Problem> {
        self.pay(1)?;
        if self.depth >= DEPTH {
            return Err(Problem::Endless);
        }
        // `rules` outlives every borrow of the checker.
        let rules = self.rules;
        // Every id was given for a schema that was read.
        let Some(rule) = rules.all.get(id) else { return Ok(Seen::default()) };
        if rule.never {
            return self.wrong("nothing is allowed here");
        }
        self.depth += 1;
        let seen = self.rule(rule, value)?;
        self.depth -= 1;
        Ok(seen)
    }

    fn rule(&mut self, rule: &Rule, value: &Value) -> Result<Seen, Problem> {
        if let Some(types) = rule.types
            && !types.fits(value)
        {
            return self.wrong(format!("must be {}", types.names()));
        }
        if let Some(values) = &rule.values {
            self.pay(size(value).saturating_mul(1 + values.len() as u64))?;
            if !values.iter().any(|one| equal(one, value)) {
                return self.wrong("is none of the values that are allowed");
            }
        }
        let mut seen = Seen::default();
        match value {
            Value::Number(number) => self.number(&rule.number, number)?,
            Value::String(text) => self.text(&rule.text, text)?,
            Value::Array(list) => self.array(&rule.array, list, &mut seen)?,
            Value::Object(map) => self.object(&rule.object, map, value, &mut seen)?,
            Value::Null | Value::Bool(_) => {}
        }
        self.combined(rule, value, &mut seen)?;
        self.unevaluated(rule, value, &mut seen)?;
        Ok(seen)
    }

    fn array(&mut self, rules: &Arrays, list: &[Value], seen: &mut Seen) -> Result<(), Problem> {
        self.length("items", list.len(), rules.least, rules.most)?;
        for (at, (value, id)) in list.iter().zip(&rules.first).enumerate() {
            self.inside(Step::Item(at), *id, value)?;
        }
        seen.items = seen.items.max(rules.first.len().min(list.len()));
        if let Some(id) = rules.rest {
            for (at, value) in list.iter().enumerate().skip(rules.first.len()) {
                self.inside(Step::Item(at), id, value)?;
            }
            seen.items = list.len();
        }
        if let Some(id) = rules.contains {
            let mut count = 0;
            for (at, value) in list.iter().enumerate() {
                if self.fits(id, value)?.is_some() {
                    count += 1;
                    seen.others.push(at);
                }
            }
            let least = rules.contains_least.unwrap_or(1);
            if count < least || rules.contains_most.is_some_and(|most| count > most) {
                return self.wrong(format!("has {count} items of the kind that `contains` wants"));
            }
        }
        if rules.unique { self.unique(list) } else { Ok(()) }
    }

    fn unique(&mut self, list: &[Value]) -> Result<(), Problem> {
        // Equal values need not have equal texts (1 and 1.0), hence pairs; each pair is paid for.
        for (at, one) in list.iter().enumerate() {
            let cost = size(one);
            for other in list.iter().take(at) {
                self.pay(1)?;
                if std::mem::discriminant(one) == std::mem::discriminant(other) {
                    if !matches!(one, Value::Null | Value::Bool(_) | Value::Number(_)) {
                        self.pay(cost.min(size(other)))?;
                    }
                    if equal(one, other) {
                        return self.wrong(format!("has item {at} twice"));
                    }
                }
            }
        }
        Ok(())
    }

    fn object(
        &mut self,
        rules: &Objects,
        map: &Map<String, Value>,
        value: &Value,
        seen: &mut Seen,
    ) -> Result<(), Problem> {
        self.length("members", map.len(), rules.least, rules.most)?;
        self.pay(rules.required.len() as u64)?;
        if let Some(name) = rules.required.iter().find(|name| !map.contains_key(*name)) {
            return self.wrong(format!("has no member `{name}`"));
        }
        for (name, wanted) in rules.together.iter().filter(|(name, _)| map.contains_key(name)) {
            if let Some(missing) = wanted.iter().find(|name| !map.contains_key(*name)) {
                return self.wrong(format!("has `{name}`, but no member `{missing}`"));
            }
        }
        for (name, inner) in map {
            self.member(rules, name, inner, seen)?;
        }
        for (name, id) in &rules.dependent {
            if map.contains_key(name) {
                seen.add(self.apply(*id, value)?);
            }
        }
        Ok(())
    }

    fn member(&mut self, rules: &Objects, name: &str, value: &Value, seen: &mut Seen) -> Result<(), Problem> {
        self.pay(1 + rules.patterns.len() as u64)?;
        if let Some(id) = rules.names {
            self.inside(Step::Member(name.to_owned()), id, &Value::String(name.to_owned()))?;
        }
        let mut known = false;
        let listed = rules.properties.get(name).copied();
        for id in listed.into_iter().chain(self.matching(rules, name)?) {
            known = true;
            self.inside(Step::Member(name.to_owned()), id, value)?;
        }
        if let Some(id) = rules.rest.filter(|_| !known) {
            known = true;
            self.inside(Step::Member(name.to_owned()), id, value)?;
        }
        if known && self.rules.unevaluated {
            seen.members.push(name.to_owned());
        }
        Ok(())
    }

    fn matching(&mut self, rules: &Objects, name: &str) -> Result<Vec<Id>, Problem> {
        let mut ids = Vec::new();
        for (pattern, id) in &rules.patterns {
            self.pay(name.len() as u64)?;
            ids.extend(pattern.is_match(name).then_some(*id));
        }
        Ok(ids)
    }

    /// Schemas that look at the same value.
    fn combined(&mut self, rule: &Rule, value: &Value, seen: &mut Seen) -> Result<(), Problem> {
        for id in &rule.all_of {
            seen.add(self.apply(*id, value)?);
        }
        if let Some(ids) = &rule.any_of {
            let mut any = false;
            for id in ids {
                if let Some(one) = self.fits(*id, value)? {
                    any = true;
                    seen.add(one);
                    // The others count only for what they have looked at.
                    if !self.rules.unevaluated {
                        break;
                    }
                }
            }
            if !any {
                return self.wrong("fits none of the schemas of `anyOf`");
            }
        }
        if let Some(ids) = &rule.one_of {
            let mut count = 0;
            for id in ids {
                if let Some(one) = self.fits(*id, value)? {
                    count += 1;
                    seen.add(one);
                }
            }
            if count != 1 {
                return self.wrong(format!("fits {count} of the schemas of `oneOf`"));
            }
        }
        if let Some(id) = rule.not
            && self.fits(id, value)?.is_some()
        {
            return self.wrong("fits the schema of `not`");
        }
        if let Some(id) = rule.condition {
            let next = match self.fits(id, value)? {
                Some(one) => {
                    seen.add(one);
                    rule.then
                }
                None => rule.otherwise,
            };
            if let Some(id) = next {
                seen.add(self.apply(id, value)?);
            }
        }
        Ok(())
    }

    fn unevaluated(&mut self, rule: &Rule, value: &Value, seen: &mut Seen) -> Result<(), Problem> {
        if let (Some(id), Value::Array(list)) = (rule.unevaluated_items, value) {
            for (at, inner) in list.iter().enumerate().skip(seen.items) {
                self.pay(1 + seen.others.len() as u64)?;
                if !seen.others.contains(&at) {
                    self.inside(Step::Item(at), id, inner)?;
                }
            }
            seen.items = list.len();
        }
        if let (Some(id), Value::Object(map), false) = (rule.unevaluated_properties, value, seen.all_members) {
            for (name, inner) in map {
                self.pay(1 + seen.members.len() as u64)?;
                if !seen.members.contains(name) {
                    self.inside(Step::Member(name.clone()), id, inner)?;
                }
            }
            seen.all_members = true;
        }
        Ok(())
    }
}
