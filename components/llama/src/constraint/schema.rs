//! JSON, and JSON that is valid under a schema, as grammars.
//!
//! What a schema says and a grammar cannot is refused by name: a text that was promised to be valid must be.

use std::collections::HashMap;

use super::grammar::{Builder, Grammar, GrammarError, Item, literal};
use super::json::Json;

/// Schemas within schemas.
const MAX_DEPTH: usize = 64;
/// Bytes of a schema.
const MAX_SCHEMA: usize = 256 * 1024;
/// Repetitions by number: `maxItems`, `minLength`.
const MAX_TIMES: u64 = 1000;
/// Keywords that say nothing about what is valid.
const NOTES: [&str; 13] = [
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
];

/// Rules that all JSON needs, and those of the schema.
struct Writer<'a> {
    builder: Builder,
    blank: Item,
    text: Item,
    /// A character in a text.
    letter: Item,
    integer: Item,
    number: Item,
    value: Item,
    object: Item,
    root: &'a Json,
    references: HashMap<String, usize>,
}

impl Grammar {
    /// Any JSON object.
    ///
    /// # Errors
    ///
    /// None in truth: the rules are ours.
    pub fn json_object() -> Result<Self, GrammarError> {
        let mut writer = Writer::new(&Json::Null)?;
        let object = writer.object;
        writer.builder.add(0, vec![object])?;
        writer.builder.finish()
    }

    /// JSON that is valid under a schema.
    ///
    /// # Errors
    ///
    /// If it is no schema, too large, or says what a grammar cannot.
    pub fn json_schema(schema: &str) -> Result<Self, GrammarError> {
        if schema.len() > MAX_SCHEMA {
            return Err(GrammarError::TooLarge);
        }
        let schema: Json = serde_json::from_str(schema)
            .map_err(|error| GrammarError::Syntax(format!("the schema is no JSON: {error}")))?;
        let mut writer = Writer::new(&schema)?;
        let item = writer.schema(&schema, 0)?;
        writer.builder.add(0, vec![item])?;
        writer.builder.finish()
    }
}

// === impl Writer ===

impl<'a> Writer<'a> {
    fn new(root: &'a Json) -> Result<Self, GrammarError> {
        let mut builder = Builder::default();
        builder.declare()?;
        let indent = builder.characters(&[(' ', ' '), ('\t', '\t')])?;
        let indents = builder.repeat(indent, 0, Some(20))?;
        let line = literal("\n").into_iter().chain(indents).collect();
        let blank = builder.rule(vec![literal(" "), line, Vec::new()])?;
        let digit = builder.characters(&[('0', '9')])?;
        let hexadecimal = builder.characters(&[('0', '9'), ('a', 'f'), ('A', 'F')])?;
        let plain = builder.characters(&[(' ', '!'), ('#', '['), (']', char::MAX)])?;
        let short = builder.characters(&[
            ('"', '"'),
            ('\\', '\\'),
            ('/', '/'),
            ('b', 'b'),
            ('f', 'f'),
            ('n', 'n'),
            ('r', 'r'),
            ('t', 't'),
        ])?;
        // No surrogates: one without its other half is no character.
        let low = builder.characters(&[('0', '9'), ('a', 'c'), ('e', 'f'), ('A', 'C'), ('E', 'F')])?;
        let escape = [literal("\\u"), vec![low, hexadecimal, hexadecimal, hexadecimal]].concat();
        let letter = builder.rule(vec![vec![plain], [literal("\\"), vec![short]].concat(), escape])?;
        let letters = builder.repeat(letter, 0, None)?;
        let text = builder.rule(vec![[literal("\""), letters, literal("\"")].concat()])?;
        // Numbers that every reader holds exactly enough: 16 digits, exponents of two.
        let first = builder.characters(&[('1', '9')])?;
        let digits = [vec![first], builder.repeat(digit, 0, Some(15))?].concat();
        let whole = builder.rule(vec![literal("0"), digits])?;
        let integer = builder.rule(vec![vec![whole], [literal("-"), vec![whole]].concat()])?;
        let fraction = [literal("."), builder.repeat(digit, 1, Some(16))?].concat();
        let fraction = builder.rule(vec![fraction, Vec::new()])?;
        let sign = builder.rule(vec![literal("+"), literal("-"), Vec::new()])?;
        let mark = builder.characters(&[('e', 'e'), ('E', 'E')])?;
        let exponent = [vec![mark, sign], builder.repeat(digit, 1, Some(2))?].concat();
        let exponent = builder.rule(vec![exponent, Vec::new()])?;
        let number = builder.rule(vec![vec![integer, fraction, exponent]])?;
        let value = builder.declare()?;
        let mut this = Self {
            builder,
            blank,
            text,
            letter,
            integer,
            number,
            value: Item::Rule(value),
            object: Item::Rule(value),
            root,
            references: HashMap::new(),
        };
        this.object = this.map(this.value)?;
        let list = this.list(this.value, 0, None)?;
        for item in [this.object, list, text, number] {
            this.builder.add(value, vec![item])?;
        }
        for word in ["true", "false", "null"] {
            this.builder.add(value, literal(word))?;
        }
        Ok(this)
    }

    fn schema(&mut self, schema: &Json, depth: usize) -> Result<Item, GrammarError> {
        if depth > MAX_DEPTH {
            return Err(GrammarError::TooLarge);
        }
        let entries = match schema {
            Json::Boolean(true) => return Ok(self.value),
            Json::Object(entries) => entries,
            _ => return Err(GrammarError::Syntax("a schema is an object, or true".to_owned())),
        };
        let only = |known: &[&str]| {
            let other =
                entries.iter().find(|(key, _)| !NOTES.contains(&key.as_str()) && !known.contains(&key.as_str()));
            other.map_or(Ok(()), |(key, _)| Err(GrammarError::Keyword(key.clone())))
        };
        if let Some(Json::Text(reference)) = schema.get("$ref") {
            only(&["$ref"])?;
            return self.reference(reference, depth);
        }
        if let Some(value) = schema.get("const") {
            only(&["const", "type"])?;
            return self.builder.rule(vec![literal(&value.write())]);
        }
        if let Some(Json::List(values)) = schema.get("enum") {
            only(&["enum", "type"])?;
            let texts = values.iter().map(|value| literal(&value.write())).collect();
            return self.builder.rule(texts);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(Json::List(choices)) = schema.get(key) {
                only(&[key])?;
                if key == "oneOf" && !apart(choices) {
                    return Err(GrammarError::Keyword("oneOf, whose parts may hold at once".to_owned()));
                }
                let choices =
                    choices.iter().map(|choice| Ok(vec![self.schema(choice, depth + 1)?])).collect::<Result<_, _>>()?;
                return self.builder.rule(choices);
            }
        }
        match schema.get("type") {
            Some(Json::Text(kind)) => self.typed(kind, schema, &only, depth),
            Some(Json::List(kinds)) => {
                let mut choices = Vec::new();
                for kind in kinds {
                    let Json::Text(kind) = kind else { return Err(GrammarError::Keyword("type".to_owned())) };
                    choices.push(vec![self.typed(kind, schema, &|_| Ok(()), depth)?]);
                }
                only(&[
                    "type",
                    "properties",
                    "required",
                    "additionalProperties",
                    "items",
                    "minItems",
                    "maxItems",
                    "minLength",
                    "maxLength",
                ])?;
                self.builder.rule(choices)
            }
            Some(_) => Err(GrammarError::Keyword("type".to_owned())),
            None if schema.get("properties").is_some() => self.typed("object", schema, &only, depth),
            None if schema.get("items").is_some() => self.typed("array", schema, &only, depth),
            None => {
                only(&[])?;
                Ok(self.value)
            }
        }
    }

    fn typed(
        &mut self,
        kind: &str,
        schema: &Json,
        only: &dyn Fn(&[&str]) -> Result<(), GrammarError>,
        depth: usize,
    ) -> Result<Item, GrammarError> {
        match kind {
            "null" => {
                only(&["type"])?;
                self.builder.rule(vec![literal("null")])
            }
            "boolean" => {
                only(&["type"])?;
                self.builder.rule(vec![literal("true"), literal("false")])
            }
            "integer" => {
                only(&["type"])?;
                Ok(self.integer)
            }
            "number" => {
                only(&["type"])?;
                Ok(self.number)
            }
            "string" => {
                only(&["type", "minLength", "maxLength"])?;
                let (least, most) = (bound(schema, "minLength")?, bound(schema, "maxLength")?);
                if least.is_none() && most.is_none() {
                    return Ok(self.text);
                }
                let letters = self.builder.repeat(self.letter, least.unwrap_or(0), most)?;
                self.builder.rule(vec![[literal("\""), letters, literal("\"")].concat()])
            }
            "array" => {
                only(&["type", "items", "minItems", "maxItems"])?;
                let item = schema.get("items").map_or(Ok(self.value), |items| self.schema(items, depth + 1))?;
                let (least, most) = (bound(schema, "minItems")?.unwrap_or(0), bound(schema, "maxItems")?);
                self.list(item, least, most)
            }
            "object" => {
                only(&["type", "properties", "required", "additionalProperties"])?;
                self.record(schema, depth)
            }
            other => Err(GrammarError::Keyword(format!("type: {other}"))),
        }
    }

    /// An object with the properties of a schema, in its order.
    fn record(&mut self, schema: &Json, depth: usize) -> Result<Item, GrammarError> {
        let empty = Vec::new();
        let properties =
            if let Some(Json::Object(properties)) = schema.get("properties") { properties } else { &empty };
        let required = match schema.get("required") {
            Some(Json::List(names)) => names.clone(),
            _ => Vec::new(),
        };
        let extra: Vec<&String> = required
            .iter()
            .filter_map(|name| if let Json::Text(name) = name { Some(name) } else { None })
            .filter(|name| !properties.iter().any(|(key, _)| key == *name))
            .collect();
        let more = match schema.get("additionalProperties") {
            None | Some(Json::Boolean(true)) => Some(self.value),
            Some(Json::Boolean(false)) => None,
            Some(other) => Some(self.schema(other, depth + 1)?),
        };
        if properties.is_empty() && extra.is_empty() {
            return match more {
                Some(value) => self.map(value),
                None => self.builder.rule(vec![[literal("{"), vec![self.blank], literal("}")].concat()]),
            };
        }
        if !extra.is_empty() && more.is_none() {
            return Err(GrammarError::Syntax("a property is required and not allowed".to_owned()));
        }
        let mut all = Vec::new();
        for (key, property) in properties {
            let value = self.schema(property, depth + 1)?;
            all.push((key, value, required.contains(&Json::Text(key.clone()))));
        }
        for key in extra {
            all.push((key, more.unwrap_or(self.value), true));
        }
        self.pairs(&all)
    }

    /// Pairs in their order; those that are not required may be left out.
    fn pairs(&mut self, all: &[(&String, Item, bool)]) -> Result<Item, GrammarError> {
        // From the last to the first: what may follow when something stands before, and when nothing does.
        let (mut after, mut first) = (Vec::new(), Vec::new());
        for (key, value, required) in all.iter().rev() {
            let pair = [
                literal(&Json::Text((*key).clone()).write()),
                vec![self.blank],
                literal(":"),
                vec![self.blank, *value],
            ]
            .concat();
            let pair = self.builder.rule(vec![pair])?;
            let with = [vec![self.blank], literal(","), vec![self.blank, pair], after.clone()].concat();
            let begun = [vec![pair], after.clone()].concat();
            if *required {
                (after, first) = (vec![self.builder.rule(vec![with])?], vec![self.builder.rule(vec![begun])?]);
            } else {
                let without = std::mem::take(&mut first);
                (after, first) =
                    (vec![self.builder.rule(vec![with, after])?], vec![self.builder.rule(vec![begun, without])?]);
            }
        }
        let inside = [vec![self.blank], first, vec![self.blank]].concat();
        self.builder.rule(vec![[literal("{"), inside, literal("}")].concat()])
    }

    /// An object of any keys.
    fn map(&mut self, value: Item) -> Result<Item, GrammarError> {
        let blank = self.blank;
        let pair = self.builder.rule(vec![[vec![self.text, blank], literal(":"), vec![blank, value]].concat()])?;
        self.joined("{", pair, "}", 0, None)
    }

    fn list(&mut self, item: Item, least: usize, most: Option<usize>) -> Result<Item, GrammarError> {
        self.joined("[", item, "]", least, most)
    }

    /// Items with commas between them.
    fn joined(
        &mut self,
        open: &str,
        item: Item,
        close: &str,
        least: usize,
        most: Option<usize>,
    ) -> Result<Item, GrammarError> {
        let blank = self.blank;
        let whole = |inside: Vec<Item>| [literal(open), vec![blank], inside, vec![blank], literal(close)].concat();
        let mut choices = Vec::new();
        if least == 0 {
            choices.push([literal(open), vec![blank], literal(close)].concat());
        }
        if most != Some(0) {
            let next = self.builder.rule(vec![[vec![blank], literal(","), vec![blank, item]].concat()])?;
            let rest = self.builder.repeat(next, least.max(1) - 1, most.map(|most| most - 1))?;
            choices.push(whole([vec![item], rest].concat()));
        }
        self.builder.rule(choices)
    }

    /// A schema elsewhere in the whole one; the same one again is the same rule, so that schemas may contain themselves.
    fn reference(&mut self, reference: &str, depth: usize) -> Result<Item, GrammarError> {
        if let Some(rule) = self.references.get(reference) {
            return Ok(Item::Rule(*rule));
        }
        let missing = || {
            GrammarError::Syntax(format!(
                "`$ref` to `{}`, which is not there",
                reference.chars().take(80).collect::<String>()
            ))
        };
        let path = reference.strip_prefix('#').ok_or_else(missing)?;
        let mut target = self.root;
        for part in path.split('/').skip(1) {
            target = target.get(&part.replace("~1", "/").replace("~0", "~")).ok_or_else(missing)?;
        }
        let rule = self.builder.declare()?;
        self.references.insert(reference.to_owned(), rule);
        let item = self.schema(target, depth + 1)?;
        self.builder.add(rule, vec![item])?;
        Ok(Item::Rule(rule))
    }
}

/// Whether no value is valid under two of the schemas, as far as their types tell.
fn apart(choices: &[Json]) -> bool {
    let kinds: Vec<Option<String>> = choices
        .iter()
        .map(|choice| match (choice.get("const"), choice.get("type")) {
            (Some(value), _) => Some(value.write()),
            (None, Some(Json::Text(kind))) => Some(if kind == "integer" { "number".to_owned() } else { kind.clone() }),
            _ => None,
        })
        .collect();
    let consts = choices.iter().filter(|choice| choice.get("const").is_some()).count();
    let distinct = kinds
        .iter()
        .enumerate()
        .all(|(at, kind)| kind.is_some() && !kinds.iter().skip(at + 1).any(|other| other == kind));
    distinct && (consts == 0 || consts == choices.len())
}

fn bound(schema: &Json, key: &str) -> Result<Option<usize>, GrammarError> {
    match schema.get(key) {
        None => Ok(None),
        Some(Json::Number(number)) => {
            let number = number.as_u64().filter(|number| *number <= MAX_TIMES);
            number
                .and_then(|number| usize::try_from(number).ok())
                .map(Some)
                .ok_or_else(|| GrammarError::Keyword(format!("{key} above 1000")))
        }
        Some(_) => Err(GrammarError::Keyword(key.to_owned())),
    }
}
