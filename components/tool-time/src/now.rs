//! `current_time`.
use jiff::Timestamp;
use tidegate_sdk::prelude::*;

use crate::moment::Moment;
use crate::zones;

/// The date and time right now, from the clock of this node, in a time zone. Use it whenever "now", "today" or a date
/// relative to today matters; models do not know the date. Gives offset, weekday, ISO week and daylight saving time too.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct CurrentTime {
    /// IANA time zone, `Europe/Berlin` for example. Default: `UTC`.
    #[serde(default = "utc")]
    zone: String,
}

fn utc() -> String {
    String::from("UTC")
}

pub(crate) fn current_time(input: CurrentTime, _call: &Call) -> Result<Structured<Moment>, ToolError> {
    let zone = zones::find("zone", &input.zone)?;
    let moment = Moment::new(&Timestamp::now().to_zoned(zone));
    let line = moment.line();
    Ok(Structured::new(moment).text(line))
}
