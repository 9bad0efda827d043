//! A moment as a result: one instant, as a zone shows it.
use jiff::Zoned;
use jiff::tz::TimeZone;
use tidegate_sdk::prelude::*;

/// One moment, as a time zone shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Moment {
    /// ISO 8601 with offset: `2026-03-29T14:05:09+02:00`.
    pub(crate) iso: String,
    /// Name of the time zone.
    pub(crate) zone: String,
    /// Abbreviation in use at that moment, `CEST` for example.
    pub(crate) abbreviation: String,
    /// Difference to UTC in seconds; positive is east.
    pub(crate) utc_offset_seconds: i32,
    /// Whether daylight saving time applies.
    pub(crate) daylight_saving: bool,
    /// Day of the week in English.
    pub(crate) weekday: String,
    /// Week of the year, ISO 8601: `2026-W13`.
    pub(crate) iso_week: String,
    /// Day of the year, 1 to 366.
    pub(crate) day_of_year: i16,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub(crate) unix_seconds: i64,
    /// When the clocks change next in this zone, as ISO 8601 in UTC; absent where they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_clock_change: Option<String>,
}

impl Moment {
    pub(crate) fn new(zoned: &Zoned) -> Self {
        let zone = zoned.time_zone();
        let info = zone.to_offset_info(zoned.timestamp());
        let week = zoned.date().iso_week_date();
        Self {
            iso: zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            zone: zone.iana_name().unwrap_or("UTC").to_owned(),
            abbreviation: info.abbreviation().to_owned(),
            utc_offset_seconds: info.offset().seconds(),
            daylight_saving: info.dst().is_dst(),
            weekday: zoned.strftime("%A").to_string(),
            iso_week: format!("{}-W{:02}", week.year(), week.week()),
            day_of_year: zoned.day_of_year(),
            unix_seconds: zoned.timestamp().as_second(),
            next_clock_change: next_change(zone, zoned),
        }
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let season = if self.daylight_saving { ", daylight saving time" } else { "" };
        format!("{} {} ({} {}{season})", self.weekday, self.iso, self.zone, self.abbreviation)
    }
}

/// Zones without changes in the future have none, whatever their past.
fn next_change(zone: &TimeZone, zoned: &Zoned) -> Option<String> {
    zone.following(zoned.timestamp()).next().map(|change| change.timestamp().to_string())
}
