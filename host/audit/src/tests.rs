#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;

use super::*;

#[test]
fn a_record_is_one_json_line_with_time_and_event() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let audit = Audit::new(vec![Arc::new(FileSink::open(&path).unwrap())]);
    audit.emit(Event::Removed { component: "a@1.0.0".to_owned() });
    audit.emit(Event::Called {
        principal: "key:a".to_owned(),
        tenant: Some("acme".to_owned()),
        component: "a".to_owned(),
        target: "line\nbreak".to_owned(),
        trace: None,
        end: CallEnd::ToolError,
        microseconds: 7,
    });
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["event"], "removed");
    assert!(lines[0]["at"].as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(lines[1]["end"], "tool-error");
    assert_eq!((&lines[1]["principal"], &lines[1]["tenant"]), (&"key:a".into(), &"acme".into()));
    assert_eq!(lines[1]["target"], "line\nbreak");
    assert!(lines[1].get("trace").is_none());
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let error = FileSink::open(std::path::Path::new("/nonexistent/audit.jsonl")).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/audit.jsonl"));
}
