//! What is called, with which input, and what must come back.

use std::path::PathBuf;

use serde_json::{Value, json};
use tidegate_e2e::Web;

/// What a call may refer to.
pub(crate) struct Surroundings {
    /// A web server that `tool-fetch` may reach.
    pub(crate) web: Web,
    /// The folder that `tool-files` sees as `/files`; it holds `tide.txt`.
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
    "add_note",
    "convert_time",
    "cpu_load",
    "current_time",
    "delete_note",
    "disk_usage",
    "fetch_url",
    "file_info",
    "get_note",
    "list_directory",
    "list_notes",
    "list_time_zones",
    "memory_usage",
    "post_url",
    "read_file",
    "read_temperatures",
    "search_files",
    "search_notes",
    "system_overview",
    "time_difference",
    "update_note",
    "write_file",
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
    Call {
        tool: "list_directory",
        arguments: |_| json!({"path": "/files"}),
        check: |result, _| assert!(text(result).contains("/files/tide.txt (38 bytes)"), "{result}"),
    },
    Call {
        tool: "read_file",
        arguments: |_| json!({"path": "/files/tide.txt"}),
        check: |result, around| {
            let on_disk = std::fs::read_to_string(around.files.join("tide.txt")).unwrap();
            assert_eq!(structured(result)["text"], on_disk, "{result}");
            assert_eq!(text(result), on_disk);
        },
    },
    Call {
        tool: "write_file",
        arguments: |_| json!({"path": "/files/logs/neap.txt", "content": "Neap tide: 潮 🌊\n", "create_directories": true}),
        check: |result, around| {
            assert_eq!(structured(result)["bytes"], 20, "{result}");
            let written = std::fs::read_to_string(around.files.join("logs/neap.txt")).unwrap();
            assert_eq!(written, "Neap tide: 潮 🌊\n");
        },
    },
    Call {
        tool: "search_files",
        arguments: |_| json!({"path": "/files", "name": "*.txt", "text": "low water"}),
        check: |result, _| {
            let expected = json!([{"path": "/files/tide.txt", "line": 2, "text": "Low water at six."}]);
            assert_eq!(structured(result)["matches"], expected, "{result}");
        },
    },
    Call {
        tool: "file_info",
        arguments: |_| json!({"path": "/files/tide.txt"}),
        check: |result, around| {
            assert_eq!(structured(result)["kind"], "file", "{result}");
            assert_eq!(structured(result)["size"], std::fs::metadata(around.files.join("tide.txt")).unwrap().len());
        },
    },
    Call {
        tool: "fetch_url",
        arguments: |around| json!({"url": around.web.url("/away")}),
        check: |result, around| {
            let fetched = structured(result);
            assert_eq!(fetched["status"], 200, "{result}");
            assert_eq!(fetched["url"], around.web.url("/page"), "the redirect is followed");
            assert_eq!(fetched["redirects"], json!([around.web.url("/away")]));
            let page = fetched["text"].as_str().unwrap();
            assert!(page.contains("High water") && page.contains("& midnight"), "{result}");
            assert!(!page.contains("x()") && !page.contains('<'), "HTML became text: {result}");
        },
    },
    Call {
        tool: "post_url",
        arguments: |around| json!({"url": around.web.url("/echo"), "body": "{\"tide\":\"low\"}"}),
        check: |result, _| {
            assert_eq!(structured(result)["headers"]["content-type"], "application/json", "{result}");
            let echoed: Value = serde_json::from_str(structured(result)["text"].as_str().unwrap()).unwrap();
            assert_eq!(echoed, json!({"tide": "low"}));
        },
    },
    Call {
        tool: "add_note",
        arguments: |_| json!({"title": "Harbour", "body": "The harbour master is Ida.", "tags": ["People"]}),
        check: |result, _| {
            assert_eq!(structured(result)["title"], "Harbour", "{result}");
            assert_eq!(structured(result)["tags"], json!(["people"]));
        },
    },
    Call {
        tool: "update_note",
        arguments: |_| json!({"id": 1, "append": "She likes tea."}),
        check: |result, _| {
            assert_eq!(structured(result)["body"], "The harbour master is Ida.\nShe likes tea.", "{result}");
        },
    },
    Call {
        tool: "get_note",
        arguments: |_| json!({"id": 1}),
        check: |result, _| {
            assert_eq!(structured(result)["body"], "The harbour master is Ida.\nShe likes tea.", "{result}");
            assert!(text(result).contains("1: Harbour #people"), "{result}");
        },
    },
    Call {
        tool: "list_notes",
        arguments: |_| json!({"tag": "people"}),
        check: |result, _| assert_eq!(structured(result)["notes"][0]["title"], "Harbour", "{result}"),
    },
    Call {
        tool: "search_notes",
        arguments: |_| json!({"query": "tea"}),
        check: |result, _| {
            assert_eq!(structured(result)["total"], 1, "{result}");
            assert!(structured(result)["notes"][0]["snippet"].as_str().unwrap().contains("She likes tea"), "{result}");
        },
    },
    Call {
        tool: "delete_note",
        arguments: |_| json!({"id": 1}),
        check: |result, _| assert_eq!(text(result), "Deleted note 1", "{result}"),
    },
];

/// A call that fails in the tool: the model reads why.
pub(crate) struct Failure {
    pub(crate) tool: &'static str,
    pub(crate) arguments: fn(&Surroundings) -> Value,
    /// What the answer says.
    pub(crate) says: &'static str,
}

/// Mistakes that a model makes.
pub(crate) const FAILURES: &[Failure] = &[
    Failure { tool: "current_time", arguments: |_| json!({"zone": "Atlantis/Sunk"}), says: "Atlantis/Sunk" },
    Failure { tool: "current_time", arguments: |_| json!({"zone": 5}), says: "zone" },
    Failure { tool: "convert_time", arguments: |_| json!({"to": ["UTC"]}), says: "`time`" },
    Failure { tool: "current_time", arguments: |_| json!({"zome": "UTC"}), says: "zome" },
    Failure {
        tool: "read_file",
        arguments: |_| json!({"path": "/files/none.txt"}),
        says: "`/files/none.txt` does not exist",
    },
    Failure {
        tool: "read_file",
        arguments: |_| json!({"path": "/etc/passwd"}),
        says: "granted directories are /files",
    },
    Failure { tool: "read_file", arguments: |_| json!({"path": "/files/../policy.toml"}), says: "`..`" },
    // Another port of this machine, which nobody granted.
    Failure { tool: "fetch_url", arguments: |_| json!({"url": "http://127.0.0.1:9/"}), says: "127.0.0.1" },
    Failure { tool: "get_note", arguments: |_| json!({"id": 999}), says: "no note has the id 999" },
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
