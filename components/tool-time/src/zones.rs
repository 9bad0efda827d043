//! Time zones by name, and `list_time_zones`.
use jiff::Timestamp;
use jiff::tz::{self, TimeZone};
use tidegate_sdk::prelude::*;

/// Names proposed for one that is not known.
const SUGGESTIONS: usize = 5;

/// Zones of one answer. All of them (about 600) are 20 KB that no model needs at once.
const PAGE: usize = 200;

/// A zone by its IANA name, in any case. `Z` and offsets such as `+05:30` are zones as well.
pub(crate) fn find(argument: &str, name: &str) -> Result<TimeZone, ToolError> {
    let name = name.trim();
    if name.eq_ignore_ascii_case("z") || name.eq_ignore_ascii_case("utc") {
        return Ok(TimeZone::UTC);
    }
    if name.starts_with(['+', '-']) {
        return offset(name).ok_or_else(|| {
            ToolError::invalid(argument, format!("`{name}` is no offset; write it as `+05:30` or name a zone"))
        });
    }
    tz::db().get(name).map_err(|_| {
        let near = nearest(name);
        let hint = match near.is_empty() {
            true => String::from("`list_time_zones` finds one by a part of its name"),
            false => format!("did you mean {}?", near.join(", ")),
        };
        ToolError::invalid(argument, format!("no time zone `{name}`; {hint}"))
    })
}

fn offset(text: &str) -> Option<TimeZone> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let shape_is_good = text.chars().skip(1).all(|c| c.is_ascii_digit() || c == ':');
    let (hours, minutes) = match digits.len() {
        2 => (digits.parse::<i32>().ok()?, 0),
        4 => (digits.get(..2)?.parse().ok()?, digits.get(2..)?.parse().ok()?),
        _ => return None,
    };
    (shape_is_good && hours <= 14 && minutes < 60)
        .then(|| tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok())
        .flatten()
        .map(TimeZone::fixed)
}

/// The known names that are most like this one: equal last part, then a part in common, then few typing errors.
pub(crate) fn nearest(name: &str) -> Vec<String> {
    let wanted = plain(name);
    let city = wanted.rsplit('/').next().unwrap_or_default().to_owned();
    let mut found: Vec<(usize, String)> = tz::db()
        .available()
        .filter_map(|known| {
            let known = known.as_str().to_owned();
            let simple = plain(&known);
            let known_city = simple.rsplit('/').next().unwrap_or_default();
            let typos = distance(&city, known_city).min(distance(&wanted, &simple));
            let score = match () {
                () if known_city == city => 0,
                () if city.len() >= 3 && simple.contains(&city) => 1,
                () if typos <= 1 + city.len() / 4 => 1 + typos,
                () => return None,
            };
            Some((score, known))
        })
        .collect();
    found.sort();
    found.into_iter().take(SUGGESTIONS).map(|(_, name)| format!("`{name}`")).collect()
}

/// Lower case, with `_` for spaces.
fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.iter().zip(row.iter().skip(1)) {
            left = (left + 1).min(above + 1).min(diagonal + usize::from(x != *y));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Finds IANA time zones by a part of their name (city, country or region), with their offset right now. Use it when a
/// zone's name is not known. At most 200 a call.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ListTimeZones {
    /// A part of the name, in any case: `berlin`, `America/`, `indian`. Default: all.
    #[serde(default)]
    contains: String,
    /// How many matches to pass over, for the next page.
    #[serde(default)]
    offset: usize,
}

/// Time zones.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TimeZones {
    /// The zones, by name.
    pub(crate) zones: Vec<Zone>,
    /// How many match in all.
    pub(crate) total: usize,
    /// `offset` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_offset: Option<usize>,
}

/// A time zone.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Zone {
    /// IANA name.
    pub(crate) name: String,
    /// Offset right now: `+02:00`.
    pub(crate) offset: String,
}

pub(crate) fn list_time_zones(input: ListTimeZones, _call: &Call) -> Result<Structured<TimeZones>, ToolError> {
    let wanted = plain(&input.contains);
    let now = Timestamp::now();
    let mut names: Vec<String> = tz::db().available().map(|name| name.as_str().to_owned()).collect();
    names.retain(|name| plain(name).contains(&wanted));
    names.sort();
    let total = names.len();
    let zones: Vec<Zone> = names
        .into_iter()
        .skip(input.offset)
        .take(PAGE)
        .filter_map(|name| {
            let zone = tz::db().get(&name).ok()?;
            let offset = now.to_zoned(zone).strftime("%:z").to_string();
            Some(Zone { name, offset })
        })
        .collect();
    if total == 0 {
        let near = nearest(&input.contains);
        let hint = if near.is_empty() { String::new() } else { format!("; near are {}", near.join(", ")) };
        return Err(ToolError::failed(format!("no time zone has `{}` in its name{hint}", input.contains)));
    }
    let end = input.offset.saturating_add(PAGE);
    let next_offset = (end < total).then_some(end);
    let mut text: String = zones.iter().map(|zone| format!("{} {}\n", zone.offset, zone.name)).collect();
    if let Some(next) = next_offset {
        text.push_str(&format!("{total} match; go on with offset {next}\n"));
    }
    Ok(Structured::new(TimeZones { zones, total, next_offset }).text(text))
}
