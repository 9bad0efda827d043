//! Keywords to rules.

use std::collections::HashMap;

use serde_json::Value;

use crate::SchemaError;
use crate::keywords::{Keywords, names, pattern, wrong};
use crate::read::Dialect;
use crate::rules::{Arrays, Id, Numbers, Objects, Rule, Rules, Texts, Types};

/// Schemas in one document; the largest that people publish have some hundreds.
const SCHEMAS: usize = 4_096;

/// What the schema is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be applied.
    Check,
    /// To be read by others: patterns may be what others understand.
    Show,
}

/// A document on its way to rules.
struct Compiler<'a> {
    root: &'a Value,
    dialect: Dialect,
    purpose: Purpose,
    /// Schemas that were named, by address; those from `done` on are not read yet.
    ids: HashMap<*const Value, Id>,
    found: Vec<&'a Value>,
    names: Names<'a>,
}

/// What can be referred to by name.
#[derive(Default)]
struct Names<'a> {
    anchors: HashMap<String, &'a Value>,
    /// Documents within the document.
    documents: Vec<&'a str>,
}

/// Reads a document.
pub(crate) fn compile(root: &Value, dialect: Dialect, purpose: Purpose) -> Result<Rules, SchemaError> {
    let mut names = Names::default();
    collect_names(root, dialect, true, &mut names);
    if let (Purpose::Check, Some(id)) = (purpose, names.documents.first()) {
        return Err(SchemaError::Fetch(format!("{id} (a document of its own within this one)")));
    }
    let mut compiler = Compiler { root, dialect, purpose, ids: HashMap::new(), found: Vec::new(), names };
    compiler.id("the schema", root)?;
    let mut rules = Rules::default();
    // Each may name others; none twice.
    while let Some(schema) = compiler.found.get(rules.all.len()).copied() {
        let rule = compiler.rule(schema)?;
        rules.unevaluated |= rule.unevaluated_items.is_some() || rule.unevaluated_properties.is_some();
        rules.all.push(rule);
    }
    Ok(rules)
}

/// Finds what `$anchor` and its relatives name, wherever it lies. A value that is no schema may have such a member too;
/// then it is a name that nobody uses.
fn collect_names<'a>(value: &'a Value, dialect: Dialect, is_root: bool, names: &mut Names<'a>) {
    match value {
        Value::Array(list) => list.iter().for_each(|inner| collect_names(inner, dialect, false, names)),
        Value::Object(map) => {
            for keyword in ["$anchor", "$dynamicAnchor"] {
                if let Some(name) = map.get(keyword).and_then(Value::as_str) {
                    names.anchors.entry(name.to_owned()).or_insert(value);
                }
            }
            let id = map.get(dialect.id()).and_then(Value::as_str);
            match id.map(|id| (id, id.strip_prefix('#'))) {
                Some((_, Some(name))) => drop(names.anchors.entry(name.to_owned()).or_insert(value)),
                Some((id, None)) if !is_root => names.documents.push(id),
                _ => {}
            }
            for (name, inner) in map {
                match (name.as_str(), inner) {
                    ("const" | "enum" | "default" | "examples", _) => {}
                    // Below `properties` names are names, not keywords.
                    ("properties" | "patternProperties" | "$defs" | "definitions", Value::Object(inner)) => {
                        inner.values().for_each(|inner| collect_names(inner, dialect, false, names));
                    }
                    _ => collect_names(inner, dialect, false, names),
                }
            }
        }
        _ => {}
    }
}

impl<'a> Compiler<'a> {
    /// The place of a schema, which is read later.
    fn id(&mut self, keyword: &str, schema: &'a Value) -> Result<Id, SchemaError> {
        if !schema.is_object() && !schema.is_boolean() {
            return Err(wrong(keyword, "a schema: an object, `true` or `false`", schema));
        }
        if let Some(id) = self.ids.get(&std::ptr::from_ref(schema)) {
            return Ok(*id);
        }
        let id = self.found.len();
        if id >= SCHEMAS {
            return Err(SchemaError::Large(format!("it has more than {SCHEMAS} schemas")));
        }
        self.ids.insert(std::ptr::from_ref(schema), id);
        self.found.push(schema);
        Ok(id)
    }

    fn one(&mut self, keywords: Keywords<'a>, keyword: &str) -> Result<Option<Id>, SchemaError> {
        keywords.get(keyword).map(|schema| self.id(keyword, schema)).transpose()
    }

    fn list(&mut self, keywords: Keywords<'a>, keyword: &str) -> Result<Option<Vec<Id>>, SchemaError> {
        let Some(list) = keywords.list(keyword)? else { return Ok(None) };
        list.iter().map(|schema| self.id(keyword, schema)).collect::<Result<_, _>>().map(Some)
    }

    fn map(&mut self, keywords: Keywords<'a>, keyword: &str) -> Result<Vec<(&'a str, Id)>, SchemaError> {
        let map = keywords.map(keyword)?.into_iter().flatten();
        map.map(|(name, schema)| Ok((name.as_str(), self.id(keyword, schema)?))).collect()
    }

    fn rule(&mut self, schema: &'a Value) -> Result<Rule, SchemaError> {
        let Value::Object(map) = schema else {
            return Ok(Rule { never: schema == &Value::Bool(false), ..Rule::default() });
        };
        let keywords = Keywords(map);
        let mut rule = Rule::default();
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            if let Some(reference) = keywords.text(keyword)? {
                let target = self.resolve(reference)?;
                rule.all_of.push(self.id(keyword, target)?);
                if self.dialect.refs_stand_alone() {
                    return Ok(rule);
                }
            }
        }
        for keyword in ["$defs", "definitions"] {
            self.map(keywords, keyword)?;
        }
        rule.types = types(keywords)?;
        rule.values = match (keywords.get("const"), keywords.list("enum")?) {
            (Some(only), _) => Some(vec![only.clone()]),
            (None, list) => list.map(<[Value]>::to_vec),
        };
        if let (Some(only), Some(list)) = (keywords.get("const"), keywords.list("enum")?)
            && !list.iter().any(|one| crate::equal::equal(one, only))
        {
            rule.values = Some(Vec::new());
        }
        rule.number = self.numbers(keywords)?;
        rule.text = self.texts(keywords)?;
        rule.array = self.arrays(keywords)?;
        rule.object = self.objects(keywords)?;
        rule.all_of.extend(self.list(keywords, "allOf")?.unwrap_or_default());
        rule.any_of = self.list(keywords, "anyOf")?;
        rule.one_of = self.list(keywords, "oneOf")?;
        rule.not = self.one(keywords, "not")?;
        rule.condition = self.one(keywords, "if")?;
        rule.then = self.one(keywords, "then")?;
        rule.otherwise = self.one(keywords, "else")?;
        rule.unevaluated_items = self.one(keywords, "unevaluatedItems")?;
        rule.unevaluated_properties = self.one(keywords, "unevaluatedProperties")?;
        Ok(rule)
    }

    fn numbers(&self, keywords: Keywords<'a>) -> Result<Numbers, SchemaError> {
        let mut numbers = Numbers {
            minimum: keywords.number("minimum")?,
            maximum: keywords.number("maximum")?,
            multiple_of: keywords.number("multipleOf")?,
            ..Numbers::default()
        };
        if self.dialect.exclusive_is_a_flag() {
            if keywords.flag("exclusiveMinimum")? {
                numbers.above = numbers.minimum.take();
            }
            if keywords.flag("exclusiveMaximum")? {
                numbers.below = numbers.maximum.take();
            }
        } else {
            numbers.above = keywords.number("exclusiveMinimum")?;
            numbers.below = keywords.number("exclusiveMaximum")?;
        }
        match &numbers.multiple_of {
            Some(of) if of.as_f64().is_none_or(|of| of <= 0.0) => {
                Err(wrong("multipleOf", "greater than 0", &Value::Number(of.clone())))
            }
            _ => Ok(numbers),
        }
    }

    fn texts(&self, keywords: Keywords<'a>) -> Result<Texts, SchemaError> {
        let text = keywords.text("pattern")?.filter(|_| self.purpose == Purpose::Check);
        Ok(Texts {
            least: keywords.count("minLength")?,
            most: keywords.count("maxLength")?,
            pattern: text.map(|text| pattern("pattern", text)).transpose()?,
        })
    }

    fn arrays(&mut self, keywords: Keywords<'a>) -> Result<Arrays, SchemaError> {
        // Up to 2019-09 a list of schemas was called `items`, and what follows `additionalItems`.
        let (first, rest) = match keywords.get("items") {
            Some(Value::Array(_)) if self.dialect.items_may_be_a_list() => {
                (self.list(keywords, "items")?, self.one(keywords, "additionalItems")?)
            }
            _ => (self.list(keywords, "prefixItems")?, self.one(keywords, "items")?),
        };
        Ok(Arrays {
            least: keywords.count("minItems")?,
            most: keywords.count("maxItems")?,
            unique: keywords.flag("uniqueItems")?,
            first: first.unwrap_or_default(),
            rest,
            contains: self.one(keywords, "contains")?,
            contains_least: keywords.count("minContains")?,
            contains_most: keywords.count("maxContains")?,
        })
    }

    fn objects(&mut self, keywords: Keywords<'a>) -> Result<Objects, SchemaError> {
        let mut objects = Objects {
            least: keywords.count("minProperties")?,
            most: keywords.count("maxProperties")?,
            required: keywords.get("required").map_or(Ok(Vec::new()), |value| names("required", value))?,
            rest: self.one(keywords, "additionalProperties")?,
            names: self.one(keywords, "propertyNames")?,
            ..Objects::default()
        };
        for (name, id) in self.map(keywords, "properties")? {
            objects.properties.insert(name.to_owned(), id);
        }
        for (text, id) in self.map(keywords, "patternProperties")? {
            if self.purpose == Purpose::Check {
                objects.patterns.push((pattern("patternProperties", text)?, id));
            }
        }
        for (name, id) in self.map(keywords, "dependentSchemas")? {
            objects.dependent.push((name.to_owned(), id));
        }
        for (name, value) in keywords.map("dependentRequired")?.into_iter().flatten() {
            objects.together.push((name.clone(), names("dependentRequired", value)?));
        }
        for (name, value) in keywords.map("dependencies")?.into_iter().flatten() {
            match value {
                Value::Array(_) => objects.together.push((name.clone(), names("dependencies", value)?)),
                _ => objects.dependent.push((name.clone(), self.id("dependencies", value)?)),
            }
        }
        Ok(objects)
    }

    /// What a reference names, which must be in this document.
    fn resolve(&self, reference: &str) -> Result<&'a Value, SchemaError> {
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let own = self.root.get(self.dialect.id()).and_then(Value::as_str).map(|id| id.trim_end_matches('#'));
        if !document.is_empty() && Some(document) != own {
            // Whoever reads it may find what lies within, and what a dialect itself is.
            let within = |id: &&str| id.ends_with(document) || document.ends_with(*id);
            let known = self.names.documents.iter().any(within) || Dialect::named(document).is_some();
            if self.purpose == Purpose::Show && known {
                return Ok(self.root);
            }
            return Err(SchemaError::Fetch(reference.to_owned()));
        }
        let fragment = percent_decoded(fragment);
        let target = match fragment.as_str() {
            "" => Some(self.root),
            pointer if pointer.starts_with('/') => self.root.pointer(pointer),
            name => self.names.anchors.get(name).copied(),
        };
        target.ok_or_else(|| SchemaError::Invalid(format!("`{reference}` names nothing in it")))
    }
}

fn types(keywords: Keywords<'_>) -> Result<Option<Types>, SchemaError> {
    let Some(value) = keywords.get("type") else { return Ok(None) };
    let bad = || wrong("type", "the name of a type, or a list of some", value);
    let list = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
    let mut bits = 0;
    for name in list {
        bits |= name.as_str().and_then(Types::named).ok_or_else(bad)?;
    }
    Ok(Some(Types(bits)))
}

/// Fragments are percent-encoded (RFC 6901, section 6).
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
