//! `convert_time`, and how a written time is understood.
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};
use tidegate_sdk::prelude::*;

use crate::moment::Moment;
use crate::zones;

/// Converts a time from one time zone to others, right across daylight saving time. A local time that does not exist
/// (clocks went forward) or exists twice (clocks went back) is converted too, and `note` explains it.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ConvertTime {
    /// The time: ISO 8601 (`2026-03-29T14:05`, also with `Z` or an offset), a time of today (`14:05`), a date, `now`, or
    /// Unix seconds (`@1774785909`).
    time: String,
    /// Time zone in which `time` is meant, when it has no offset of its own. Default: `UTC`.
    #[serde(default)]
    from: Option<String>,
    /// Time zones to convert to, 1 to 20: `["Asia/Tokyo"]`.
    to: Vec<String>,
}

/// One moment in several time zones.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Converted {
    /// How the time was understood.
    source: Moment,
    /// The same moment in the zones asked for, in their order.
    results: Vec<Moment>,
    /// Why the source is not what was written, when clocks were changed then.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Zones of one call.
const MAX_ZONES: usize = 20;

pub(crate) fn convert_time(input: ConvertTime, _call: &Call) -> Result<Structured<Converted>, ToolError> {
    if input.to.is_empty() || input.to.len() > MAX_ZONES {
        return Err(ToolError::invalid("to", format!("give 1 to {MAX_ZONES} time zones")));
    }
    let from = zones::find("from", input.from.as_deref().unwrap_or("UTC"))?;
    let (zoned, note) = understand("time", &input.time, &from)?;
    let mut results = Vec::new();
    for (index, name) in input.to.iter().enumerate() {
        let zone = zones::find(&format!("to[{index}]"), name)?;
        results.push(Moment::new(&zoned.with_time_zone(zone)));
    }
    let converted = Converted { source: Moment::new(&zoned), results, note };
    let mut text = format!("{}\n", converted.source.line());
    converted.results.iter().for_each(|moment| text.push_str(&format!("= {}\n", moment.line())));
    if let Some(note) = &converted.note {
        text.push_str(&format!("Note: {note}\n"));
    }
    Ok(Structured::new(converted).text(text))
}

/// Understands a written time; the note says what was decided when a local time is missing or doubled.
pub(crate) fn understand(argument: &str, text: &str, zone: &TimeZone) -> Result<(Zoned, Option<String>), ToolError> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("now") {
        return Ok((Timestamp::now().to_zoned(zone.clone()), None));
    }
    let instant = match text.strip_prefix('@') {
        Some(seconds) => seconds.parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()),
        None => text.parse::<Timestamp>().ok(),
    };
    if let Some(instant) = instant {
        return Ok((instant.to_zoned(zone.clone()), None));
    }
    let local = local(text, zone).ok_or_else(|| {
        ToolError::invalid(
            argument,
            format!("`{text}` is no time; write `2026-03-29T14:05`, `2026-03-29T14:05+02:00`, `14:05`, `@1774785909` or `now`"),
        )
    })?;
    settle(argument, local, zone)
}

fn local(text: &str, zone: &TimeZone) -> Option<DateTime> {
    if let Ok(local) = text.parse::<DateTime>() {
        return Some(local);
    }
    if let Ok(date) = text.parse::<Date>() {
        return Some(date.at(0, 0, 0, 0));
    }
    let time = text.parse::<Time>().ok()?;
    Some(Timestamp::now().to_zoned(zone.clone()).date().to_datetime(time))
}

fn settle(argument: &str, local: DateTime, zone: &TimeZone) -> Result<(Zoned, Option<String>), ToolError> {
    let ambiguous = zone.to_ambiguous_zoned(local);
    let name = zone.iana_name().unwrap_or("UTC");
    let offset = ambiguous.offset();
    let zoned = ambiguous.compatible().map_err(|error| ToolError::invalid(argument, error))?;
    let note = match offset {
        AmbiguousOffset::Unambiguous { .. } => None,
        AmbiguousOffset::Gap { before, after } => Some(format!(
            "{local} did not exist in {name}: the clocks went forward from UTC{before} to UTC{after}; taken as {}",
            zoned.datetime()
        )),
        AmbiguousOffset::Fold { before, after } => Some(format!(
            "{local} existed twice in {name}: the clocks went back from UTC{before} to UTC{after}; taken as the first \
             (UTC{before}). Write the offset to choose the other"
        )),
    };
    Ok((zoned, note))
}
