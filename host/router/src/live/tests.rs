#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use tidegate_bindings::types::content::Severity;

use super::*;

fn live() -> Live {
    Live::new(ClientFeatures::empty(), Instant::now() + Duration::from_secs(60), 1 << 20)
}

fn report(progress: f64) -> Progress {
    Progress { progress, total: None, message: None }
}

fn message(data: &str) -> Message {
    Message { severity: Severity::Info, logger: None, data: data.to_owned() }
}

fn drain(live: &Live) -> Vec<String> {
    std::iter::from_fn(|| live.next())
        .map(|event| match event {
            Event::Progress(report) => format!("{}", report.progress),
            Event::Message(message) => message.data,
            Event::Done(end) => format!("{end:?}"),
        })
        .collect()
}

#[test]
fn progress_that_does_not_grow_is_dropped_and_the_last_report_always_arrives() {
    let live = live();
    for progress in [1.0, 1.0, 0.5, f64::NAN, 2.0, 3.0] {
        live.progress(report(progress));
    }
    live.finish(Err(Error::Cancelled));
    let seen = drain(&live);
    assert_eq!(seen.first().unwrap(), "1");
    assert_eq!(seen.iter().rev().nth(1).unwrap(), "3");
    assert!(seen.last().unwrap().contains("Cancelled"));
}

#[test]
fn a_reader_that_does_not_read_costs_bounded_memory_and_still_gets_the_end() {
    let live = Live::new(ClientFeatures::empty(), Instant::now(), 10_000);
    for number in 0..10_000 {
        live.message(message(&format!("{number:0>100}")));
    }
    live.finish(Err(Error::Cancelled));
    let seen = drain(&live);
    assert!(seen.len() < 100, "{} events were kept", seen.len());
    assert!(seen.iter().rev().nth(1).unwrap().ends_with("9999"));
    assert!(seen.last().unwrap().contains("Cancelled"));
}

#[test]
fn nothing_follows_the_end() {
    let live = live();
    live.finish(Err(Error::Cancelled));
    live.finish(Err(Error::Busy(String::new())));
    live.message(message("late"));
    assert_eq!(drain(&live).len(), 1);
}

#[tokio::test]
async fn a_held_report_wakes_the_reader_when_it_is_due() {
    let live = Arc::new(live());
    live.progress(report(1.0));
    assert_eq!(drain(&live), ["1"]);
    live.progress(report(2.0));
    live.wait().await;
    assert_eq!(drain(&live), ["2"]);
}

#[tokio::test]
async fn cancellation_is_seen_by_who_waits_and_by_who_comes_late() {
    let live = Arc::new(live());
    let waiting = tokio::spawn({
        let live = Arc::clone(&live);
        async move { live.cancelled().await }
    });
    tokio::task::yield_now().await;
    live.cancel();
    waiting.await.unwrap();
    live.cancelled().await;
    assert!(live.is_cancelled());
}
