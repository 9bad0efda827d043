#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
use tidegate_sdk::CallError;
use tidegate_sdk::serde_json::{Value, from_str};

fn call(name: &str, arguments: &str) -> Value {
    let output = crate::toolbox().call_detached(name, arguments).unwrap();
    assert!(!output.is_error, "{}", output.plain_text());
    from_str(output.structured.as_ref().unwrap()).unwrap()
}

fn refused(name: &str, arguments: &str) -> String {
    let error: CallError = crate::toolbox().call_detached(name, arguments).unwrap_err();
    error.to_string()
}

#[test]
fn now_is_the_same_instant_in_every_zone() {
    let utc = call("current_time", "{}");
    let tokyo = call("current_time", r#"{"zone": "asia/tokyo"}"#);
    let apart = tokyo["unix_seconds"].as_i64().unwrap() - utc["unix_seconds"].as_i64().unwrap();
    assert!((0..60).contains(&apart));
    assert_eq!((tokyo["zone"].as_str(), tokyo["utc_offset_seconds"].as_i64()), (Some("Asia/Tokyo"), Some(9 * 3600)));
    assert!(tokyo.get("next_clock_change").is_none(), "Japan has no daylight saving time");
}

#[test]
fn conversion_knows_daylight_saving_time() {
    let summer = call(
        "convert_time",
        r#"{"time": "2026-07-01T12:00", "from": "Europe/Berlin", "to": ["UTC", "America/New_York"]}"#,
    );
    assert_eq!(summer["results"][0]["iso"], "2026-07-01T10:00:00+00:00");
    assert_eq!(summer["results"][1]["iso"], "2026-07-01T06:00:00-04:00");
    assert_eq!(summer["source"]["abbreviation"], "CEST");
    assert_eq!(summer["source"]["next_clock_change"], "2026-10-25T01:00:00Z");
    let winter = call("convert_time", r#"{"time": "2026-01-01T12:00", "from": "Europe/Berlin", "to": ["UTC"]}"#);
    assert_eq!(winter["results"][0]["iso"], "2026-01-01T11:00:00+00:00");
    assert!(winter.get("note").is_none());
}

#[test]
fn a_time_that_does_not_exist_is_explained() {
    let gap = call("convert_time", r#"{"time": "2026-03-29T02:30", "from": "Europe/Berlin", "to": ["UTC"]}"#);
    assert_eq!(gap["results"][0]["iso"], "2026-03-29T01:30:00+00:00");
    assert!(gap["note"].as_str().unwrap().contains("did not exist in Europe/Berlin"));
}

#[test]
fn a_time_that_exists_twice_is_explained_and_an_offset_chooses() {
    let fold = call("convert_time", r#"{"time": "2026-10-25T02:30", "from": "Europe/Berlin", "to": ["UTC"]}"#);
    assert_eq!(fold["results"][0]["iso"], "2026-10-25T00:30:00+00:00");
    assert!(fold["note"].as_str().unwrap().contains("existed twice"));
    let second = call("convert_time", r#"{"time": "2026-10-25T02:30+01:00", "from": "Europe/Berlin", "to": ["UTC"]}"#);
    assert_eq!(second["results"][0]["iso"], "2026-10-25T01:30:00+00:00");
    assert!(second.get("note").is_none());
}

#[test]
fn offsets_and_unix_seconds_are_understood() {
    let result = call("convert_time", r#"{"time": "@0", "to": ["+05:30", "-0930", "Z"]}"#);
    assert_eq!(result["results"][0]["iso"], "1970-01-01T05:30:00+05:30");
    assert_eq!(result["results"][1]["iso"], "1969-12-31T14:30:00-09:30");
    assert_eq!(result["results"][2]["iso"], "1970-01-01T00:00:00+00:00");
}

#[test]
fn unknown_zones_propose_near_ones() {
    assert!(refused("current_time", r#"{"zone": "Berlin"}"#).contains("`Europe/Berlin`"));
    assert!(refused("current_time", r#"{"zone": "Europe/Berlni"}"#).contains("`Europe/Berlin`"));
    assert!(refused("current_time", r#"{"zone": "New York"}"#).contains("`America/New_York`"));
    assert!(refused("current_time", r#"{"zone": "+99:00"}"#).contains("no offset"));
    let text = refused("convert_time", r#"{"time": "now", "to": ["UTC", "Atlantis/Capital_City_Of"]}"#);
    assert!(text.starts_with("argument `to[1]`: no time zone"), "{text}");
}

#[test]
fn a_bad_time_says_how_to_write_one() {
    assert!(refused("convert_time", r#"{"time": "tomorrow", "to": ["UTC"]}"#).contains("write `2026-03-29T14:05`"));
    assert!(refused("convert_time", r#"{"time": "now", "to": []}"#).contains("1 to 20"));
}

#[test]
fn differences_are_counted_by_the_calendar() {
    let age = call("time_difference", r#"{"start": "2024-02-29", "end": "2026-03-01T12:00"}"#);
    assert_eq!(age["calendar"], "P2Y1DT12H");
    assert_eq!(
        (age["readable"].as_str(), age["calendar_days"].as_i64()),
        (Some("2 years, 1 day, 12 hours"), Some(731))
    );
    let night =
        call("time_difference", r#"{"start": "2026-03-28T12:00", "end": "2026-03-29T12:00", "zone": "Europe/Berlin"}"#);
    assert_eq!((night["seconds"].as_i64(), night["readable"].as_str()), (Some(23 * 3600), Some("1 day")));
    let back = call("time_difference", r#"{"start": "2026-01-02", "end": "2026-01-01"}"#);
    assert_eq!((back["seconds"].as_i64(), back["readable"].as_str()), (Some(-86400), Some("1 day before")));
}

#[test]
fn zones_are_listed_in_pages() {
    let berlin = call("list_time_zones", r#"{"contains": "berlin"}"#);
    assert_eq!((berlin["total"].as_u64(), berlin["zones"][0]["name"].as_str()), (Some(1), Some("Europe/Berlin")));
    let first = call("list_time_zones", "{}");
    let total = first["total"].as_u64().unwrap();
    assert!(total > 400, "{total}");
    let next = first["next_offset"].as_u64().unwrap();
    let second = call("list_time_zones", &format!(r#"{{"offset": {next}}}"#));
    assert_ne!(first["zones"][0], second["zones"][0]);
    let nothing = crate::toolbox().call_detached("list_time_zones", r#"{"contains": "atlantis"}"#).unwrap();
    assert!(nothing.is_error);
}
