#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use super::*;

fn grant(lines: &[&str]) -> NetworkGrant {
    let connect = lines.iter().zip(1..).map(|(text, line)| {
        let destination = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        (destination, Origin { file: "policy.toml".into(), line })
    });
    NetworkGrant { connect: connect.collect() }
}

/// Each case: lines; host, port, resolved address; the number of the line that permits it, 0 for none.
fn check(lines: &[&str], cases: &[(&str, u16, &str, u32)]) {
    let grant = grant(lines);
    for (host, port, resolved, line) in cases {
        let permitted = grant.permits(host, *port, resolved.parse().unwrap()).map_or(0, |origin| origin.line);
        assert_eq!(permitted, *line, "{host}:{port} at {resolved} with {lines:?}");
    }
}

const PUBLIC: &str = "93.184.216.34";

#[test]
fn nothing_is_permitted_by_default() {
    check(&[], &[("example.com", 443, PUBLIC, 0), ("127.0.0.1", 80, "127.0.0.1", 0), ("localhost", 80, "::1", 0)]);
}

#[test]
fn exact_names() {
    check(
        &["api.example.com:443", "plain.example:*"],
        &[
            ("api.example.com", 443, PUBLIC, 1),
            ("API.Example.COM", 443, PUBLIC, 1),
            ("api.example.com.", 443, PUBLIC, 1),
            ("api.example.com..", 443, PUBLIC, 0),
            ("api.example.com", 80, PUBLIC, 0),
            ("api.example.com", 4430, PUBLIC, 0),
            ("example.com", 443, PUBLIC, 0),
            ("x.api.example.com", 443, PUBLIC, 0),
            ("xapi.example.com", 443, PUBLIC, 0),
            ("api.example.com.evil.test", 443, PUBLIC, 0),
            ("plain.example", 1, PUBLIC, 2),
            ("plain.example", 65535, PUBLIC, 2),
            // The address of a granted name is not granted by itself.
            (PUBLIC, 443, PUBLIC, 0),
        ],
    );
}

#[test]
fn domains_do_not_contain_their_apex() {
    check(
        &["*.example.com:443"],
        &[
            ("a.example.com", 443, PUBLIC, 1),
            ("a.b.example.com", 443, PUBLIC, 1),
            ("A.EXAMPLE.COM.", 443, PUBLIC, 1),
            ("example.com", 443, PUBLIC, 0),
            (".example.com", 443, PUBLIC, 0),
            ("notexample.com", 443, PUBLIC, 0),
            ("a.example.com", 80, PUBLIC, 0),
            ("a.example.com.evil.test", 443, PUBLIC, 0),
        ],
    );
}

#[test]
fn a_name_opens_no_address_that_is_not_public() {
    let lines = ["rebind.example:*", "*.example.com:*", "*:*"];
    for address in NOT_PUBLIC {
        for host in ["rebind.example", "a.example.com", "other.test", address, &format!("[{address}]")] {
            check(&lines, &[(host, 80, address, 0)]);
        }
    }
}

#[test]
fn any_public_host() {
    check(
        &["*:443"],
        &[
            ("example.com", 443, PUBLIC, 1),
            ("example.com", 443, "2606:2800:220:1::1", 1),
            ("example.com", 80, PUBLIC, 0),
            (PUBLIC, 443, PUBLIC, 1),
            ("[2606:2800:220:1::1]", 443, "2606:2800:220:1::1", 1),
            ("example.com", 443, "::ffff:93.184.216.34", 1),
            ("localhost", 443, "127.0.0.1", 0),
        ],
    );
}

#[test]
fn addresses_and_ranges_open_what_they_name() {
    check(
        &["127.0.0.1:8080", "10.0.0.0/8:1883", "[fd00::/8]:443", "[::1]:8080", "169.254.169.254:80"],
        &[
            ("127.0.0.1", 8080, "127.0.0.1", 1),
            ("localhost", 8080, "127.0.0.1", 1),
            ("localhost", 8080, "::1", 4),
            ("127.0.0.1", 8081, "127.0.0.1", 0),
            ("127.0.0.2", 8080, "127.0.0.2", 0),
            ("broker.lan", 1883, "10.255.255.255", 2),
            ("10.1.2.3", 1883, "10.1.2.3", 2),
            ("11.0.0.0", 1883, "11.0.0.0", 0),
            ("10.1.2.3", 1884, "10.1.2.3", 0),
            ("[fd00:ec2::254]", 443, "fd00:ec2::254", 3),
            ("fd00:ec2::254", 443, "fd00:ec2::254", 3),
            ("[fe80::1]", 443, "fe80::1", 0),
            ("metadata.test", 80, "169.254.169.254", 5),
            // IPv4 in IPv6 clothes is the IPv4 address.
            ("[::ffff:127.0.0.1]", 8080, "::ffff:127.0.0.1", 1),
            ("x.test", 1883, "::ffff:10.1.2.3", 2),
            ("[::ffff:10.1.2.3]", 8080, "::ffff:10.1.2.3", 0),
            // NAT64 to a granted range is another way there, and needs its own line.
            ("x.test", 1883, "64:ff9b::a01:203", 0),
        ],
    );
}

#[test]
fn a_written_address_is_connected_to_as_written() {
    check(
        &["93.184.216.34:443", "93.184.216.0/24:80", "*:443"],
        &[
            (PUBLIC, 443, PUBLIC, 1),
            (PUBLIC, 443, "1.1.1.1", 0),
            ("1.1.1.1", 443, PUBLIC, 0),
            ("93.184.216.1", 80, "93.184.216.1", 2),
            ("any.test", 80, "93.184.216.1", 2),
        ],
    );
}

/// Every address here needs a line of its own.
const NOT_PUBLIC: &[&str] = &[
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::a83f:8110",
    "64:ff9b:1::5db8:d822",
    "64:ff9b:1::1",
    "64:ff9b::1:5db8:d822",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:a9fe:a9fe::",
    "3fff::1",
    "3fff:fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
];

#[test]
fn special_addresses_are_not_public() {
    for address in NOT_PUBLIC {
        assert!(!is_public(address.parse().unwrap()), "{address}");
    }
    for address in [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "168.63.129.17",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.1",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2002:101:101::1",
        "2606:4700:4700::1111",
        "3ffe:ffff::1",
        "3fff:1000::1",
    ] {
        assert!(is_public(address.parse().unwrap()), "{address}");
    }
}

#[test]
fn destinations_are_written_as_they_are_read() {
    for (text, written) in [
        ("example.com:443", "example.com:443"),
        ("Example.COM.:443", "example.com:443"),
        ("*.Example.com:443", "*.example.com:443"),
        ("*:443", "*:443"),
        ("*:*", "*:*"),
        ("my_host:1", "my_host:1"),
        ("10.0.0.0/8:1883", "10.0.0.0/8:1883"),
        ("127.0.0.1:65535", "127.0.0.1:65535"),
        ("[::1]:80", "[::1]:80"),
        ("[FD00::/8]:443", "[fd00::/8]:443"),
        ("0.0.0.0/0:*", "0.0.0.0/0:*"),
        ("xn--bcher-kva.example:443", "xn--bcher-kva.example:443"),
    ] {
        let destination: Destination = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(destination.to_string(), written);
        assert_eq!(written.parse::<Destination>().as_ref(), Ok(&destination));
    }
}

#[test]
fn what_is_no_destination_says_why() {
    let long = format!("{}:443", "a".repeat(64));
    for (text, expected) in [
        ("example.com", "`example.com` has no port: write `example.com:443`, or `example.com:*` for any port"),
        ("[::1]", "`[::1]` has no port: write `[::1]:443`, or `[::1]:*` for any port"),
        ("example.com:", "`` is not a port: a number from 1 to 65535, or `*`"),
        ("example.com:0", "`0` is not a port: a number from 1 to 65535, or `*`"),
        ("example.com:65536", "`65536` is not a port: a number from 1 to 65535, or `*`"),
        ("example.com:+443", "`+443` is not a port: a number from 1 to 65535, or `*`"),
        ("example.com:0443", "`0443` is not a port: a number from 1 to 65535, or `*`"),
        ("example.com:https", "`https` is not a port: a number from 1 to 65535, or `*`"),
        (
            "https://example.com:443",
            "`https://example.com:443` is a URL: write host and port only, `example.com:443` for example",
        ),
        ("::1:80", "`::1:80` is an IPv6 address: put it into brackets, `[::1:80]:443` for example"),
        (
            "10.1.2.3/8:80",
            "`10.1.2.3/8` has bits outside its prefix: write `10.0.0.0/8` for the range, or leave `/` away for the address",
        ),
        (
            "[::ffff:10.0.0.0/104]:80",
            "`::ffff:10.0.0.0/104` is IPv4 written as IPv6 and would never match: write it as IPv4",
        ),
        ("[::ffff:127.0.0.1]:80", "`::ffff:127.0.0.1` is IPv4 written as IPv6 and would never match: write it as IPv4"),
        ("localhost:80", "`localhost` means this machine: name the address, `127.0.0.1` or `[::1]`"),
        ("a.LocalHost.:80", "`a.localhost` means this machine: name the address, `127.0.0.1` or `[::1]`"),
    ] {
        let error = text.parse::<Destination>().expect_err(text);
        assert_eq!(error.to_string(), expected);
    }
    for text in [
        ":443",
        "*.:443",
        "*.*.com:443",
        "a*.com:443",
        "exa mple.com:443",
        "-/8:1",
        "10.0.0.0/33:1",
        "10.1:80",
        "127.1:80",
        "2130706433:80",
        "0x7f.1:80",
        "1.2.3.0x10:80",
        "*.1.2.3.4:80",
        "a..b:1",
        ".a:1",
        "bücher.example:443",
        "[10.0.0.1]:80",
        "[example.com]:80",
        "[::1:80",
        "user@example.com:80",
        "example.com/path:80",
        "a..:1",
        &long,
    ] {
        assert!(matches!(text.parse::<Destination>(), Err(NetworkError::Address(_))), "{text}");
    }
}

#[test]
fn names_are_resolved_only_where_it_can_help() {
    let names = grant(&["example.com:443", "*.example.com:443"]);
    assert!(names.may_resolve("example.com", 443));
    assert!(names.may_resolve("a.example.com.", 443));
    assert!(!names.may_resolve("example.com", 80));
    assert!(!names.may_resolve("secret-in-a-name.evil.test", 443));
    assert!(grant(&["10.0.0.0/8:1883"]).may_resolve("broker.lan", 1883));
    assert!(!grant(&["10.0.0.0/8:1883"]).may_resolve("broker.lan", 443));
    assert!(grant(&["*:443"]).may_resolve("any.test", 443));
    assert!(grant(&["*:443"]).permits_name("127.0.0.1", 443).is_none());
    assert!(!grant(&["192.0.2.1:80"]).may_resolve("any.test", 80), "one address is no reason to ask for names");
    assert!(!grant(&[]).may_resolve("any.test", 443));
}

#[test]
fn what_covers_what() {
    for (granted, wanted, covers) in [
        ("example.com:443", "example.com:443", true),
        ("example.com:*", "example.com:443", true),
        ("example.com:443", "example.com:*", false),
        ("*.example.com:443", "a.example.com:443", true),
        ("*.example.com:443", "example.com:443", false),
        ("*.example.com:443", "*.a.example.com:443", true),
        ("*.a.example.com:443", "*.example.com:443", false),
        ("*.example.com:443", "*.notexample.com:443", false),
        ("*:443", "a.example.com:443", true),
        ("*:443", "*.example.com:443", true),
        ("*:443", "1.1.1.1:443", true),
        ("*:443", "10.0.0.1:443", false),
        ("*:443", "0.0.0.0/0:443", false),
        ("10.0.0.0/8:80", "10.1.0.0/16:80", true),
        ("10.1.0.0/16:80", "10.0.0.0/8:80", false),
        ("10.0.0.0/8:80", "10.1.2.3:80", true),
        ("10.1.2.3:80", "10.1.2.3/32:80", true),
        ("10.0.0.0/8:80", "example.com:80", false),
    ] {
        let (granted, wanted): (Destination, Destination) = (granted.parse().unwrap(), wanted.parse().unwrap());
        assert_eq!(granted.covers(&wanted), covers, "{granted} covers {wanted}");
    }
}
