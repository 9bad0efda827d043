//! Guests that take what they can: time, stack, memory, tables, instances. The host says why it ends them, and others
//! go on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::time::{Duration, Instant};

use serde_json::json;
use tidegate_attack::{Mcp, Site, percentile, resident, settled};

const MIB: u64 = 1 << 20;

/// What the issue promises to others while endless loops run.
const PROMISE: Duration = Duration::from_millis(50);

/// The p99 of quick calls by one client while four others loop; every loop must end with its deadline.
fn p99_beside_loops(address: std::net::SocketAddr) -> Duration {
    std::thread::scope(|scope| {
        let loops: Vec<_> =
            (0..4).map(|_| scope.spawn(move || Mcp::new(address).say("spin", &json!({})).unwrap())).collect();
        std::thread::sleep(Duration::from_millis(300));
        let mut quick = Mcp::new(address);
        let mut times = Vec::new();
        for _ in 0..300 {
            let began = Instant::now();
            assert_eq!(quick.say("quick", &json!({})).unwrap(), "5");
            times.push(began.elapsed());
        }
        assert!(loops.iter().all(|one| !one.is_finished()), "the loops ended before the measurement did");
        for one in loops {
            let said = one.join().unwrap();
            assert!(said.contains("deadline of 15000 ms"), "{said}");
        }
        percentile(&mut times, 0.99)
    })
}

#[test]
fn four_endless_loops_do_not_delay_others() {
    let mut site = Site::new().unwrap();
    site.guest("spin", "limits = { deadline = \"15s\" }").unwrap();
    site.guest("quick", "").unwrap();
    let host = site.serve().unwrap();
    // The promise is about this host, not about whatever else a machine does: the best of three runs counts.
    let mut seen = Vec::new();
    for _ in 0..3 {
        let p99 = p99_beside_loops(host.address());
        seen.push(p99);
        if p99 < PROMISE {
            host.stop().unwrap();
            return;
        }
    }
    panic!("p99 of three runs: {seen:?}");
}

/// A guest, its tool, and what the host must say.
const GREEDY: &[(&str, &str, &[&str])] = &[
    ("start-loop", "begin", &["deadline of 500 ms"]),
    ("recurse", "recurse", &["stack limit reached", "policy key `stack` in `[pool]`"]),
    ("memory-bomb", "grow", &["memory limit of 64 MiB", "policy key `memory`"]),
    ("table-bomb", "lengthen", &["limit of 20000 table elements", "policy key `table-elements`"]),
    ("instances-bomb", "count", &["limit of 30 core instances", "policy key `instances`"]),
];

#[test]
fn greedy_guests_are_ended_with_the_limit_and_its_key() {
    let mut site = Site::new().unwrap();
    site.guest("quick", "").unwrap();
    for (guest, ..) in GREEDY {
        site.guest(guest, "limits = { deadline = \"500ms\" }").unwrap();
    }
    let host = site.serve().unwrap();
    let mut client = Mcp::new(host.address());
    let ask = |client: &mut Mcp| {
        for (guest, tool, expected) in GREEDY {
            let said = client.say(tool, &json!({})).unwrap();
            for part in *expected {
                assert!(said.contains(part), "{guest}: {said}");
            }
            assert_eq!(client.say("quick", &json!({})).unwrap(), "5", "after {guest}");
        }
    };
    ask(&mut client);
    let before = resident(host.pid()).unwrap();
    for _ in 0..20 {
        ask(&mut client);
    }
    let grown = resident(host.pid()).unwrap().saturating_sub(before);
    assert!(grown < 32 * MIB, "the host grew by {} MiB over 100 greedy calls", grown / MIB);
    host.stop().unwrap();
}

#[test]
fn a_thousand_traps_leave_nothing_behind() {
    let mut site = Site::new().unwrap();
    // Fewer slots than traps: one that is not given back is missed soon.
    site.policy("[pool]\ninstances = 20\n\n").unwrap();
    for guest in ["trap", "quick"] {
        site.guest(guest, "").unwrap();
    }
    let host = site.serve().unwrap();
    let mut client = Mcp::new(host.address());
    let trap = |client: &mut Mcp| {
        let said = client.say("trap", &json!({})).unwrap();
        assert!(said.contains("unreachable"), "{said}");
    };
    (0..50).for_each(|_| trap(&mut client));
    let before = resident(host.pid()).unwrap();
    (0..1000).for_each(|_| trap(&mut client));
    let grown = resident(host.pid()).unwrap().saturating_sub(before);
    assert!(grown < 32 * MIB, "the host grew by {} MiB over 1000 traps", grown / MIB);
    assert_eq!(client.say("quick", &json!({})).unwrap(), "5");
    host.stop().unwrap();
}

#[test]
fn a_stateless_guest_is_fresh_after_a_crash() {
    let mut site = Site::new().unwrap();
    site.guest("counter", "").unwrap();
    let host = site.serve().unwrap();
    let mut client = Mcp::new(host.address());
    for _ in 0..3 {
        assert_eq!(client.say("count", &json!({})).unwrap(), "1", "an instance kept something for the next call");
        assert!(client.say("crash", &json!({})).unwrap().contains("unreachable"));
    }
    host.stop().unwrap();
}

#[test]
fn a_stateful_guest_starts_again_after_a_wait() {
    let mut site = Site::new().unwrap();
    site.fixture("events", "").unwrap();
    let host = site.serve().unwrap();
    let mut client = Mcp::new(host.address());
    let count = |client: &mut Mcp| {
        let message = client.call("count", &json!({})).unwrap();
        message.pointer("/result/structuredContent/count").and_then(serde_json::Value::as_u64)
    };
    assert_eq!(count(&mut client), Some(1));
    assert_eq!(count(&mut client), Some(2));
    assert!(client.say("trap", &json!({})).unwrap().contains("unreachable"));
    let waiting = client.say("count", &json!({})).unwrap();
    assert!(waiting.contains("try again later") || waiting.contains("again in"), "{waiting}");
    let mut after = None;
    assert!(settled(|| {
        after = count(&mut client);
        after.is_some()
    }));
    assert_eq!(after, Some(1), "what a crashed instance kept is gone with it");
    assert_eq!(count(&mut client), Some(2));
    assert!(host.log().contains("events"), "{}", host.log());
    host.stop().unwrap();
}

#[test]
fn host_functions_give_no_more_than_they_may() {
    let mut site = Site::new().unwrap();
    for guest in ["random-bomb", "handle-bomb"] {
        site.guest(guest, "limits = { deadline = \"10s\" }").unwrap();
    }
    site.guest("quick", "").unwrap();
    let host = site.serve().unwrap();
    let mut client = Mcp::new(host.address());
    assert_eq!(client.say("quick", &json!({})).unwrap(), "5");
    let before = peak(host.pid());
    for length in [u64::MAX >> 12, 1 << 40, 1 << 33, 200 << 20] {
        let message = client.call("draw", &json!({ "len": length })).unwrap();
        assert!(message["error"].is_object() || message["result"]["isError"] == true, "{length} bytes: {message}");
        assert_eq!(client.say("quick", &json!({})).unwrap(), "5");
    }
    let message = client.call("hoard", &json!({})).unwrap();
    assert_eq!(message["result"]["isError"], true, "{message}");
    assert!(!tidegate_attack::text(&message).contains("deadline"), "a bound on handles ends it: {message}");
    assert_eq!(client.say("quick", &json!({})).unwrap(), "5");
    let grown = peak(host.pid()).saturating_sub(before);
    assert!(grown < 96 * MIB, "the host grew by {} MiB at its peak", grown / MIB);
    host.stop().unwrap();
}

/// The most memory that a process ever had, in bytes.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn a_guest_that_says_without_end_that_its_lists_changed_is_asked_once_at_a_time() {
    let mut site = Site::new().unwrap();
    site.fixture("events", "").unwrap();
    site.guest("quick", "").unwrap();
    let host = site.serve().unwrap();
    let mut client = Mcp::new(host.address());
    assert_eq!(client.say("announce", &json!({})).unwrap(), "announced");
    let floor = resident(host.pid()).unwrap();
    assert_eq!(client.say("announce", &json!({"again": 300_000})).unwrap(), "announced");
    let grown = resident(host.pid()).unwrap().saturating_sub(floor);
    println!("grew by {} MiB", grown / MIB);
    assert!(grown < 64 * MIB, "the host grew by {} MiB", grown / MIB);
    assert_eq!(client.say("quick", &json!({})).unwrap(), "5");
    let log = host.stop().unwrap();
    assert!(!log.contains("cannot be served"), "{log}");
}
