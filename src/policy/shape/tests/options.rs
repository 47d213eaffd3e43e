//! `exact`, and the options of both modes.

use super::*;

#[test]
fn exact_compares_values() {
    check_exact(&[
        ("1", "1.0", ""),
        (
            "9007199254740993",
            "9007199254740992",
            "value $: expected 9007199254740993, got 9007199254740992",
        ),
        (
            "18446744073709551615",
            "18446744073709551614",
            "value $: expected 18446744073709551615, got 18446744073709551614",
        ),
        (
            "9007199254740992.0",
            "9007199254740993",
            "value $: expected 9007199254740992.0, got 9007199254740993",
        ),
        ("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", ""),
        (
            "{\"a\":1}",
            "{\"a\":1,\"b\":2}",
            "unexpected_key $.b: unexpected key, got number 2",
        ),
        ("{\"a\":null}", "{}", "missing $.a: missing, expected null"),
        (
            "{}",
            "{\"a\":null}",
            "unexpected_key $.a: unexpected key, got null",
        ),
        ("{}", "{}", ""),
        (
            "[1,2]",
            "[2,1]",
            "value $[0]: expected 1, got 2\nvalue $[1]: expected 2, got 1",
        ),
        (
            "[1,2]",
            "[1]",
            "length $: expected array of 2 items, got 1 item",
        ),
        ("\"ok\"", "\"OK\"", "value $: expected \"ok\", got \"OK\""),
        ("\"ok\"", "\"ok \"", "value $: expected \"ok\", got \"ok \""),
        (
            "\"\u{e9}\"",
            "\"e\u{301}\"",
            "value $: expected \"\u{e9}\", got \"e\u{301}\"",
        ),
        ("100", "\"x\"", "type $: expected 100, got string \"x\""),
        ("true", "false", "value $: expected true, got false"),
        (
            "{\"price\":\"#number > 0\",\"at\":\"#datetime\",\"name\":\"ergopad\"}",
            "{\"price\":1,\"at\":\"2024-01-01T00:00:00Z\",\"name\":\"ergopad\"}",
            "",
        ),
    ]);
    let long = "x".repeat(70);
    let (a, b) = (
        Json::from(format!("{long}a")),
        Json::from(format!("{long}b")),
    );
    let said = told(&exact(&a, &b).unwrap());
    assert!(
        said.ends_with("… (they differ from character 71 on)"),
        "{said}"
    );
}

#[test]
fn options_of_exact() {
    let deny = Options {
        extra: Extra::Deny,
        ..Options::default()
    };
    let check = |options: &Options, rows: &[Row]| {
        check_with(rows, options, Pattern::exact);
    };
    let ignore = Options {
        ignore: paths(&["$.at", "$.items[*].id"]),
        ..deny.clone()
    };
    check(
        &ignore,
        &[
            (
                "{\"at\":1,\"items\":[{\"id\":1,\"n\":1}]}",
                "{\"items\":[{\"id\":2,\"n\":1}]}",
                "",
            ),
            ("{\"items\":[]}", "{\"at\":7,\"items\":[]}", ""),
            (
                "{\"items\":[{\"id\":1,\"n\":1}]}",
                "{\"items\":[{\"n\":2}]}",
                "value $.items[0].n: expected 1, got 2",
            ),
        ],
    );
    let null_is_missing = Options {
        null_is_missing: true,
        ..deny.clone()
    };
    check(
        &null_is_missing,
        &[
            ("{\"a\":null}", "{}", ""),
            ("{}", "{\"a\":null}", ""),
            (
                "{\"a\":1}",
                "{\"a\":null}",
                "type $.a: expected 1, got null",
            ),
            ("{\"a\":1}", "{}", "missing $.a: missing, expected 1"),
        ],
    );
    check(
        &Options::default(),
        &[("{\"a\":1}", "{\"a\":1,\"b\":2}", "")],
    );
}

#[test]
fn numbers_within_a_tolerance_are_equal() {
    let check = |options: &Options, rows: &[Row]| {
        check_with(rows, options, Pattern::exact);
    };
    let tolerance = Options {
        tolerance: vec![
            ("$.price".parse().unwrap(), Tolerance::Percent(1.0)),
            ("$.height".parse().unwrap(), Tolerance::Absolute(2.0)),
            ("$.zero".parse().unwrap(), Tolerance::Absolute(0.0)),
            ("$.tenth".parse().unwrap(), Tolerance::Absolute(0.1)),
        ],
        ..Options::default()
    };
    check(
        &tolerance,
        &[
            ("{\"price\":100}", "{\"price\":101}", ""),
            (
                "{\"price\":100}",
                "{\"price\":102}",
                "value $.price: expected 100 ±1%, got 102 (off by 2.0000)",
            ),
            ("{\"price\":-100}", "{\"price\":-99}", ""),
            ("{\"height\":10}", "{\"height\":12}", ""),
            (
                "{\"height\":10}",
                "{\"height\":7}",
                "value $.height: expected 10 ±2, got 7 (off by 3.0000)",
            ),
            (
                "{\"height\":10}",
                "{\"height\":\"10\"}",
                "type $.height: expected 10, got string \"10\"",
            ),
            (
                "{\"zero\":9007199254740993}",
                "{\"zero\":9007199254740992}",
                "value $.zero: expected 9007199254740993 ±0, got 9007199254740992 (off by 1.0000)",
            ),
            ("{\"tenth\":1.0}", "{\"tenth\":1.1}", ""),
            (
                "{\"tenth\":1.0}",
                "{\"tenth\":1.11}",
                "value $.tenth: expected 1.0 ±0.1, got 1.11 (off by 0.1100)",
            ),
        ],
    );
}

#[test]
fn arrays_without_order() {
    let options = Options {
        extra: Extra::Deny,
        unordered: paths(&["$.tags"]),
        ..Options::default()
    };
    check_with(
        &[
            ("{\"tags\":[1,2,3]}", "{\"tags\":[3,1,2.0]}", ""),
            (
                "{\"tags\":[\"x\",\"y\"]}",
                "{\"tags\":[\"y\",\"z\"]}",
                "value $.tags: no element equals \"x\"\nvalue $.tags[1]: expected no such element, got string \"z\"",
            ),
            (
                "{\"tags\":[1,1]}",
                "{\"tags\":[1,2]}",
                "value $.tags: no element equals 1\nvalue $.tags[1]: expected no such element, got number 2",
            ),
            (
                "{\"tags\":[1]}",
                "{\"tags\":[1,1]}",
                "value $.tags[1]: expected no such element, got number 1",
            ),
            (
                "{\"tags\":[1,1]}",
                "{\"tags\":[1]}",
                "value $.tags: no element equals 1",
            ),
            // What «any» would take greedily is what the others need.
            (
                "{\"tags\":[\"#any\",\"#string\",\"#regex ^a\"]}",
                "{\"tags\":[\"a\",\"b\",3]}",
                "",
            ),
            (
                "{\"tags\":[\"#string\",\"#string\"]}",
                "{\"tags\":[\"a\",3]}",
                "value $.tags: no element equals string\nvalue $.tags[1]: expected no such element, got number 3",
            ),
            (
                "{\"tags\":[{\"a\":1,\"b\":[2]},{\"c\":\"#any\"}]}",
                "{\"tags\":[{\"c\":0},{\"b\":[2.0],\"a\":1}]}",
                "",
            ),
        ],
        &options,
        Pattern::exact,
    );
    let near = Options {
        unordered: paths(&["$"]),
        tolerance: vec![("$[*]".parse().unwrap(), Tolerance::Absolute(1.0))],
        ..Options::default()
    };
    // 2 is needed by 1, although it equals 2.
    check_with(&[("[2,1]", "[2,3]", "")], &near, Pattern::exact);
}

#[test]
fn a_long_shuffled_array_is_no_work() {
    let options = Options {
        unordered: paths(&["$"]),
        ..Options::default()
    };
    let element = |n: i64| Json::object([("id", Json::from(n)), ("name", Json::from("x"))]);
    let sample: Json = (0..5_000).map(element).collect();
    let (pattern, _) = Pattern::exact(&sample, options).unwrap();
    let shuffled: Json = (0..5_000).map(|n| element(n * 7 % 5_000)).collect();
    assert_eq!(told(&pattern.findings(&shuffled)), "");
    let other: Json = (10_000..15_000).map(element).collect();
    let said = told(&pattern.findings(&other));
    assert_eq!(
        said,
        "too_deep $: too many elements to compare without order: 5000 are left for 5000 places"
    );
}

#[test]
fn options_of_types() {
    let check = |options: &Options, rows: &[Row]| {
        check_with(rows, options, Pattern::types);
    };
    let extra = |extra| Options {
        extra,
        ..Options::default()
    };
    let said = "unexpected_key $.b: unexpected key, got number 2";
    check(
        &extra(Extra::Deny),
        &[
            ("{\"a\":1}", "{\"a\":1,\"b\":2}", said),
            ("{}", "{\"b\":2}", ""),
            ("\"#object\"", "{\"b\":2}", ""),
            ("{\"*\":\"#any\"}", "{\"b\":2}", ""),
        ],
    );
    check(
        &extra(Extra::Warn),
        &[("{\"a\":1}", "{\"a\":1,\"b\":2}", said)],
    );
    let (pattern, _) = Pattern::types(&json("[{\"a\":1},\"x\"]"), extra(Extra::Warn)).unwrap();
    let findings = pattern.findings(&json("[{\"a\":1,\"b\":2},\"y\"]"));
    assert_eq!(
        told(&findings),
        "unexpected_key $[0].b: unexpected key, got number 2"
    );
    assert_eq!(
        findings[0].severity,
        crate::model::judgement::Severity::Warning
    );
    let strict = Options {
        strict_numbers: true,
        ..Options::default()
    };
    check(
        &strict,
        &[
            ("1", "2.0", ""),
            (
                "1",
                "2.5",
                "type $: expected whole number (like 1), got number 2.5",
            ),
            ("1.5", "2", ""),
        ],
    );
    let ignore = Options {
        ignore: paths(&["$.a", "$.list[*].x"]),
        ..Options::default()
    };
    check(
        &ignore,
        &[(
            "{\"a\":1,\"list\":[{\"x\":1}]}",
            "{\"list\":[{\"x\":\"y\"},{}]}",
            "",
        )],
    );
}
