//! `time_difference`.
use jiff::Unit;
use jiff::tz::TimeZone;
use tidegate_sdk::prelude::*;

use crate::convert::understand;
use crate::zones;

/// The time between two moments: exact seconds, and years, months, days as a calendar counts them. Use it for ages,
/// deadlines and durations instead of arithmetic of your own. Negative when `end` is before `start`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct TimeDifference {
    /// From: ISO 8601, a date, `now` or `@` and Unix seconds.
    start: String,
    /// To: the same forms.
    end: String,
    /// Time zone of times without an offset, and of the calendar that counts days. Default: `UTC`.
    #[serde(default)]
    zone: Option<String>,
}

/// Time between two moments.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Difference {
    /// Exact, in seconds.
    seconds: i64,
    /// As the calendar of the zone counts, ISO 8601: `P1Y2M3DT4H`.
    calendar: String,
    /// The same for people.
    readable: String,
    /// Dates apart, whatever the hour.
    calendar_days: i64,
    /// Notes on times that do not exist or exist twice.
    notes: Vec<String>,
}

pub(crate) fn time_difference(input: TimeDifference, _call: &Call) -> Result<Structured<Difference>, ToolError> {
    let zone = match &input.zone {
        Some(name) => zones::find("zone", name)?,
        None => TimeZone::UTC,
    };
    let (start, first) = understand("start", &input.start, &zone)?;
    let (end, second) = understand("end", &input.end, &zone)?;
    let span = start.until((Unit::Year, &end)).map_err(|error| ToolError::invalid("end", error))?;
    let days = start.date().until((Unit::Day, end.date())).map_err(|error| ToolError::invalid("end", error))?;
    let difference = Difference {
        seconds: end.timestamp().as_second() - start.timestamp().as_second(),
        calendar: span.to_string(),
        readable: readable(&span),
        calendar_days: i64::from(days.get_days()),
        notes: first.into_iter().chain(second).collect(),
    };
    let text = format!("{} ({} seconds)", difference.readable, difference.seconds);
    Ok(Structured::new(difference).text(text))
}

fn readable(span: &jiff::Span) -> String {
    let parts = [
        (i64::from(span.get_years()), "year"),
        (i64::from(span.get_months()), "month"),
        (i64::from(span.get_days()), "day"),
        (i64::from(span.get_hours()), "hour"),
        (span.get_minutes(), "minute"),
        (span.get_seconds(), "second"),
    ];
    let words: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count != 0)
        .map(|(count, unit)| format!("{} {unit}{}", count.abs(), if count.abs() == 1 { "" } else { "s" }))
        .collect();
    match (words.is_empty(), span.is_negative()) {
        (true, _) => String::from("no time"),
        (false, true) => format!("{} before", words.join(", ")),
        (false, false) => words.join(", "),
    }
}
