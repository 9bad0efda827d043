//! Every key that a policy may have is enforced: for each a case that fails where the key does nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;

use serde_json::{Value, json};
use tidegate_attack::{Mcp, Site};

/// One key of `[[grant]]`: a guest, its items, and calls: tool, arguments, what must be in the answer.
struct Case {
    key: &'static str,
    guest: Guest,
    lines: &'static str,
    calls: &'static [(&'static str, &'static str, &'static str)],
}

enum Guest {
    /// Of `tests/fixtures`.
    Fixture(&'static str),
    /// Of `guests/`.
    Text(&'static str),
}

use Guest::{Fixture, Text};

/// `HOST` in `lines` stands for a folder with the file `a.txt`.
const CASES: &[Case] = &[
    Case {
        key: "directories.access = read-only",
        guest: Fixture("reader"),
        lines: r#"directories = [{ host = "HOST", guest = "/data", access = "read-only" }]"#,
        calls: &[
            ("path", r#"{"action":"read","path":"/data/a.txt"}"#, "in the file"),
            ("path", r#"{"action":"write","path":"/data/a.txt","text":"x"}"#, "os error"),
            ("path", r#"{"action":"remove","path":"/data/a.txt"}"#, "os error"),
            ("path", r#"{"action":"rename","path":"/data/a.txt","to":"/data/b.txt"}"#, "os error"),
            ("path", r#"{"action":"link","path":"/data/a.txt","to":"/data/b.txt"}"#, "os error"),
        ],
    },
    Case {
        key: "directories.access = read-write",
        guest: Fixture("reader"),
        lines: r#"directories = [{ host = "HOST", guest = "/data", access = "read-write" }]"#,
        calls: &[("path", r#"{"action":"write","path":"/data/new.txt","text":"x"}"#, "done")],
    },
    Case {
        key: "directories.guest",
        guest: Fixture("reader"),
        lines: r#"directories = [{ host = "HOST", guest = "/other", access = "read-only" }]"#,
        calls: &[
            ("path", r#"{"action":"read","path":"/other/a.txt"}"#, "in the file"),
            ("path", r#"{"action":"read","path":"/data/a.txt"}"#, "No such file"),
        ],
    },
    Case {
        key: "network",
        guest: Fixture("connector"),
        lines: r#"network = ["192.0.2.1:80"]"#,
        calls: &[
            ("connect", r#"{"url":"http://192.0.2.2/"}"#, "Denied"),
            ("connect", r#"{"url":"http://192.0.2.1:81/"}"#, "Denied"),
            ("connect", r#"{"url":"http://example.com:81/"}"#, "Denied"),
        ],
    },
    Case {
        key: "network, `*.domain`",
        guest: Fixture("connector"),
        lines: r#"network = ["*.example.com:80"]"#,
        calls: &[
            ("connect", r#"{"url":"http://example.com/"}"#, "Denied"),
            ("connect", r#"{"url":"http://notexample.com/"}"#, "Denied"),
            ("connect", r#"{"url":"http://a.example.com.evil.test/"}"#, "Denied"),
        ],
    },
    Case {
        key: "network, CIDR",
        guest: Fixture("connector"),
        lines: r#"network = ["127.0.0.0/30:*"]"#,
        calls: &[
            ("connect", r#"{"url":"http://127.0.0.1:1/"}"#, "refused the connection"),
            ("connect", r#"{"url":"http://127.0.0.4:1/"}"#, "Denied"),
        ],
    },
    Case {
        key: "environment and config",
        guest: Fixture("secret-user"),
        lines: "environment = { TIDEGATE_TEST = \"a value\" }\nconfig = { units = \"metric\" }\nsecrets = [\"token\"]",
        calls: &[
            ("look_around", "{}", r#"["TIDEGATE_TEST=a value"]"#),
            ("look_around", "{}", r#"["units=metric"]"#),
            ("use_secret", r#"{"name":"token"}"#, "5 bytes"),
            ("use_secret", r#"{"name":"unlisted"}"#, "Denied"),
        ],
    },
    Case {
        key: "kv.access = read-only",
        guest: Fixture("kv-user"),
        lines: r#"kv = [{ namespace = "notes", access = "read-only" }]"#,
        calls: &[
            ("kv", r#"{"namespace":"notes","action":"get","key":"a"}"#, "none"),
            ("kv", r#"{"namespace":"notes","action":"set","key":"a","value":"x"}"#, "Denied"),
            ("kv", r#"{"namespace":"notes","action":"delete","key":"a"}"#, "Denied"),
            ("kv", r#"{"namespace":"notes","action":"swap","key":"a","value":"x"}"#, "Denied"),
            ("kv", r#"{"namespace":"others","action":"get","key":"a"}"#, "Denied"),
        ],
    },
    Case {
        key: "kv.bytes",
        guest: Fixture("kv-user"),
        lines: r#"kv = [{ namespace = "small", access = "read-write", bytes = 20 }]"#,
        calls: &[
            ("kv", r#"{"namespace":"small","action":"set","key":"a","value":"x"}"#, "set"),
            ("kv", r#"{"namespace":"small","action":"set","key":"b","value":"0123456789012345678901234"}"#, "Full"),
        ],
    },
    Case {
        key: "limits.memory",
        guest: Text("memory-bomb"),
        lines: r#"limits = { memory = "2MiB" }"#,
        calls: &[("grow", "{}", "memory limit of 2 MiB")],
    },
    Case {
        key: "limits.table-elements",
        guest: Text("table-bomb"),
        lines: "limits = { table-elements = 700 }",
        calls: &[("lengthen", "{}", "limit of 700 table elements, it asked for 1000")],
    },
    Case {
        key: "limits.instances, raised",
        guest: Text("instances-bomb"),
        lines: "limits = { instances = 41 }",
        calls: &[("count", "{}", "41")],
    },
    Case {
        key: "limits.instances, one too few",
        guest: Text("instances-bomb"),
        lines: "limits = { instances = 40 }",
        calls: &[("count", "{}", "limit of 40 core instances")],
    },
    Case {
        key: "limits.host-call",
        guest: Fixture("content"),
        lines: r#"limits = { host-call = "64KiB" }"#,
        calls: &[
            ("long", r#"{"bytes":30000}"#, "xxxx"),
            ("long", r#"{"bytes":200000}"#, "limit of 64 KiB for one host call reached (policy key `host-call`)"),
        ],
    },
    Case {
        key: "limits.output",
        guest: Fixture("content"),
        lines: r#"limits = { output = "64KiB" }"#,
        calls: &[("long", r#"{"bytes":30000}"#, "xxxx"), ("long", r#"{"bytes":200000}"#, "policy key `output`")],
    },
    Case {
        key: "limits.deadline",
        guest: Text("spin"),
        lines: r#"limits = { deadline = "300ms" }"#,
        calls: &[("spin", "{}", "deadline of 300 ms")],
    },
];

#[test]
fn every_key_of_a_grant_is_enforced() {
    let mut failures = Vec::new();
    // Cases with the same guest need a host of their own; each round takes one case of every guest.
    let mut rest: Vec<&Case> = CASES.iter().collect();
    while !rest.is_empty() {
        let mut round: Vec<&Case> = Vec::new();
        rest.retain(|case| {
            let taken = round.iter().any(|other| name(other) == name(case));
            if !taken {
                round.push(case);
            }
            taken
        });
        failures.extend(play(&round));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_limit_has_its_case() {
    for limit in tidegate_grant::LIMITS {
        let key = format!("limits.{}", limit.key);
        // `concurrency` needs several calls at once: it has a test of its own.
        let covered = limit.key == "concurrency" || CASES.iter().any(|case| case.key.starts_with(&key));
        assert!(covered, "the limit `{}` has no case here", limit.key);
    }
    let pool: Vec<_> = tidegate_grant::POOL_LIMITS.iter().map(|limit| limit.key).collect();
    assert_eq!(pool, ["stack", "instances"], "`the_pool_bounds_all_components_together` attacks these");
}

fn name(case: &Case) -> &'static str {
    match case.guest {
        Fixture(name) | Text(name) => name,
    }
}

fn play(cases: &[&Case]) -> Vec<String> {
    let mut site = Site::new().unwrap();
    fs::create_dir(site.path("folder")).unwrap();
    fs::write(site.path("folder/a.txt"), "in the file").unwrap();
    fs::write(site.path("token.txt"), "12345").unwrap();
    site.policy("[secrets.token]\nfile = \"token.txt\"\n\n[secrets.unlisted]\nfile = \"token.txt\"\n\n").unwrap();
    for case in cases {
        let lines = case.lines.replace("HOST", &site.shown("folder"));
        match case.guest {
            Fixture(name) => site.fixture(name, &lines).unwrap(),
            Text(name) => site.guest(name, &lines).unwrap(),
        };
    }
    let host = site.serve().unwrap();
    let mut client = Mcp::new(host.address());
    let mut failures = Vec::new();
    for case in cases {
        for (tool, arguments, expected) in case.calls {
            let arguments: Value = serde_json::from_str(arguments).unwrap();
            let mut answer = client.call(tool, &arguments).unwrap();
            let structured = answer["result"]["structuredContent"].take().to_string();
            let said = tidegate_attack::text(&answer) + "\n" + &structured;
            if !said.contains(expected) {
                let said: String = said.chars().take(300).collect();
                failures.push(format!("`{}`: {tool} {arguments}: no `{expected}` in `{said}`", case.key));
            }
        }
    }
    host.stop().unwrap();
    failures
}

#[test]
fn system_and_gateway_must_be_granted() {
    let mut site = Site::new().unwrap();
    site.shipped("tool-system", "").unwrap();
    let host = site.serve().unwrap();
    let said = site.add(&site.path("components/tool-system.wasm")).unwrap();
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains("tidegate:host/system") && said.err.contains("system = true"), "{}", said.err);
    host.stop().unwrap();

    // A protocol that may not reach the gateway serves nobody.
    site.node().write_policy("").unwrap();
    let host = site.serve().unwrap();
    let said = site.add(&site.path("components/protocol-mcp.wasm")).unwrap();
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains("tidegate:gateway/") && said.err.contains("gateway = true"), "{}", said.err);
    host.stop().unwrap();
}

#[test]
fn concurrency_bounds_the_calls_that_run_and_wait() {
    let mut site = Site::new().unwrap();
    site.guest("spin", "limits = { deadline = \"2s\", concurrency = 1 }").unwrap();
    let host = site.serve().unwrap();
    let address = host.address();
    let said: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> =
            (0..4).map(|_| scope.spawn(move || Mcp::new(address).say("spin", &json!({})).unwrap())).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let busy = said.iter().filter(|said| said.contains("policy key `concurrency`")).count();
    let ended = said.iter().filter(|said| said.contains("deadline of 2000 ms")).count();
    assert_eq!((busy, ended), (2, 2), "one runs, one waits, two are refused: {said:?}");
    host.stop().unwrap();
}

#[test]
fn the_pool_bounds_all_components_together() {
    let deep = |stack: &str, instances: u32| {
        let mut site = Site::new().unwrap();
        site.policy(&format!("[pool]\nstack = \"{stack}\"\ninstances = {instances}\n\n")).unwrap();
        site.guest("depth", "").unwrap();
        site.guest("spin", "limits = { deadline = \"2s\" }").unwrap();
        let host = site.serve().unwrap();
        let said = Mcp::new(host.address()).say("down", &json!({ "n": 10_000 })).unwrap();
        (site, host, said)
    };
    let (_site, host, said) = deep("4MiB", 4);
    assert_eq!(said, "10000", "`stack` gives what it says");
    // Two slots of four for a spinning call: its protocol instance and its own.
    let address = host.address();
    let said: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(move || {
                    // A protocol instance that finds no slot is an answer without a message.
                    let body = Mcp::new(address).say("spin", &json!({}));
                    body.unwrap_or_else(|error| format!("{error:#}"))
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert!(said.iter().any(|said| said.contains("no free slot")), "{said:?}");
    assert_eq!(Mcp::new(address).say("down", &json!({ "n": 10 })).unwrap(), "10", "and all slots are free again");
    host.stop().unwrap();

    let (_site, host, said) = deep("64KiB", 100);
    assert!(said.contains("policy key `stack`"), "{said}");
    host.stop().unwrap();
}

#[test]
fn the_role_for_native_code_lets_no_component_in() {
    let mut site = Site::new().unwrap();
    let quick = site.guest("quick", "").unwrap();
    let policy = fs::read_to_string(site.path("policy.toml")).unwrap();
    fs::write(site.path("policy.toml"), policy.replace("[\"component\"]", "[\"native-code\"]")).unwrap();
    let said = site.add(&quick).unwrap();
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains("is signed by `tests`, who may not sign components"), "{}", said.err);
    fs::write(site.path("policy.toml"), policy.replace("[\"component\"]", "[\"nativecode\"]")).unwrap();
    let said = site.add(&quick).unwrap();
    assert!(said.code == 2 && said.err.contains("did you mean `native-code`?"), "{}", said.err);
}

#[test]
fn a_grant_counts_for_its_component_only() {
    let mut site = Site::new().unwrap();
    site.fixture("kv-user", "").unwrap();
    site.grant("kv-users", "kv = [{ namespace = \"notes\", access = \"read-write\" }]").unwrap();
    let host = site.serve().unwrap();
    let said = site.add(&site.path("components/kv-user.wasm")).unwrap();
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains("tidegate:host/kv"), "{}", said.err);
    host.stop().unwrap();
}

#[test]
fn a_policy_with_a_mistake_is_not_used_at_all() {
    let mut site = Site::new().unwrap();
    site.guest("quick", "memroy = 1").unwrap();
    let said = site.tidegate("run", &["--listen", "127.0.0.1:0", "--components", &site.shown("components")]).unwrap();
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("memroy") && said.err.contains("policy.toml:"), "{}", said.err);
}
