//! What guests must not reach: files beyond the granted directory, addresses beyond the granted ones, secrets, the
//! host's own environment, the protocol's stream.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tidegate_attack::{Mcp, Site};
use tidegate_e2e::{Client, Library};

const MIB: usize = 1 << 20;
const SECRET: &str = "what-nobody-shall-read";

fn reader(site: &mut Site, access: &str) {
    let folder = site.path("granted");
    fs::create_dir_all(folder.join("sub")).unwrap();
    fs::write(folder.join("open.txt"), "open").unwrap();
    fs::create_dir(site.path("beside")).unwrap();
    fs::write(site.path("beside/secret.txt"), SECRET).unwrap();
    fs::write(site.path("secret.txt"), SECRET).unwrap();
    let host = site.shown("granted");
    let line = format!("directories = [{{ host = \"{host}\", guest = \"/data\", access = \"{access}\" }}]");
    site.fixture("reader", &line).unwrap();
}

fn act(client: &mut Mcp, action: &str, path: &str, to: &str) -> (bool, String) {
    let answer = client.call("path", &json!({ "action": action, "path": path, "to": to, "text": "changed" })).unwrap();
    let good = answer.get("error").is_none() && answer["result"]["isError"] != true;
    (good, tidegate_attack::text(&answer))
}

#[test]
fn no_path_leads_out_of_the_granted_directory() {
    let mut site = Site::new().unwrap();
    reader(&mut site, "read-write");
    let granted = site.path("granted");
    let inner = site.shown("secret.txt");
    symlink("../secret.txt", granted.join("link-up")).unwrap();
    symlink(&inner, granted.join("link-absolute")).unwrap();
    symlink(site.path("beside"), granted.join("link-folder")).unwrap();
    symlink("link-up", granted.join("link-link")).unwrap();
    symlink("/", granted.join("root")).unwrap();
    symlink("/proc/self/environ", granted.join("environ")).unwrap();
    let host = site.serve().unwrap();
    let mut client = Mcp::new(host.address());
    assert_eq!(act(&mut client, "read", "/data/open.txt", ""), (true, "open".to_owned()));
    assert_eq!(act(&mut client, "read", "/data/sub/../open.txt", ""), (true, "open".to_owned()));
    let long = format!("/data/{}", "a/".repeat(5000));
    let up = format!("/data/{}etc/passwd", "../".repeat(40));
    let paths = [
        "/data/../secret.txt",
        "/data/sub/../../secret.txt",
        "/data//..//secret.txt",
        "/data/./../secret.txt",
        "/data/sub/./.././../secret.txt",
        "/data/../granted/../secret.txt",
        "/data/..",
        "/data/../beside/secret.txt",
        "/data/link-up",
        "/data/link-absolute",
        "/data/link-link",
        "/data/link-folder/secret.txt",
        "/data/root/etc/passwd",
        "/data/environ",
        "/etc/passwd",
        "//etc/passwd",
        "/data/../../etc/passwd",
        "/data\0/../secret.txt",
        "/data/..\0",
        "/datax/../secret.txt",
        "../secret.txt",
        "secret.txt",
        ".",
        "",
        "/",
        "/proc/self/environ",
        "/proc/1/root/etc/passwd",
        inner.as_str(),
        long.as_str(),
        up.as_str(),
    ];
    for path in paths {
        for action in ["read", "list", "write", "remove", "stat"] {
            let (good, said) = act(&mut client, action, path, "");
            // What a link itself is, and its removal, are the directory's own affair; where it leads is not.
            let own = path.starts_with("/data/link-") && !path.contains("folder/") || path == "/data/environ";
            if own && matches!(action, "stat" | "remove") {
                continue;
            }
            assert!(!good, "{action} `{}`: {said}", path.escape_debug());
            assert!(!said.contains(SECRET) && !said.contains("root:"), "{action} `{path}`: {said}");
        }
        symlink("../secret.txt", granted.join("link-up")).ok();
        symlink("link-up", granted.join("link-link")).ok();
        symlink(&inner, granted.join("link-absolute")).ok();
        symlink(site.path("beside"), granted.join("link-folder")).ok();
    }
    for (action, path, to) in [
        ("rename", "/data/open.txt", "/data/../stolen"),
        ("rename", "/data/../secret.txt", "/data/taken"),
        ("rename", "/data/open.txt", "/data/link-folder/stolen"),
        ("link", "/data/../secret.txt", "/data/taken"),
        ("link", "/data/link-folder/secret.txt", "/data/taken"),
        ("symlink", &inner, "/data/own-absolute"),
    ] {
        let (good, said) = act(&mut client, action, path, to);
        assert!(!good, "{action} `{path}` `{to}`: {said}");
    }
    // A relative link may be made, but does not lead out.
    let _ = act(&mut client, "symlink", "../secret.txt", "/data/own-link");
    let (good, said) = act(&mut client, "read", "/data/own-link", "");
    assert!(!good && !said.contains(SECRET), "{said}");
    assert_eq!(fs::read_to_string(site.path("secret.txt")).unwrap(), SECRET);
    assert_eq!(fs::read_to_string(site.path("beside/secret.txt")).unwrap(), SECRET);
    assert!(!site.path("stolen").exists() && !site.path("beside/stolen").exists());
    assert_eq!(act(&mut client, "read", "/data/open.txt", ""), (true, "open".to_owned()));
    host.stop().unwrap();
}

#[test]
fn the_shipped_file_tools_stay_inside() {
    let mut site = Site::new().unwrap();
    fs::create_dir(site.path("granted")).unwrap();
    fs::write(site.path("granted/open.txt"), "open").unwrap();
    fs::write(site.path("secret.txt"), SECRET).unwrap();
    symlink("../secret.txt", site.path("granted/link")).unwrap();
    symlink(site.path(""), site.path("granted/up")).unwrap();
    let host = site.shown("granted");
    let line = format!("directories = [{{ host = \"{host}\", guest = \"/files\", access = \"read-only\" }}]");
    site.shipped("tool-files", &line).unwrap();
    let host = site.serve().unwrap();
    let mut client = Mcp::new(host.address());
    assert!(client.say("read_file", &json!({ "path": "/files/open.txt" })).unwrap().contains("open"));
    let inner = site.shown("secret.txt");
    for path in ["/files/../secret.txt", "/files/link", "/files/up/secret.txt", "../secret.txt", "/", "/etc", &inner] {
        for (tool, arguments) in [
            ("read_file", json!({ "path": path })),
            ("list_directory", json!({ "path": path })),
            ("search_files", json!({ "path": path, "text": "nobody" })),
            ("write_file", json!({ "path": path, "content": "changed" })),
        ] {
            let answer = client.call(tool, &arguments).unwrap();
            assert!(!answer.to_string().contains(SECRET), "{tool} `{path}`: {answer}");
            let failed = answer["error"].is_object() || answer["result"]["isError"] == true;
            assert!(failed || tool == "list_directory" || tool == "search_files", "{tool} `{path}`: {answer}");
            assert!(!answer.to_string().contains("secret.txt\"") || failed, "{tool} `{path}`: {answer}");
        }
    }
    assert_eq!(fs::read_to_string(site.path("secret.txt")).unwrap(), SECRET);
    let answer = client.call("write_file", &json!({ "path": "/files/new.txt", "content": "x" })).unwrap();
    assert_eq!(answer["result"]["isError"], true, "read-only: {answer}");
    host.stop().unwrap();
}

#[test]
fn a_link_that_changes_under_the_guest_does_not_lead_out() {
    let mut site = Site::new().unwrap();
    reader(&mut site, "read-only");
    let granted = site.path("granted");
    fs::create_dir(granted.join("real")).unwrap();
    fs::write(granted.join("real/secret.txt"), "harmless").unwrap();
    let host = site.serve().unwrap();
    let mut client = Mcp::new(host.address());
    let stop = Arc::new(AtomicBool::new(false));
    let swapping = std::thread::spawn({
        let (stop, granted, beside) = (Arc::clone(&stop), granted.clone(), site.path("beside"));
        move || {
            while !stop.load(Ordering::Relaxed) {
                // `door` is by turns a directory with a harmless file and a link to the one beside.
                symlink(&beside, granted.join("new")).unwrap();
                fs::rename(granted.join("new"), granted.join("door")).unwrap();
                fs::remove_file(granted.join("door")).unwrap();
                fs::rename(granted.join("real"), granted.join("door")).unwrap();
                fs::rename(granted.join("door"), granted.join("real")).unwrap();
            }
        }
    });
    let mut harmless = 0;
    for _ in 0..1500 {
        let (_, said) = act(&mut client, "read", "/data/door/secret.txt", "");
        assert!(!said.contains(SECRET), "{said}");
        harmless += usize::from(said == "harmless");
    }
    stop.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
    assert!(harmless > 0, "the swap was never seen from its good side: the test shows nothing");
    host.stop().unwrap();
}

#[test]
fn a_directory_that_is_renamed_or_replaced_stays_the_granted_one() {
    let mut site = Site::new().unwrap();
    reader(&mut site, "read-only");
    let host = site.serve().unwrap();
    let mut client = Mcp::new(host.address());
    fs::rename(site.path("granted"), site.path("moved")).unwrap();
    symlink(site.path("beside"), site.path("granted")).unwrap();
    let (_, said) = act(&mut client, "read", "/data/secret.txt", "");
    assert!(!said.contains(SECRET), "{said}");
    let (_, said) = act(&mut client, "read", "/data/../secret.txt", "");
    assert!(!said.contains(SECRET), "{said}");
    let (good, said) = act(&mut client, "write", "/data/open.txt", "");
    assert!(!good, "read-only: {said}");
    host.stop().unwrap();
}

/// A web server that redirects `/to?URL` and answers anything else with `SECRET`; it counts the latter.
fn web() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let reached = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&reached);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = BufReader::new(stream);
            let mut first = String::new();
            let _ = stream.read_line(&mut first);
            let mut line = String::from("x");
            while !line.trim().is_empty() {
                line.clear();
                if stream.read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
            }
            let path = first.split(' ').nth(1).unwrap_or_default();
            let (status, location) = match path.strip_prefix("/to?") {
                Some(target) => ("302 Found", format!("Location: {target}\r\n")),
                None => {
                    counter.fetch_add(1, Ordering::Relaxed);
                    ("200 OK", String::new())
                }
            };
            let head = format!("HTTP/1.1 {status}\r\n{location}Content-Length: {}\r\n", SECRET.len());
            let _ = write!(stream.get_mut(), "{head}Connection: close\r\n\r\n{SECRET}");
        }
    });
    (address, reached)
}

#[test]
fn no_address_beyond_the_granted_ones_is_reached() {
    let (granted, reached) = web();
    let (forbidden, intruded) = web();
    let port_of = |address: &str| address.rsplit(':').next().unwrap().to_owned();
    let (granted_port, port) = (port_of(&granted), port_of(&forbidden));
    let mut site = Site::new().unwrap();
    // `*:*` opens no private address, whatever a name resolves to; the exact address opens itself only.
    let network = format!("network = [\"{granted}\", \"*:*\"]");
    site.fixture("connector", &network).unwrap();
    site.shipped("tool-fetch", &format!("network = [\"{granted}\"]")).unwrap();
    let host = site.serve().unwrap();
    let mut client = Mcp::new(host.address());
    let mut connect = |url: &str| {
        let arguments = json!({ "url": url, "redirects": 5, "timeout_ms": 1500 });
        let answer = client.call("connect", &arguments).unwrap();
        (answer.get("error").is_none() && answer["result"]["isError"] != true, tidegate_attack::text(&answer))
    };
    let (good, said) = connect(&format!("http://{granted}/page"));
    assert!(good && said.contains(SECRET), "the granted address itself is open: {said}");
    let spellings = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://LOCALHOST.:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://[::ffff:7f00:1]:{port}/"),
        format!("http://[::127.0.0.1]:{port}/"),
        format!("http://[64:ff9b::7f00:1]:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f000001:{port}/"),
        format!("http://0x7f.0.0.1:{port}/"),
        format!("http://0177.0.0.1:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://0:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        format!("http://127.255.255.254:{port}/"),
        format!("http://{granted}@127.0.0.1:{port}/"),
        format!("http://user:secret@{granted}/"),
        format!("http://{granted}#@127.0.0.1:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fd00:ec2::254]/latest/meta-data/".to_owned(),
        "http://metadata.google.internal/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "http://192.168.0.1/".to_owned(),
        "http://172.16.0.1/".to_owned(),
        "http://100.64.0.1/".to_owned(),
        "file:///etc/passwd".to_owned(),
        format!("ftp://{granted}/"),
    ];
    for url in &spellings {
        let before = reached.load(Ordering::Relaxed);
        let (good, said) = connect(url);
        if url.contains('#') {
            // The part after `#` never was an address.
            continue;
        }
        assert!(!good, "`{url}`: {said}");
        assert!(!said.contains(SECRET), "`{url}`: {said}");
        assert_eq!(reached.load(Ordering::Relaxed), before, "`{url}`");
    }
    let redirects = ["http://127.0.0.1", "http://localhost", "http://[::ffff:127.0.0.1]", "http://2130706433"];
    for target in redirects.map(|host| format!("{host}:{port}/")) {
        let (good, said) = connect(&format!("http://{granted}/to?{target}"));
        assert!(!good && !said.contains(SECRET), "a redirect to `{target}`: {said}");
    }
    assert_eq!(intruded.load(Ordering::Relaxed), 0, "the server that nobody granted was reached");
    let (good, said) = connect(&format!("http://{granted}/to?http://127.0.0.1:{granted_port}/page"));
    assert!(good, "a redirect to the granted address is followed: {said}");
    let said = client.say("fetch", &json!({ "url": format!("http://{granted}/to?http://127.0.0.1:{port}/") })).unwrap();
    assert!(!said.contains(SECRET), "{said}");
    assert_eq!(intruded.load(Ordering::Relaxed), 0, "the shipped tool was redirected");
    let audit = fs::read_to_string(site.path("state/audit.jsonl")).unwrap();
    assert!(audit.contains("\"denied\"") && audit.contains("this line would permit it"), "{audit}");
    host.stop().unwrap();
}

#[test]
fn secrets_and_the_hosts_surroundings_stay_inside() {
    const VALUE: &str = "s3cr3t-value-that-must-not-leak";
    let mut site = Site::new().unwrap();
    fs::write(site.path("token.txt"), VALUE).unwrap();
    site.policy("[secrets.token]\nfile = \"token.txt\"\n\n[secrets.other]\nenvironment = \"TIDEGATE_TEST_SECRET\"\n\n")
        .unwrap();
    let lines = "secrets = [\"token\"]\nenvironment = { TIDEGATE_TEST = \"granted\" }\nconfig = { units = \"metric\" }";
    site.fixture("secret-user", lines).unwrap();
    let host = site.node().serve_with(|command| {
        command.env("TIDEGATE_TEST_SECRET", VALUE).env("HOST_ONLY", VALUE).args(["--log", "trace"]);
    });
    let host = host.unwrap();
    let mut client = Mcp::new(host.address());
    let used = client.say("use_secret", &json!({ "name": "token" })).unwrap();
    assert!(used.contains(&format!("{} bytes", VALUE.len())), "{used}");
    let other = client.say("use_secret", &json!({ "name": "other" })).unwrap();
    assert!(!other.contains("bytes"), "not granted: {other}");
    let around = client.call("look_around", &json!({})).unwrap();
    let around = &around["result"]["structuredContent"];
    assert_eq!(around["environment"], json!(["TIDEGATE_TEST=granted"]));
    assert_eq!(around["config"], json!(["units=metric"]));
    let shown = around["arguments"].to_string();
    assert!(!shown.contains("tidegate") && !shown.contains("policy"), "{shown}");
    let listing = site.tidegate("list", &["--json"]).unwrap();
    let inspected = site.tidegate("inspect", &["secret-user"]).unwrap();
    let explained = site.tidegate("policy", &["explain", "secret-user"]);
    let mut texts = vec![used, other, listing.out, listing.err, inspected.out, inspected.err];
    texts.extend(explained.map(|said| said.out + &said.err));
    texts.push(fs::read_to_string(site.path("state/audit.jsonl")).unwrap());
    texts.push(host.stop().unwrap());
    for text in texts {
        assert!(!text.contains(VALUE), "{text}");
    }
}

#[test]
fn what_a_guest_prints_goes_to_the_log_and_not_into_the_protocol() {
    let mut site = Site::new().unwrap();
    site.fixture("noisy", "").unwrap();
    let command = site.node().stdio_command().unwrap();
    // A real client reads every line as a message.
    let mut client = Client::connect_command(Library::Python("auto"), &command).unwrap();
    for _ in 0..3 {
        let result = client.call("shout", &json!({ "times": 5 })).unwrap();
        assert_eq!(result["content"][0]["text"], "quiet");
    }
    client.close().unwrap();

    // And line by line: whatever is on standard output is a message of this conversation.
    let mut child = std::process::Command::new(&command[0])
        .args(&command[1..])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    });
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for id in 1..=3 {
        let params = json!({ "name": "shout", "arguments": { "times": 20 }, "_meta": meta });
        writeln!(stdin, "{}", json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })).unwrap();
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(line["id"], id, "{line}");
        assert_eq!(line["result"]["content"][0]["text"], "quiet", "{line}");
    }
    drop(stdin);
    assert!(lines.next().is_none(), "something came after the last answer");
    let log = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert!(log.contains("forged on stdout") && log.contains("noise on stderr"), "{log}");
}

#[test]
fn a_guest_cannot_flood_the_log() {
    let mut site = Site::new().unwrap();
    site.fixture("noisy", "limits = { deadline = \"5s\" }").unwrap();
    let host = site.serve().unwrap();
    let mut client = Mcp::new(host.address());
    let _ = client.say("shout", &json!({ "times": 200_000 })).unwrap();
    let log = host.stop().unwrap();
    assert!(log.contains("lines a second"), "the log does not say that it drops lines");
    assert!(log.len() < MIB, "the log has {} bytes", log.len());
}

#[test]
fn a_pipe_in_a_granted_directory_holds_no_thread() {
    let mut site = Site::new().unwrap();
    reader(&mut site, "read-write");
    assert!(std::process::Command::new("mkfifo").arg(site.path("granted/pipe")).status().unwrap().success());
    site.grant("reader", "limits = { deadline = \"3s\" }").unwrap();
    let host = site.serve().unwrap();
    act(&mut Mcp::new(host.address()), "read", "/data/open.txt", "");
    let threads = || fs::read_dir(format!("/proc/{}/task", host.pid())).unwrap().count();
    let (before, address) = (threads(), host.address());
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(move || act(&mut Mcp::new(address), "read", "/data/pipe", ""));
        }
    });
    assert!(threads() <= before + 10, "{} threads more", threads() - before);
    host.stop().unwrap();
}
