//! Tables: samples, values, and what is said.

mod infer;
mod mistakes;
mod options;
mod samples;

use super::*;
use crate::model::json::parse;

fn json(text: &str) -> Json {
    parse(text.as_bytes())
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .root
}

/// Sample, value, what is said of it; nothing for a match.
type Row = (&'static str, &'static str, &'static str);

/// Writes findings as `code path: message`, one a line.
fn told(findings: &[Finding]) -> String {
    let lines: Vec<String> = findings
        .iter()
        .map(|finding| format!("{} {finding}", finding.code))
        .collect();
    lines.join("\n")
}

fn check_types(rows: &[Row]) {
    check_with(rows, &Options::default(), Pattern::types);
}

fn check_exact(rows: &[Row]) {
    let options = Options {
        extra: Extra::Deny,
        ..Options::default()
    };
    check_with(rows, &options, Pattern::exact);
}

type Compile = fn(&Json, Options) -> Result<(Pattern, Vec<PatternMistake>), Vec<PatternMistake>>;

fn check_with(rows: &[Row], options: &Options, compile: Compile) {
    for (sample, value, said) in rows {
        let (pattern, _) = compile(&json(sample), options.clone())
            .unwrap_or_else(|mistakes| panic!("{sample}: {mistakes:?}"));
        let findings = pattern.findings(&json(value));
        assert_eq!(told(&findings), *said, "{sample} against {value}");
    }
}

fn paths(texts: &[&str]) -> Vec<Path> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn mismatches_alike_are_told_as_one() {
    let sample = json("{\"items\":[{\"price\":1}],\"map\":{\"*\":1}}");
    let items: Json = (0..20)
        .map(|n| {
            let price = if n < 3 {
                Json::from(1_i64)
            } else {
                Json::from("x")
            };
            Json::object([("price", price)])
        })
        .collect();
    let map = Json::object(["a", "b", "c"].map(|key| (key, Json::Null)));
    let value = Json::object([("items", items), ("map", map)]);
    assert_eq!(
        told(&types(&sample, &value).unwrap()),
        "type $.items[*].price: 17 elements: expected number (like 1), got string \"x\"; first at $.items[3].price\n\
         type $.map[*]: 3 elements: expected number (like 1), got null; first at $.map.a"
    );
}

#[test]
fn findings_carry_their_values() {
    let findings = types(&json("{\"a\":1.28}"), &json("{\"a\":\"x\"}")).unwrap();
    let finding = &findings[0];
    assert_eq!(finding.path.as_deref(), Some("$.a"));
    assert_eq!(finding.expected, Some(Json::from("number (like 1.28)")));
    assert_eq!(finding.actual, Some(Json::from("x")));
    assert_eq!(
        finding.message,
        "expected number (like 1.28), got string \"x\""
    );
}

#[test]
fn response_data_is_never_syntax() {
    // A service cannot forge success by answering with a marker.
    assert_eq!(
        told(&exact(&json("\"UP\""), &json("\"#any\"")).unwrap()),
        "value $: expected \"UP\", got \"#any\""
    );
    let value = Json::object([("\u{1b}[2J\n", Json::from("\u{202e}evil\u{9b}"))]);
    let said = told(&exact(&json("{}"), &value).unwrap());
    assert_eq!(
        said,
        "unexpected_key $['\\u{1b}[2J\\u{a}']: unexpected key, got string \"\\u{202e}evil\\u{9b}\""
    );
}

#[test]
fn differences_come_in_document_order() {
    let old = json("{\"a\":1,\"gone\":2,\"list\":[1,2,3],\"same\":{\"x\":1}}");
    let new = json("{\"same\":{\"x\":1.0},\"a\":\"1\",\"list\":[1,5],\"come\":null}");
    let lines: Vec<String> = diff(&old, &new)
        .iter()
        .map(|difference| format!("{} {}", difference.change.as_str(), difference.path))
        .collect();
    assert_eq!(
        lines,
        [
            "changed $.a",
            "removed $.gone",
            "changed $.list[1]",
            "removed $.list[2]",
            "added $.come"
        ]
    );
    let many: Json = (0..1_000_i64).map(Json::from).collect();
    assert_eq!(diff(&many, &json("[]")).len(), DIFFERENCES_MAX);
    assert_eq!(diff(&many, &many), []);
}

#[test]
fn numbers_that_are_rounded_are_never_equal() {
    let huge = json("123456789012345678901234567890");
    for sample in [&huge, &json("[{\"a\": -1e19}]"), &json("\"#enum 1|1e20\"")] {
        let mistakes = exact(sample, &huge).unwrap_err();
        let said = &mistakes[0].message;
        assert!(said.contains("too large to be compared exactly"), "{said}");
    }
    assert!(types(&json("\"#enum 1e20\""), &huge).is_err());
    assert_eq!(types(&huge, &huge).unwrap(), []);
    // The largest that are exact, and their neighbours, of which one is rounded onto 2^64.
    let rows = [
        ("18446744073709551615", "18446744073709551615", true),
        ("18446744073709551615", "18446744073709551614", false),
        ("18446744073709551615", "18446744073709551616", false),
        ("-9223372036854775808", "-9223372036854775808", true),
        ("-9223372036854775808", "-9223372036854775809", false),
        ("1e18", "1000000000000000000", true),
    ];
    for (sample, body, equal) in rows {
        let findings = exact(&json(sample), &json(body)).unwrap();
        assert_eq!(findings.is_empty(), equal, "{sample} {body}: {findings:?}");
    }
}
