//! Every row of the mapping table: schema, round trip through a component, bad input.

use super::{call, lifted, reflect};

/// A type `$t`, its schema as an item of an input list, values there and back, and wrong values with what we say.
struct Row {
    types: &'static str,
    schema: &'static str,
    good: &'static [(&'static str, &'static str)],
    bad: &'static [(&'static str, &'static str)],
}

fn rows() -> Vec<Row> {
    let mut rows = numbers();
    rows.extend(wide());
    rows.extend(texts());
    rows.extend(composites());
    rows.extend(choices());
    rows
}

fn numbers() -> Vec<Row> {
    let integer = |types, schema, good, bad| Row { types, schema, good, bad };
    vec![
        Row {
            types: r#"(type $t' bool)(export $t "t" (type $t'))"#,
            schema: r#"{"type":"boolean"}"#,
            good: &[("true", "true"), ("false", "false")],
            bad: &[("1", "expected true or false, found 1"), ("null", "expected true or false, found null")],
        },
        integer(
            r#"(type $t' s8)(export $t "t" (type $t'))"#,
            r#"{"type":"integer","minimum":-128,"maximum":127}"#,
            &[("-128", "-128"), ("127", "127"), ("3.0", "3")],
            &[
                ("128", "expected an integer from -128 to 127, found 128"),
                ("1.5", "expected an integer from -128 to 127, found 1.5"),
            ],
        ),
        integer(
            r#"(type $t' u16)(export $t "t" (type $t'))"#,
            r#"{"type":"integer","minimum":0,"maximum":65535}"#,
            &[("0", "0"), ("65535", "65535")],
            &[
                ("-1", "expected an integer from 0 to 65535, found -1"),
                ("\"7\"", "expected an integer from 0 to 65535, found the string `7`"),
            ],
        ),
        integer(
            r#"(type $t' s16)(export $t "t" (type $t'))"#,
            r#"{"type":"integer","minimum":-32768,"maximum":32767}"#,
            &[("-32768", "-32768")],
            &[("32768", "expected an integer from -32768 to 32767, found 32768")],
        ),
        integer(
            r#"(type $t' s32)(export $t "t" (type $t'))"#,
            r#"{"type":"integer","minimum":-2147483648,"maximum":2147483647}"#,
            &[("-2147483648", "-2147483648"), ("2147483647", "2147483647")],
            &[("2147483648", "expected an integer from -2147483648 to 2147483647, found 2147483648")],
        ),
        integer(
            r#"(type $t' u32)(export $t "t" (type $t'))"#,
            r#"{"type":"integer","minimum":0,"maximum":4294967295}"#,
            &[("4294967295", "4294967295")],
            &[
                ("4294967296", "expected an integer from 0 to 4294967295, found 4294967296"),
                ("1e30", "expected an integer from 0 to 4294967295, found 1e+30"),
            ],
        ),
        Row {
            types: r#"(type $t' f32)(export $t "t" (type $t'))"#,
            schema: r#"{"anyOf":[{"type":"number"},{"type":"string","enum":["NaN","Infinity","-Infinity"]}]}"#,
            good: &[("0.1", "0.1"), ("-2", "-2.0"), (r#""NaN""#, r#""NaN""#), (r#""-Infinity""#, r#""-Infinity""#)],
            bad: &[(
                "1e300",
                r#"expected a number in the range of f32 or "NaN" or "Infinity" or "-Infinity", found 1e+300"#,
            )],
        },
        Row {
            types: r#"(type $t' f64)(export $t "t" (type $t'))"#,
            schema: r#"{"anyOf":[{"type":"number"},{"type":"string","enum":["NaN","Infinity","-Infinity"]}]}"#,
            good: &[("0.1", "0.1"), ("1e300", "1e+300"), (r#""Infinity""#, r#""Infinity""#)],
            bad: &[(
                r#""inf""#,
                r#"expected a number in the range of f64 or "NaN" or "Infinity" or "-Infinity", found the string `inf`"#,
            )],
        },
    ]
}

/// Integers that not every reader of JSON keeps.
fn wide() -> Vec<Row> {
    let integer = |types, schema, good, bad| Row { types, schema, good, bad };
    vec![
        integer(
            r#"(type $t' u64)(export $t "t" (type $t'))"#,
            r#"{"description":"beyond 9007199254740991 as a string of digits","anyOf":[{"type":"integer","minimum":0,"maximum":9007199254740991},{"type":"string","pattern":"^[0-9]{1,20}$"}]}"#,
            &[
                ("9007199254740991", "9007199254740991"),
                (r#""9007199254740992""#, r#""9007199254740992""#),
                (r#""18446744073709551615""#, r#""18446744073709551615""#),
                (r#""5""#, "5"),
            ],
            &[
                (
                    "9007199254740992",
                    "expected an integer from 0 to 18446744073709551615, beyond 9007199254740991 as a string of digits, found 9007199254740992",
                ),
                (
                    r#""18446744073709551616""#,
                    "expected an integer from 0 to 18446744073709551615, beyond 9007199254740991 as a string of digits, found the string `18446744073709551616`",
                ),
                (
                    r#""+5""#,
                    "expected an integer from 0 to 18446744073709551615, beyond 9007199254740991 as a string of digits, found the string `+5`",
                ),
                (
                    r#""-0""#,
                    "expected an integer from 0 to 18446744073709551615, beyond 9007199254740991 as a string of digits, found the string `-0`",
                ),
            ],
        ),
        integer(
            r#"(type $t' s64)(export $t "t" (type $t'))"#,
            r#"{"description":"beyond 9007199254740991 as a string of digits","anyOf":[{"type":"integer","minimum":-9007199254740991,"maximum":9007199254740991},{"type":"string","pattern":"^-?[0-9]{1,19}$"}]}"#,
            &[("-9007199254740991", "-9007199254740991"), (r#""-9223372036854775808""#, r#""-9223372036854775808""#)],
            &[
                (
                    r#""9223372036854775808""#,
                    "expected an integer from -9223372036854775808 to 9223372036854775807, beyond 9007199254740991 as a string of digits, found the string `9223372036854775808`",
                ),
                (
                    r#""00000000000000000001""#,
                    "expected an integer from -9223372036854775808 to 9223372036854775807, beyond 9007199254740991 as a string of digits, found the string `00000000000000000001`",
                ),
            ],
        ),
    ]
}

fn texts() -> Vec<Row> {
    vec![
        Row {
            types: r#"(type $t' char)(export $t "t" (type $t'))"#,
            schema: r#"{"type":"string","minLength":1,"maxLength":1}"#,
            good: &[(r#""x""#, r#""x""#), (r#""\ud83d\ude00""#, "\"\u{1f600}\"")],
            bad: &[
                (r#""xy""#, "expected a string of one character, found the string `xy`"),
                (r#""""#, "expected a string of one character, found the string ``"),
            ],
        },
        Row {
            types: r#"(type $t' string)(export $t "t" (type $t'))"#,
            schema: r#"{"type":"string"}"#,
            good: &[(r#""""#, r#""""#), (r#""a\"\u0000é""#, r#""a\"\u0000é""#)],
            bad: &[("7", "expected a string, found 7")],
        },
        Row {
            types: r#"(type $t' (list u8))(export $t "t" (type $t'))"#,
            schema: r#"{"anyOf":[{"type":"string","contentEncoding":"base64"},{"type":"array","items":{"type":"integer","minimum":0,"maximum":255}}]}"#,
            good: &[
                (r#""AP8=""#, r#""AP8=""#),
                (r#""AP8""#, r#""AP8=""#),
                ("[0, 255]", r#""AP8=""#),
                (r#""""#, r#""""#),
            ],
            bad: &[
                ("{}", "expected a base64 string or an array of numbers from 0 to 255, found an object of 0 members"),
                (r#""A_8=""#, "expected base64 (RFC 4648, standard alphabet): invalid symbol 95, offset 1"),
            ],
        },
    ]
}

fn composites() -> Vec<Row> {
    vec![
        Row {
            types: r#"(type $t' (list u16))(export $t "t" (type $t'))"#,
            schema: r#"{"type":"array","items":{"type":"integer","minimum":0,"maximum":65535}}"#,
            good: &[("[]", "[]"), ("[1,2]", "[1,2]")],
            bad: &[("3", "expected an array, found 3")],
        },
        Row {
            types: r#"(type $t' (tuple u8 string))(export $t "t" (type $t'))"#,
            schema: r#"{"type":"array","prefixItems":[{"type":"integer","minimum":0,"maximum":255},{"type":"string"}],"minItems":2,"maxItems":2}"#,
            good: &[(r#"[7,"x"]"#, r#"[7,"x"]"#)],
            bad: &[("[7]", "expected an array of 2 items, found an array of 1 items")],
        },
        Row {
            types: r#"(type $t' (record (field "z" u8) (field "a-b" (option string))))(export $t "t" (type $t'))"#,
            schema: r#"{"type":"object","properties":{"z":{"type":"integer","minimum":0,"maximum":255},"a-b":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["z"],"additionalProperties":false}"#,
            good: &[
                (r#"{"a-b":"x","z":1}"#, r#"{"z":1,"a-b":"x"}"#),
                (r#"{"z":1}"#, r#"{"z":1,"a-b":null}"#),
                (r#"{"z":1,"a-b":null}"#, r#"{"z":1,"a-b":null}"#),
            ],
            bad: &[("[]", "expected an object with `z`, `a-b`, found an array of 0 items")],
        },
        Row {
            types: r#"(type $t' (option u8))(export $t "t" (type $t'))"#,
            schema: r#"{"anyOf":[{"type":"integer","minimum":0,"maximum":255},{"type":"null"}]}"#,
            good: &[("null", "null"), ("7", "7")],
            bad: &[("256", "expected an integer from 0 to 255, found 256")],
        },
        Row {
            types: r#"(type $t' (option (option u8)))(export $t "t" (type $t'))"#,
            schema: r#"{"anyOf":[{"type":"object","properties":{"some":{"anyOf":[{"type":"integer","minimum":0,"maximum":255},{"type":"null"}]}},"required":["some"],"additionalProperties":false},{"type":"null"}]}"#,
            good: &[("null", "null"), (r#"{"some":null}"#, r#"{"some":null}"#), (r#"{"some":7}"#, r#"{"some":7}"#)],
            bad: &[
                ("7", "expected null or an object with `some`, found 7"),
                (r#"{"none":7}"#, "expected null or an object with `some`, found member `none`"),
            ],
        },
    ]
}

fn choices() -> Vec<Row> {
    vec![
        Row {
            types: r#"(type $t' (variant (case "none") (case "circle" f64) (case "all")))(export $t "t" (type $t'))"#,
            schema: r#"{"oneOf":[{"type":"string","enum":["none","all"]},{"type":"object","properties":{"circle":{"anyOf":[{"type":"number"},{"type":"string","enum":["NaN","Infinity","-Infinity"]}]}},"required":["circle"],"additionalProperties":false}]}"#,
            good: &[(r#""none""#, r#""none""#), (r#""all""#, r#""all""#), (r#"{"circle":1.5}"#, r#"{"circle":1.5}"#)],
            bad: &[
                (r#""circle""#, r#"expected "none" or {"circle": ...} or "all", found the string `circle`"#),
                (r#"{"square":1}"#, r#"expected "none" or {"circle": ...} or "all", found case `square`"#),
                (r#"{"none":null}"#, r#"expected "none" or {"circle": ...} or "all", found case `none`"#),
                (
                    r#"{"circle":1,"all":2}"#,
                    r#"expected "none" or {"circle": ...} or "all", found an object of 2 members"#,
                ),
            ],
        },
        Row {
            types: r#"(type $t' (enum "red" "green"))(export $t "t" (type $t'))"#,
            schema: r#"{"type":"string","enum":["red","green"]}"#,
            good: &[(r#""green""#, r#""green""#)],
            bad: &[(r#""blue""#, r#"expected "red" or "green", found the string `blue`"#)],
        },
        Row {
            types: r#"(type $t' (flags "read" "write"))(export $t "t" (type $t'))"#,
            schema: r#"{"type":"array","items":{"type":"string","enum":["read","write"]},"uniqueItems":true}"#,
            good: &[("[]", "[]"), (r#"["write","read"]"#, r#"["read","write"]"#)],
            bad: &[(r#""read""#, "expected an array out of `read`, `write`, found the string `read`")],
        },
        Row {
            types: r#"(type $t' (result u8 (error string)))(export $t "t" (type $t'))"#,
            schema: r#"{"oneOf":[{"type":"object","properties":{"ok":{"type":"integer","minimum":0,"maximum":255}},"required":["ok"],"additionalProperties":false},{"type":"object","properties":{"error":{"type":"string"}},"required":["error"],"additionalProperties":false}]}"#,
            good: &[(r#"{"ok":7}"#, r#"{"ok":7}"#), (r#"{"error":"x"}"#, r#"{"error":"x"}"#)],
            bad: &[(r#""ok""#, r#"expected {"ok": ...} or {"error": ...}, found case `ok`"#)],
        },
        Row {
            types: r#"(type $t' (result))(export $t "t" (type $t'))"#,
            schema: r#"{"oneOf":[{"type":"string","enum":["ok","error"]}]}"#,
            good: &[(r#""ok""#, r#""ok""#), (r#""error""#, r#""error""#)],
            bad: &[(r#"{"ok":7}"#, r#"expected "ok" or "error", found case `ok`"#)],
        },
    ]
}

/// The row as a component: `echo: func(xs: list<t>) -> list<t>`.
fn body(row: &Row) -> String {
    format!("{}{}", row.types, lifted(r#"(export "echo")"#, r#"(param "xs" (list $t)) (result (list $t))"#, "echo"))
}

#[tokio::test(flavor = "current_thread")]
async fn values_cross_and_come_back() {
    for row in rows() {
        let (there, back): (Vec<&str>, Vec<&str>) = row.good.iter().copied().unzip();
        let answer = call(&body(&row), &format!(r#"{{"xs":[{}]}}"#, there.join(","))).await;
        let back = format!("[{}]", back.join(","));
        assert_eq!(answer.structured, Some(format!(r#"{{"result":{back}}}"#)), "{}", row.types);
        assert_eq!(answer.text, back);
        assert!(!answer.is_error);
    }
}

#[test]
fn schemas_are_as_written_down() {
    for row in rows() {
        let function = reflect(&body(&row)).functions.remove(0);
        let input = format!(
            r#"{{"type":"object","properties":{{"xs":{{"type":"array","items":{}}}}},"required":["xs"],"additionalProperties":false}}"#,
            row.schema
        );
        assert_eq!(function.input_schema, input);
        let output = input.replace("\"xs\"", "\"result\"").replace(
            r#"{"anyOf":[{"type":"string","contentEncoding":"base64"},{"type":"array","items":{"type":"integer","minimum":0,"maximum":255}}]}"#,
            r#"{"type":"string","contentEncoding":"base64"}"#,
        );
        assert_eq!(function.output_schema, Some(output));
    }
}

#[test]
fn wrong_values_are_refused_with_place_and_expectation() {
    for row in rows() {
        let function = reflect(&body(&row)).functions.remove(0);
        for (value, message) in row.bad {
            let first = row.good[0].0;
            let error = function.arguments(&format!(r#"{{"xs":[{first},{value}]}}"#)).unwrap_err();
            assert_eq!(error.to_string(), format!("`/xs/1`: {message}"), "{value}");
        }
    }
}

#[test]
fn members_are_required_known_and_single() {
    let types = r#"(type $t' (record (field "a/b" u8) (field "c" (option u8))))"#.replace("a/b", "a-b");
    let ty = r#"(param "t" $t) (param "n" (option u8)) (result u8)"#;
    let body = format!(r#"{types}(export $t "t" (type $t')){}"#, lifted(r#"(export "f")"#, ty, "five"));
    let module = r#"(core module $n (func (export "five") (param i32 i32 i32 i32 i32) (result i32) (local.get 0)))
        (core instance $j (instantiate $n))"#;
    let body = format!("{module}{}", body.replace(r#"$i "five""#, r#"$j "five""#));
    let function = reflect(&body).functions.remove(0);
    let error = |json: &str| function.arguments(json).unwrap_err().to_string();
    assert_eq!(error("{}"), "`/t` is missing: expected an object with `a-b`, `c`");
    assert_eq!(error(r#"{"t":{}}"#), "`/t/a-b` is missing: expected an integer from 0 to 255");
    assert_eq!(error(r#"{"t":{"a-b":1,"x/y~z":2}}"#), "`/t/x~1y~0z` is not known: the members are `a-b`, `c`");
    assert_eq!(error(r#"{"t":{"a-b":1},"m":2}"#), "`/m` is not known: the members are `t`, `n`");
    assert_eq!(error("[]"), "the arguments: expected an object, found an array of 0 items");
    assert_eq!(
        error(r#"{"t":{"a-b":1,"a-b":2}}"#),
        "the arguments are not a JSON text we accept: member `a-b` appears twice at line 1 column 22"
    );
    assert!(error("{").starts_with("the arguments are not a JSON text we accept: EOF"));
    assert!(error(&"[".repeat(100_000)).contains("recursion limit"));
    function.arguments(r#"{"t":{"a-b":1},"n":null}"#).unwrap();
    function.arguments(r#"{"t":{"a-b":1,"c":3}}"#).unwrap();
}

#[test]
fn bad_places_inside_values_are_named() {
    let of = |types: &'static str| reflect(&body(&Row { types, schema: "", good: &[], bad: &[] })).functions.remove(0);
    let message = |function: &crate::Function, json: &str| function.arguments(json).unwrap_err().to_string();
    let tuple = of(r#"(type $t' (tuple u8 string))(export $t "t" (type $t'))"#);
    assert_eq!(message(&tuple, r#"{"xs":[[1,2]]}"#), "`/xs/0/1`: expected a string, found 2");
    let variant = of(r#"(type $t' (variant (case "none") (case "some-text" string)))(export $t "t" (type $t'))"#);
    assert_eq!(message(&variant, r#"{"xs":[{"some-text":2}]}"#), "`/xs/0/some-text`: expected a string, found 2");
    let flags = of(r#"(type $t' (flags "a" "b"))(export $t "t" (type $t'))"#);
    assert_eq!(message(&flags, r#"{"xs":[["a","c"]]}"#), "`/xs/0/1`: expected \"a\" or \"b\", found the string `c`");
    assert_eq!(message(&flags, r#"{"xs":[["a","a"]]}"#), "`/xs/0/1`: expected each flag at most once, found `a` again");
    let bytes = of(r#"(type $t' (list u8))(export $t "t" (type $t'))"#);
    assert_eq!(message(&bytes, r#"{"xs":[[1,256]]}"#), "`/xs/0/1`: expected an integer from 0 to 255, found 256");
    let result = of(r#"(type $t' (result u8))(export $t "t" (type $t'))"#);
    assert_eq!(message(&result, r#"{"xs":[{"ok":-1}]}"#), "`/xs/0/ok`: expected an integer from 0 to 255, found -1");
}
