#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use crate::{ComponentName, Digest, OciReference, Reference, RegistryHost, RepositoryName, Tag, Target, Version};

#[test]
fn names() {
    let longest = "a".repeat(63);
    for good in ["a", "tool-time", "t2", "a-1-b", longest.as_str()] {
        assert_eq!(good.parse::<ComponentName>().unwrap().to_string(), good);
    }
    let too_long = "a".repeat(64);
    for bad in ["", "-a", "a-", "a--b", "1a", "A", "tool_time", "a b", "a/b", "..", "ä", "a\n", too_long.as_str()] {
        let error = bad.parse::<ComponentName>().unwrap_err().to_string();
        assert!(error.contains("is not a component name"), "{bad}: {error}");
        assert!(!error.contains('\n'), "control characters are escaped");
    }
}

#[test]
fn versions_order_by_precedence() {
    let version = |text: &str| text.parse::<Version>().unwrap();
    assert!(version("1.10.0") > version("1.9.9"));
    assert!(version("1.0.0-rc.1") < version("1.0.0"));
    assert_eq!(version("1.2.3"), Version::new(1, 2, 3));
    for bad in ["", "1", "1.2", "v1.2.3", "01.2.3", "1.2.3 ", "1.2.3+build", &format!("1.2.3-{}", "a".repeat(64))] {
        assert!(bad.parse::<Version>().is_err(), "{bad}");
    }
    assert!("1.2.3+build".parse::<Version>().unwrap_err().to_string().contains("build metadata"));
}

#[test]
fn references() {
    let reference: Reference = "tool-time@1.0.0-rc.1".parse().unwrap();
    assert_eq!(reference.name.as_str(), "tool-time");
    assert_eq!(reference.to_string(), "tool-time@1.0.0-rc.1");
    assert!("tool-time".parse::<Reference>().unwrap_err().to_string().contains("NAME@VERSION"));
    for bad in ["@1.0.0", "a@", "a@1.0.0@1", "A@1.0.0"] {
        assert!(bad.parse::<Reference>().is_err(), "{bad}");
    }
}

#[test]
fn digests() {
    let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Digest::of(b"").to_string(), text);
    assert_eq!(text.parse::<Digest>().unwrap(), Digest::of(b""));
    assert_eq!(Digest::from_hex(&text[7..]).unwrap(), Digest::of(b""));
    let upper = format!("sha256:{}", text[7..].to_uppercase());
    for bad in ["", "sha256:", &text[7..], &text[..70], &format!("{text}0"), &upper, &text.replace("sha256", "sha512")]
    {
        assert!(bad.parse::<Digest>().is_err(), "{bad}");
    }
}

#[test]
fn repository_names_and_tags() {
    for good in ["a", "acme/tool-time", "a/b/c", "a__b/c.d-e", "a---b", "0/1"] {
        assert_eq!(good.parse::<RepositoryName>().unwrap().as_str(), good);
    }
    let long = "a".repeat(256);
    let bad = [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "A",
        "a/../b",
        "..",
        ".",
        "a/.",
        "a..b",
        "a___b",
        "-a",
        "a-",
        "a_",
        "_a",
        "a b",
        "a%2fb",
        "a\\b",
        "a\n",
        "\u{e4}",
        long.as_str(),
    ];
    for bad in bad {
        assert!(bad.parse::<RepositoryName>().is_err(), "{bad}");
    }
    let name: RepositoryName = "acme/tools/time".parse().unwrap();
    assert_eq!((name.namespace(), name.last()), ("acme", "time"));
    for good in ["1.0.0", "latest", "_x", "1.0.0-rc.1", "A-b_c.d"] {
        assert!(good.parse::<Tag>().is_ok(), "{good}");
    }
    for bad in ["", ".a", "-a", "a/b", "a:b", "a+b", "a b", &"a".repeat(129)] {
        assert!(bad.parse::<Tag>().is_err(), "{bad}");
    }
    let release = |tag: &str| tag.parse::<Tag>().unwrap().semver().is_some();
    assert!(release("1.0.0") && release("1.0.0-rc.1") && release("1.0.0_build.5"));
    assert!(!release("latest") && !release("1.0") && !release("v1.0.0") && !release("01.0.0"));
}

#[test]
fn registry_references() {
    let reference: OciReference = "oci://Registry.Example:5000/acme/tool-time:1.0.0".parse().unwrap();
    assert_eq!(reference.to_string(), "oci://registry.example:5000/acme/tool-time:1.0.0");
    assert_eq!((reference.registry.host(), reference.registry.port()), ("registry.example", Some(5000)));
    let digest = Digest::of(b"");
    let text = format!("oci://[::1]:5000/a:1.0.0@{digest}");
    let reference: OciReference = text.parse().unwrap();
    assert_eq!(reference.target, Target::Digest(digest));
    assert_eq!(reference.registry.host(), "::1");
    assert!(reference.registry.is_loopback());
    for (host, loopback) in
        [("localhost:1", true), ("127.0.0.2", true), ("127.0.0.1.example", false), ("10.0.0.1", false)]
    {
        assert_eq!(host.parse::<RegistryHost>().unwrap().is_loopback(), loopback, "{host}");
    }
    let wrong = [
        "registry.example/a:1",
        "oci://registry.example",
        "oci://registry.example/a",
        "oci:///a:1",
        "oci://h:0/a:1",
        "oci://h:x/a:1",
        "oci://u@h/a:1",
        "oci://h/a@sha512:00",
        "oci://h/../a:1",
        "oci://h/a:1/../b",
        "oci://127.1/a:1",
        "oci://::1/a:1",
        "oci://h\\x/a:1",
        "https://h/a:1",
        "oci://h/a:1?x",
        "oci://h/a:1#x",
    ];
    for wrong in wrong {
        assert!(wrong.parse::<OciReference>().is_err(), "{wrong}");
    }
}
