//! Which exports become tools, under which names, and what is refused.

use super::{call, lifted, reflect};
use crate::{Reason, name};

/// `(instance) export` around functions that are aliases of one lifted function.
fn interface(id: &str, name: &str, functions: &[&str]) -> String {
    let exports: String = functions.iter().map(|function| format!(r#"(export "{function}" (func $f))"#)).collect();
    format!(r#"(instance {id} {exports})(export "{name}" (instance {id}))"#)
}

fn one() -> String {
    lifted("$f", "(result u32)", "one")
}

fn names(body: &str) -> Vec<String> {
    reflect(body).functions.into_iter().map(|function| function.name).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn functions_in_interfaces_are_tools_and_can_be_called() {
    let body = format!("{}{}", one(), interface("$a", "demo:shapes/geometry@0.1.0", &["find-nearest"]));
    let function = reflect(&body).functions.remove(0);
    assert_eq!(function.name, "geometry-find-nearest");
    assert_eq!(function.title, "Find nearest");
    assert_eq!(function.description, "find-nearest() -> u32 (demo:shapes/geometry@0.1.0)");
    assert_eq!(function.path, ["demo:shapes/geometry@0.1.0", "find-nearest"]);
    assert_eq!(call(&body, "{}").await.text, "1");
}

#[tokio::test(flavor = "current_thread")]
async fn functions_in_nested_instances_are_tools() {
    let body = format!(
        r#"{}(instance $a (export "f" (func $f)))(instance $b (export "inner" (instance $a)))
        (export "outer" (instance $b))"#,
        one()
    );
    assert_eq!(reflect(&body).functions[0].path, ["outer", "inner", "f"]);
    assert_eq!(names(&body), ["inner-f"]);
    assert_eq!(call(&body, "{}").await.text, "1");
}

#[test]
fn names_grow_only_where_they_collide() {
    let body = format!(
        r#"{}(export "top" (func $f)){}{}{}{}"#,
        one(),
        interface("$a", "demo:one/math@0.1.0", &["add", "mul"]),
        interface("$b", "demo:two/math@0.1.0", &["add"]),
        interface("$c", "demo:two/math@0.2.0", &["sub"]),
        interface("$d", "demo:two/math@0.3.0", &["sub"]),
    );
    assert_eq!(
        names(&body),
        [
            "top",
            "demo-one-math-add",
            "math-mul",
            "demo-two-math-add",
            "demo-two-math-0-2-0-sub",
            "demo-two-math-0-3-0-sub"
        ]
    );
}

#[test]
fn names_are_unique_clean_and_short_whatever_the_exports_are_called() {
    let path = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
    let long = "a".repeat(80);
    let paths = [
        path(&["math-add"]),
        path(&["math", "add"]),
        path(&["demo:x/math", "add"]),
        path(&["demo:x/math@1.0.0", "add"]),
        path(&["demo:x/math@1-0-0", "add"]),
        path(&["demo:x/math@1.0.0", "[static]counter.zero"]),
        path(&[&long]),
        path(&["i", &long]),
        path(&["i", &format!("{long}b")]),
    ];
    let found: Vec<String> = name::names(&paths).into_iter().map(Option::unwrap).collect();
    assert_eq!(found[0], "math-add", "a function at the top level keeps its name");
    assert_eq!(found[2], "demo-x-math-add");
    assert_eq!(found[5], "math-static-counter-zero");
    let mut sorted = found.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), found.len(), "{found:?}");
    for name in &found {
        assert!((1..=64).contains(&name.len()), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'), "{name}");
    }
    let mut reversed = paths.clone();
    reversed.reverse();
    let backwards: Vec<String> = name::names(&reversed).into_iter().rev().map(Option::unwrap).collect();
    assert_eq!(backwards, found, "names do not depend on the order of exports");
}

fn refusal(body: &str) -> (String, Reason) {
    let mut reflected = reflect(body);
    assert!(reflected.functions.is_empty());
    assert_eq!(reflected.refused.len(), 1);
    let refused = reflected.refused.remove(0);
    (refused.export, refused.reason)
}

#[test]
fn handles_are_refused_and_other_functions_stay() {
    let body = format!(
        r#"(type $r' (resource (rep i32)))(export $r "thing" (type $r')){}{}{}"#,
        lifted(r#"(export "open")"#, "(result (own $r))", "one"),
        lifted(r#"(export "close")"#, r#"(param "x" (own $r)) (result u32)"#, "same"),
        lifted(r#"(export "fine")"#, "(result u32)", "one"),
    );
    let reflected = reflect(&body);
    assert_eq!(reflected.functions[0].name, "fine");
    let refused: Vec<_> = reflected.refused.iter().map(|refused| (refused.export.as_str(), &refused.reason)).collect();
    assert_eq!(refused, [("open", &Reason::Resource), ("close", &Reason::Resource)]);
}

#[test]
fn kinds_without_json_are_refused_by_name() {
    let ty = r#"(param "x" (map string u8))"#;
    let module = r#"(core module $n (func (export "g") (param i32 i32)))(core instance $j (instantiate $n))"#;
    let body = format!("{module}{}", lifted(r#"(export "f")"#, ty, "g").replace("$i", "$j"));
    let (export, reason) = refusal(&body);
    assert_eq!(export, "f");
    assert_eq!(reason.to_string(), "it needs a map, which a tool's arguments and results cannot carry");

    let body = lifted(r#"(export "f")"#, r#"(param "x" (list u8 1)) (result u32)"#, "same");
    assert_eq!(refusal(&body).1, Reason::Unsupported { what: "a list of fixed length" });
}

#[test]
fn types_that_grow_are_refused_in_time() {
    let nest = |count: usize, part: &dyn Fn(usize) -> String| (1..=count).map(part).collect::<String>();

    let deep = nest(40, &|level| format!("(type $t{level} (option $t{}))", level - 1));
    let body = format!(
        "(type $t0 u32){deep}{}",
        lifted(r#"(export "f")"#, r#"(param "x" (list $t40)) (result (list $t40))"#, "echo")
    );
    assert_eq!(refusal(&body).1, Reason::TooDeep { limit: 32 });

    // Seventeen types, 65,536 numbers when written out.
    let wide = nest(16, &|level| format!("(type $t{level} (tuple $t{0} $t{0}))", level - 1));
    let body = format!(
        "(type $t0 u32){wide}{}",
        lifted(r#"(export "f")"#, r#"(param "x" (list $t16)) (result (list $t16))"#, "echo")
    );
    assert_eq!(refusal(&body).1, Reason::TooManyTypes { limit: 4096 });

    let cases: String = (0..3000).map(|case| format!(r#""case-{case}-of-a-very-long-enumeration" "#)).collect();
    let body = format!(
        r#"(type $t' (enum {cases}))(export $t "t" (type $t')){}"#,
        lifted(r#"(export "f")"#, r#"(param "x" $t) (result u32)"#, "same")
    );
    assert_eq!(refusal(&body).1, Reason::SchemaTooLarge { limit: 65536 });
}

#[test]
fn the_number_of_functions_is_bounded() {
    let exports: String = (0..1030).map(|index| format!(r#"(export "f{index}" (func $f))"#)).collect();
    let body = format!(r#"{}(instance $a {exports})(export "a" (instance $a))(export "b" (instance $a))"#, one());
    let reflected = reflect(&body);
    assert_eq!(reflected.functions.len(), 1024);
    assert_eq!(reflected.refused.len(), 1);
    assert_eq!(reflected.refused[0].reason, Reason::TooManyFunctions { limit: 1024 });
}

#[test]
fn the_nesting_of_instances_is_bounded() {
    let nested: String =
        (1..=9).map(|level| format!(r#"(instance $i{level} (export "a" (instance $i{})))"#, level - 1)).collect();
    let body = format!(r#"{}(instance $i0 (export "f" (func $f))){nested}(export "a" (instance $i9))"#, one());
    assert_eq!(refusal(&body).1, Reason::TooManyInstances { limit: 8 });
}

#[test]
fn paths_that_multiply_are_bounded() {
    let exports =
        |level: usize| (0..8).map(|index| format!(r#"(export "e{index}" (instance $i{level}))"#)).collect::<String>();
    let nested: String = (1..=5).map(|level| format!("(instance $i{level} {})", exports(level - 1))).collect();
    let body = format!(r#"{}(export "top" (func $f))(instance $i0){nested}(export "a" (instance $i5))"#, one());
    let reflected = reflect(&body);
    assert_eq!(reflected.functions.len(), 1);
    let reasons: Vec<&Reason> = reflected.refused.iter().map(|refused| &refused.reason).collect();
    assert_eq!(reasons, [&Reason::TooManyExports { limit: 16384 }]);
}

#[test]
fn docs_come_before_the_signature() {
    let body = format!(
        r#"{}(export "top" (func $f))(export "bare" (func $f)){}{}"#,
        one(),
        interface("$a", "demo:shapes/geometry@0.1.0", &["area"]),
        interface("$b", "inline", &["run"]),
    );
    let json = r#"{"docs":"All.","interfaces":{"geometry":{"docs":"Plane.","funcs":{"area":"Square units.\n"}}},
        "worlds":{"w":{"docs":"W","funcs":{"top":{"docs":"At the top.","stability":"unknown"},"bare":{"stability":"x"}},
        "interface_exports":{"inline":{"funcs":{"run":"Runs."}}}}}}"#;
    let mut reflected = reflect(&body);
    assert_eq!(reflected.describe(&[&[1], json.as_bytes()].concat()), 3);
    let found: Vec<&str> = reflected.functions.iter().map(|function| function.description.as_str()).collect();
    assert_eq!(
        found,
        [
            "At the top.\n\ntop() -> u32",
            "bare() -> u32",
            "Square units.\n\narea() -> u32 (demo:shapes/geometry@0.1.0)",
            "Runs.\n\nrun() -> u32 (inline)"
        ]
    );
    let mut plain = reflect(&body);
    for section in [&b""[..], b"\x01", b"\x01{\"worlds\":7}", &[&[2], json.as_bytes()].concat()] {
        assert_eq!(plain.describe(section), 0);
    }
    let long = format!(r#"{{"worlds":{{"w":{{"func_exports":{{"top":"{}"}}}}}}}}"#, "é".repeat(5000));
    assert_eq!(plain.describe(&[&[0], long.as_bytes()].concat()), 1);
    assert_eq!(plain.functions[0].description.chars().filter(|character| *character == 'é').count(), 4096);
}
