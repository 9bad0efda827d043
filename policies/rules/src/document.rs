//! A TOML text that is read key by key, so that every problem in it is found, with line and column.
//!
//! Readers return `None` after they recorded a problem; the caller goes on with the next key and asks for
//! [`Document::into_problems`] at the end.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tidegate_grant::{Origin, format_bytes, format_duration};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::problem::Problem;
use crate::units::{parse_duration, parse_size};
use crate::{nearest, units::UnitError};

/// A value and where it stands.
pub type Value<'i> = Spanned<DeValue<'i>>;

/// One text, and what was found wrong in it so far.
#[derive(Debug)]
pub struct Document<'i> {
    file: Arc<str>,
    text: &'i str,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
    problems: Vec<Problem>,
}

impl<'i> Document<'i> {
    /// Reads a text. Without a table the text is no TOML, and the problem is recorded.
    #[must_use]
    pub fn read(file: &str, text: &'i str) -> (Self, Option<DeTable<'i>>) {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        let mut document = Self { file: file.into(), text, lines, problems: Vec::new() };
        match DeTable::parse(text) {
            Ok(table) => (document, Some(table.into_inner())),
            Err(error) => {
                let message = error.message().lines().collect::<Vec<_>>().join(", ");
                document.problem(error.span().unwrap_or(0..0), message);
                (document, None)
            }
        }
    }

    /// Everything that was wrong, in the order of the text.
    #[must_use]
    pub fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort();
        self.problems
    }

    /// Line and column of a place, from 1; columns in characters.
    #[must_use]
    pub fn place(&self, at: usize) -> (u32, u32) {
        let line = self.lines.partition_point(|start| *start <= at);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..at).map_or(0, |before| before.chars().count()) + 1;
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        (number(line), number(column))
    }

    /// The place as an origin of a grant.
    #[must_use]
    pub fn origin(&self, span: &Range<usize>) -> Origin {
        Origin { file: Arc::clone(&self.file), line: self.place(span.start).0 }
    }

    /// A problem at a place, not recorded.
    #[must_use]
    pub fn problem_at(&self, span: &Range<usize>, message: impl Into<String>) -> Problem {
        let (line, column) = self.place(span.start);
        Problem { file: Arc::clone(&self.file), line, column, message: message.into() }
    }

    /// Records a problem.
    pub fn problem(&mut self, span: Range<usize>, message: impl Into<String>) {
        let problem = self.problem_at(&span, message);
        self.problems.push(problem);
    }

    /// Records every key of a table that is not known, with the known key that was probably meant. `table` names the
    /// table in messages; empty: the top of the file.
    pub fn check_keys(&mut self, table: &DeTable<'_>, name: &str, known: &[&str]) {
        for (key, _) in table.iter() {
            let written: &str = key.get_ref();
            if known.contains(&written) {
                continue;
            }
            let place = if name.is_empty() { String::new() } else { format!(" in {name}") };
            let hint = nearest(written, known)
                .map(|known| format!("did you mean `{known}`?"))
                .unwrap_or_else(|| format!("known are {}", list(known)));
            self.problem(key.span(), format!("unknown key `{written}`{place}; {hint}"));
        }
    }

    /// A table.
    pub fn table<'t, 'v>(&mut self, value: &'t Value<'v>, what: &str) -> Option<&'t DeTable<'v>> {
        let table = value.get_ref().as_table();
        self.expect(table, value, what, "a table")
    }

    /// An array.
    pub fn array<'t, 'v>(&mut self, value: &'t Value<'v>, what: &str) -> Option<&'t [Value<'v>]> {
        let array = value.get_ref().as_array().map(|array| -> &'t [Value<'v>] { array });
        self.expect(array, value, what, "an array")
    }

    /// A string.
    pub fn string<'t>(&mut self, value: &'t Value<'_>, what: &str) -> Option<&'t str> {
        let string = value.get_ref().as_str();
        self.expect(string, value, what, "a string")
    }

    /// A string from a table, which must be there.
    pub fn required_string<'t>(
        &mut self,
        table: &'t DeTable<'_>,
        key: &str,
        name: &str,
        span: Range<usize>,
    ) -> Option<(&'t str, Range<usize>)> {
        let Some(value) = table.get(key) else {
            self.problem(span, format!("`{key}` is missing in {name}"));
            return None;
        };
        Some((self.string(value, key)?, value.span()))
    }

    /// A boolean.
    pub fn boolean(&mut self, value: &Value<'_>, what: &str) -> Option<bool> {
        let boolean = value.get_ref().as_bool();
        self.expect(boolean, value, what, "`true` or `false`")
    }

    /// A whole number from `min` to `max`.
    pub fn number(&mut self, value: &Value<'_>, what: &str, min: u64, max: u64) -> Option<u64> {
        let integer = value.get_ref().as_integer();
        let integer = self.expect(integer, value, what, "a whole number")?;
        self.bounded(plain_number(integer), value, what, min, max, |number| number.to_string())
    }

    /// Bytes, as a number or as a string with a unit, from `min` to `max`.
    pub fn size(&mut self, value: &Value<'_>, what: &str, min: u64, max: u64) -> Option<u64> {
        let bytes = match value.get_ref() {
            DeValue::String(text) => Some(self.unit(parse_size(text), value, what)?),
            other => {
                let integer = other.as_integer();
                plain_number(self.expect(integer, value, what, "a size such as \"64MiB\", or bytes")?)
            }
        };
        self.bounded(bytes, value, what, min, max, format_bytes)
    }

    /// A duration as a string with a unit, within bounds.
    pub fn duration(&mut self, value: &Value<'_>, what: &str, min: Duration, max: Duration) -> Option<Duration> {
        let text = value.get_ref().as_str();
        let text = self.expect(text, value, what, "a duration in quotes, with its unit, such as \"30s\"")?;
        let duration = self.unit(parse_duration(text), value, what)?;
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.bounded(Some(millis(duration)), value, what, millis(min), millis(max), |millis| {
            format_duration(Duration::from_millis(millis))
        })?;
        Some(duration)
    }

    fn unit<T>(&mut self, parsed: Result<T, UnitError>, value: &Value<'_>, what: &str) -> Option<T> {
        parsed.map_err(|error| self.problem(value.span(), format!("`{what}`: {error}"))).ok()
    }

    /// A number that is not there is negative, or larger than anything.
    fn bounded(
        &mut self,
        number: Option<u64>,
        value: &Value<'_>,
        what: &str,
        min: u64,
        max: u64,
        format: impl Fn(u64) -> String,
    ) -> Option<u64> {
        if let Some(number) = number.filter(|number| (min..=max).contains(number)) {
            return Some(number);
        }
        let found = number.map_or_else(|| "out of range".to_owned(), &format);
        let message = format!("`{what}` is {found}; it must be from {} to {}", format(min), format(max));
        self.problem(value.span(), message);
        None
    }

    fn expect<T>(&mut self, found: Option<T>, value: &Value<'_>, what: &str, expected: &str) -> Option<T> {
        if found.is_none() {
            let article = match value.get_ref() {
                DeValue::Integer(_) | DeValue::Array(_) => "an",
                _ => "a",
            };
            let kind = value.get_ref().type_str();
            self.problem(value.span(), format!("`{what}` must be {expected}, not {article} {kind}"));
        }
        found
    }
}

fn plain_number(integer: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// Words in a row: `a`, `b` and `c`.
#[must_use]
pub fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "none".to_owned(),
    }
}
