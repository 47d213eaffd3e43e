//! `non_empty`.

use super::*;

fn check_non_empty(paths: &[&str], min: usize, rows: &[(&str, &str, &str)]) {
    for (content_type, body, said) in rows {
        let paths = paths.iter().map(|path| path.parse().unwrap()).collect();
        let matcher = matcher(SpecKind::NonEmpty(NonEmptyOptions { paths, min }));
        assert_eq!(
            told(&matcher, &answered(content_type, body)),
            *said,
            "{body:?}"
        );
    }
}

#[test]
fn non_empty_wants_something_there() {
    let json = "application/json";
    check_non_empty(
        &[],
        0,
        &[
            (
                "",
                "",
                "fail: empty_body $: expected something, got an empty body",
            ),
            (
                "",
                " \t\r\n",
                "fail: empty_body $: expected something, got an empty body",
            ),
            (
                json,
                "",
                "fail: empty_body $: expected JSON, got an empty body",
            ),
            (json, "null", "fail: empty $: expected a value, got null"),
            (
                "",
                "[]",
                "fail: empty $: expected items, got an empty array",
            ),
            (
                json,
                "{}",
                "fail: empty $: expected keys, got an empty object",
            ),
            (
                json,
                "\"\"",
                "fail: empty $: expected text, got an empty string",
            ),
            (json, "0", "pass"),
            (json, "false", "pass"),
            (json, "{\"data\":[]}", "pass"),
            ("text/html", "<html>", "pass"),
            (
                "Application/Problem+JSON; charset=utf-8",
                "",
                "fail: empty_body $: expected JSON, got an empty body",
            ),
            (
                json,
                "<html>",
                "fail: not_json $: expected JSON, got application/json, 6 bytes starting \"<html>\": expected value at line 1 column 1",
            ),
        ],
    );
}

#[test]
fn non_empty_looks_at_places() {
    let json = "application/json";
    check_non_empty(
        &["$.data.items"],
        3,
        &[
            (json, "{\"data\":{\"items\":[1,2,3]}}", "pass"),
            (
                json,
                "{\"data\":{\"items\":[1,2]}}",
                "fail: length $.data.items: expected at least 3 items, got 2",
            ),
            (
                json,
                "{\"data\":{\"items\":[]}}",
                "fail: empty $.data.items: expected items, got an empty array",
            ),
            (
                json,
                "{\"data\":{\"items\":5}}",
                "fail: type $.data.items: expected at least 3 items, got number 5",
            ),
            (
                json,
                "{\"data\":{\"itms\":[]}}",
                "fail: missing $.data.items: missing, expected a value (did you mean `itms`?)",
            ),
            (
                json,
                "{\"data\":null}",
                "fail: missing $.data: expected object with `items`, got null",
            ),
            (
                "",
                "<html>",
                "fail: not_json $: expected JSON, got no content type, 6 bytes starting \"<html>\"",
            ),
        ],
    );
}

#[test]
fn non_empty_looks_at_every_place_of_a_pattern() {
    let json = "application/json";
    check_non_empty(
        &["$.items[*].name", "$[0]"],
        0,
        &[(
            json,
            "{\"items\":[{\"name\":\"x\"},{\"nam\":\"y\"}]}",
            "fail: missing $.items[1].name: missing, expected a value (did you mean `nam`?)\nmissing $: expected array, got object {\"items\":[{\"name\":\"x\"},{\"nam\":\"y\"}]}",
        )],
    );
    check_non_empty(
        &["$.items[*].name"],
        0,
        &[
            (
                json,
                "{\"items\":[]}",
                "fail: empty $.items: expected items, got an empty array",
            ),
            (json, "{\"items\":[{\"name\":0}]}", "pass"),
            (
                json,
                "{\"items\":{\"a\":{\"name\":\"\"}}}",
                "fail: empty $.items.a.name: expected text, got an empty string",
            ),
        ],
    );
    check_non_empty(
        &["$[-1]"],
        0,
        &[
            (
                json,
                "[0,\"\"]",
                "fail: empty $[1]: expected text, got an empty string",
            ),
            (json, "[]", "fail: missing $: no element -1, got 0 items"),
        ],
    );
}

#[test]
fn non_empty_hints_at_the_array_inside() {
    let matcher = matcher(SpecKind::NonEmpty(NonEmptyOptions::default()));
    let hint = |body| matcher.hint(&answered("", body));
    assert_eq!(
        hint("{\"data\":[],\"n\":0}").as_deref(),
        Some("did you mean non_empty `$.data`? It is an empty array")
    );
    for body in [
        "{\"data\":[1]}",
        "{\"a\":[],\"b\":[]}",
        "[]",
        "{}",
        "<html>",
    ] {
        assert_eq!(hint(body), None, "{body}");
    }
}
