//! What is called, with which input, and what must come back.

use std::path::PathBuf;

use serde_json::{Value, json};
use tidegate_e2e::Web;

/// What a call may refer to.
pub(crate) struct Surroundings {
    /// A web server that `tool-fetch` may reach.
    #[allow(dead_code, reason = "the calls of tool-fetch use it")]
    pub(crate) web: Web,
    /// The folder that `tool-files` sees as `/files`; it holds `tide.txt`.
    #[allow(dead_code, reason = "the calls of tool-files use it")]
    pub(crate) files: PathBuf,
}

/// One call. Calls run in their order, each client from a fresh node on.
pub(crate) struct Call {
    pub(crate) tool: &'static str,
    pub(crate) arguments: fn(&Surroundings) -> Value,
    pub(crate) check: fn(&Value, &Surroundings),
}

/// Every tool that the shipped components offer.
pub(crate) const TOOLS: &[&str] = &[
    "convert_time",
    "cpu_load",
    "current_time",
    "disk_usage",
    "list_time_zones",
    "memory_usage",
    "read_temperatures",
    "system_overview",
    "time_difference",
];

/// At least one call of each.
pub(crate) const CALLS: &[Call] = &[
    Call {
        tool: "current_time",
        arguments: |_| json!({"zone": "Asia/Tokyo"}),
        check: |result, _| {
            assert_eq!(structured(result)["utc_offset_seconds"], 9 * 3600, "{result}");
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            // The same clock: more than a day apart means that the guest does not see the node's.
            assert!(structured(result)["unix_seconds"].as_u64().unwrap().abs_diff(now) < 86_400, "{result}");
        },
    },
    Call {
        tool: "convert_time",
        arguments: |_| json!({"time": "2026-07-01T12:00", "from": "Europe/Berlin", "to": ["UTC", "America/New_York"]}),
        check: |result, _| {
            assert_eq!(structured(result)["results"][0]["iso"], "2026-07-01T10:00:00+00:00", "{result}");
            assert_eq!(structured(result)["results"][1]["iso"], "2026-07-01T06:00:00-04:00", "{result}");
            assert!(text(result).contains("America/New_York"), "{result}");
        },
    },
    Call {
        tool: "time_difference",
        arguments: |_| json!({"start": "2026-01-01", "end": "2026-03-01"}),
        check: |result, _| {
            assert_eq!(structured(result)["seconds"], 59 * 86_400, "{result}");
            assert_eq!(structured(result)["calendar_days"], 59, "{result}");
        },
    },
    Call {
        tool: "list_time_zones",
        arguments: |_| json!({"contains": "berlin"}),
        check: |result, _| assert_eq!(structured(result)["zones"][0]["name"], "Europe/Berlin", "{result}"),
    },
    Call {
        tool: "system_overview",
        arguments: |_| json!({}),
        check: |result, _| {
            assert!(structured(result)["uptime_seconds"].as_u64().unwrap() > 0, "{result}");
            assert!(!structured(result)["name"].as_str().unwrap().is_empty(), "{result}");
        },
    },
    Call {
        tool: "cpu_load",
        arguments: |_| json!({}),
        check: |result, _| assert!(structured(result)["processors"].as_u64().unwrap() >= 1, "{result}"),
    },
    Call {
        tool: "memory_usage",
        arguments: |_| json!({}),
        check: |result, _| {
            let memory = structured(result);
            assert!(memory["total_bytes"].as_u64().unwrap() >= memory["available_bytes"].as_u64().unwrap(), "{result}");
        },
    },
    Call {
        tool: "disk_usage",
        arguments: |_| json!({}),
        check: |result, _| assert!(structured(result)["disks"].is_array(), "{result}"),
    },
    Call {
        tool: "read_temperatures",
        arguments: |_| json!({}),
        // Virtual machines have no sensors.
        check: |result, _| assert!(structured(result)["sensors"].is_array(), "{result}"),
    },
];

/// Every tool has a call, so that a new one is not forgotten.
#[test]
fn every_tool_is_called() {
    for tool in TOOLS {
        assert!(CALLS.iter().any(|call| call.tool == *tool), "`{tool}` has no call");
    }
}

fn structured(result: &Value) -> &Value {
    &result["structuredContent"]
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}
