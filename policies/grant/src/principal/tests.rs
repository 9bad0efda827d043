#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn allowance(pattern: &str, scopes: &[&str], held: bool) -> Allowance {
    Allowance {
        kind: ItemKind::Tool,
        pattern: pattern.parse().unwrap(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        held,
    }
}

fn tool(name: &str) -> Item<'_> {
    Item { kind: ItemKind::Tool, component: "files", name }
}

#[test]
fn owners_may_use_everything_and_nobody_nothing() {
    assert_eq!(Principal::owner().may_use(&tool("read")), Use::Allowed);
    assert_eq!(Principal::anonymous().may_use(&tool("read")), Use::Allowed);
    assert_eq!(Principal::nobody().may_use(&tool("read")), Use::Denied);
}

#[test]
fn only_what_is_allowed_is_and_all_scopes_are_named_at_once() {
    let reach = Reach::Only(vec![
        allowance("files/read", &["files:read"], true),
        allowance("files/write", &["files:write", "files:extra"], false),
        allowance("*/write", &["files:write", "a", "b"], false),
    ]);
    let principal = Principal::new("key:a", None, reach);
    assert_eq!(principal.may_use(&tool("read")), Use::Allowed);
    let scopes = ["files:read", "files:write", "files:extra"].map(str::to_owned).to_vec();
    assert_eq!(principal.may_use(&tool("write")), Use::WithScopes(scopes));
    assert_eq!(principal.may_use(&tool("remove")), Use::Denied);
    assert!(!principal.may_use_every_tool());
    for (pattern, every) in
        [("*", true), ("*/*", true), ("**/**", true), ("tool-*/*", false), ("*/r*", false), ("*/*r", false)]
    {
        let principal = Principal::new("key:a", None, Reach::Only(vec![allowance(pattern, &[], true)]));
        assert_eq!(principal.may_use_every_tool(), every, "{pattern}");
    }
    let prompt = Item { kind: ItemKind::Prompt, ..tool("read") };
    assert_eq!(principal.may_use(&prompt), Use::Denied, "a prompt of a tool's name is another thing");
}

#[test]
fn no_two_principals_have_one_identity() {
    let make = |name: &str, tenant: Option<&str>| Principal::new(name, tenant.map(str::to_owned), Reach::Everything);
    let all = [
        make("a", None),
        make("a", Some("")),
        make("a", Some("b")),
        make("ba", None),
        make("ba", Some("")),
        make("", Some("ba")),
        make("b", Some("a")),
    ];
    for (at, one) in all.iter().enumerate() {
        for (other_at, other) in all.iter().enumerate() {
            assert_eq!(one.identity() == other.identity(), at == other_at, "{one} {other}");
            assert_eq!(one.is(other), at == other_at, "{one} {other}");
        }
    }
}
