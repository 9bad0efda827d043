#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use tidegate_audit::Audit;

use super::*;

fn called(component: &str, end: CallEnd, microseconds: u64) -> Event {
    let principal = "local".to_owned();
    Event::Called {
        principal,
        tenant: None,
        component: component.to_owned(),
        target: "t".to_owned(),
        trace: None,
        end,
        microseconds,
    }
}

#[test]
fn audit_events_are_counted_by_component_and_end() {
    let metrics = Arc::new(Metrics::new("1.2.3"));
    let audit = Audit::new(vec![metrics.clone()]);
    audit.emit(called("a", CallEnd::Done, 300));
    audit.emit(called("a", CallEnd::Done, 300));
    audit.emit(called("a", CallEnd::ToolError, 2_000_000));
    audit.emit(Event::Quarantined { component: "a@1.0.0".to_owned(), reason: "x".to_owned(), milliseconds: 5 });
    audit.emit(Event::Unauthenticated { from: "127.0.0.1:1".to_owned(), reason: "no".to_owned() });
    audit.emit(Event::Forbidden {
        principal: "key:a".to_owned(),
        tenant: None,
        component: "a".to_owned(),
        target: "t".to_owned(),
        scopes: Vec::new(),
    });
    metrics.answered(200);
    let text = metrics.text(&Now { components: vec![("a".to_owned(), 3)], memory: Some(4096) });
    for line in [
        r#"tidegate_build_info{version="1.2.3"} 1"#,
        r#"tidegate_calls_total{component="a",end="done"} 2"#,
        r#"tidegate_calls_total{component="a",end="tool-error"} 1"#,
        r#"tidegate_call_duration_seconds_bucket{le="0.00025",component="a"} 0"#,
        r#"tidegate_call_duration_seconds_bucket{le="0.0005",component="a"} 2"#,
        r#"tidegate_call_duration_seconds_count{component="a"} 3"#,
        r#"tidegate_calls_running{component="a"} 3"#,
        r#"tidegate_quarantines_total{component="a"} 1"#,
        r#"tidegate_forbidden_total{component="a"} 1"#,
        "tidegate_unauthenticated_total 1",
        r#"tidegate_http_answers_total{code="200"} 1"#,
        "process_resident_memory_bytes 4096",
    ] {
        assert!(text.lines().any(|is| is == line), "{line} is missing in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_component_that_is_gone_has_no_running_calls() {
    let metrics = Metrics::new("1");
    let _ = metrics.text(&Now { components: vec![("gone".to_owned(), 1)], memory: None });
    assert!(!metrics.text(&Now::default()).contains("gone"));
}

#[test]
fn refused_components_make_no_labels() {
    let metrics = Metrics::new("1");
    for number in 0..100 {
        let event = Event::Refused { component: format!("c{number}"), digest: None, reason: "no".to_owned() };
        metrics.write(&Record { at: SystemTime::now(), event });
    }
    let text = metrics.text(&Now::default());
    assert!(text.contains(r#"tidegate_loads_total{outcome="refused"} 100"#), "{text}");
    assert!(!text.contains("c7"));
}
