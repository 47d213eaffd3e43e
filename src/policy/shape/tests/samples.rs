//! What samples and markers accept.

use super::*;

const PLAIN: &[Row] = &[
    ("1.28", "1", ""),
    ("1", "1.28", ""),
    (
        "1.28",
        "\"x\"",
        "type $: expected number (like 1.28), got string \"x\"",
    ),
    (
        "1.28",
        "null",
        "type $: expected number (like 1.28), got null",
    ),
    (
        "true",
        "1",
        "type $: expected boolean (like true), got number 1",
    ),
    (
        "1",
        "true",
        "type $: expected number (like 1), got boolean true",
    ),
    ("\"ok\"", "\"anything\"", ""),
    ("\"2024-01-01\"", "\"not a date\"", ""),
    (
        "\"ok\"",
        "[]",
        "type $: expected string (like \"ok\"), got an empty array",
    ),
    ("{}", "{\"any\":1}", ""),
    ("{}", "[1]", "type $: expected object, got array [1]"),
    ("{\"a\":1}", "{\"a\":2,\"b\":3}", ""),
    (
        "{\"a\":{\"b\":1}}",
        "{\"a\":{\"b\":\"x\"}}",
        "type $.a.b: expected number (like 1), got string \"x\"",
    ),
    (
        "{\"price\":1.28}",
        "{\"pricee\":1}",
        "missing $.price: missing, expected number (like 1.28) (did you mean `pricee`?)",
    ),
    (
        "{\"a1\":1,\"a2\":1}",
        "{\"a1\":1}",
        "missing $.a2: missing, expected number (like 1)",
    ),
    ("{\"a\":null}", "{\"a\":1}", ""),
    ("{\"a\":null}", "{\"a\":null}", ""),
    (
        "{\"a\":null}",
        "{}",
        "missing $.a: missing, expected any value",
    ),
    ("[]", "[1,\"x\"]", ""),
    ("[]", "{}", "type $: expected array, got an empty object"),
    ("[1]", "[]", ""),
    ("[1]", "[1,2.5]", ""),
    (
        "[1]",
        "[1,\"x\"]",
        "type $[1]: expected number (like 1), got string \"x\"",
    ),
    ("[1,\"x\"]", "[\"y\",2]", ""),
    (
        "[1,\"x\"]",
        "[\"y\",true]",
        "type $[1]: expected number (like 1), got boolean true",
    ),
    (
        "{\"odd key\":1}",
        "{\"odd key\":\"x\"}",
        "type $['odd key']: expected number (like 1), got string \"x\"",
    ),
];

#[test]
fn types_of_scalars_and_containers() {
    check_types(PLAIN);
}

const KINDS: &[Row] = &[
    ("\"#string\"", "\"\"", ""),
    ("\"#string\"", "1", "type $: expected string, got number 1"),
    ("\"#string 1..3\"", "\"äöü\"", ""),
    (
        "\"#string 1..3\"",
        "\"\"",
        "length $: expected string of 1..3 characters, got 0: \"\"",
    ),
    (
        "\"#string 2\"",
        "\"abc\"",
        "length $: expected string of 2 characters, got 3: \"abc\"",
    ),
    ("\"#number\"", "1.5", ""),
    (
        "\"#number >= 0\"",
        "-1",
        "range $: expected number >= 0, got number -1",
    ),
    (
        "\"#number > 0\"",
        "0",
        "range $: expected number > 0, got number 0",
    ),
    ("\"#number 0..1\"", "1", ""),
    (
        "\"#number 0..1\"",
        "1.01",
        "range $: expected number 0..1, got number 1.01",
    ),
    (
        "\"#number 0..1\"",
        "\"1\"",
        "type $: expected number 0..1, got string \"1\"",
    ),
    ("\"#integer\"", "1.0", ""),
    (
        "\"#integer\"",
        "1.5",
        "type $: expected whole number, got number 1.5",
    ),
    (
        "\"#integer 1..\"",
        "0",
        "range $: expected whole number 1.., got number 0",
    ),
    ("\"#boolean\"", "false", ""),
    (
        "\"#boolean\"",
        "0",
        "type $: expected boolean, got number 0",
    ),
    ("\"#array\"", "[]", ""),
    (
        "\"#array\"",
        "{}",
        "type $: expected array, got an empty object",
    ),
    ("\"#object\"", "{\"a\":1}", ""),
    ("\"#object\"", "null", "type $: expected object, got null"),
    ("\"#null\"", "null", ""),
    ("\"#null\"", "0", "type $: expected null, got number 0"),
    ("\"#notnull\"", "0", ""),
    (
        "\"#notnull\"",
        "null",
        "type $: expected anything but null, got null",
    ),
    ("{\"a\":\"#any\"}", "{\"a\":null}", ""),
    (
        "{\"a\":\"#any\"}",
        "{}",
        "missing $.a: missing, expected any value",
    ),
    (
        "{\"a\":\"#present\"}",
        "{}",
        "missing $.a: missing, expected any value",
    ),
    ("{\"a\":\"#ignore\"}", "{}", ""),
    ("{\"a\":\"#absent\"}", "{}", ""),
    (
        "{\"a\":\"#absent\"}",
        "{\"a\":1}",
        "unexpected_key $.a: unexpected key, got number 1",
    ),
    ("{\"a\":\"##number > 0\"}", "{}", ""),
    ("{\"a\":\"##number > 0\"}", "{\"a\":null}", ""),
    (
        "{\"a\":\"##number > 0\"}",
        "{\"a\":0}",
        "range $.a: expected number > 0, got number 0",
    ),
    (
        "{\"a\":\"##string\"}",
        "{\"a\":1}",
        "type $.a: expected string, got number 1",
    ),
];

#[test]
fn markers_of_kinds_and_ranges() {
    check_types(KINDS);
}

const STRUCTURE: &[Row] = &[
    ("{\"a?\":1}", "{}", ""),
    ("{\"a?\":1}", "{\"a\":null}", ""),
    (
        "{\"a?\":1}",
        "{\"a\":\"x\"}",
        "type $.a: expected number (like 1), got string \"x\"",
    ),
    (
        "{\"n\":1,\"*\":\"#object\"}",
        "{\"n\":1,\"x\":{},\"y\":{}}",
        "",
    ),
    (
        "{\"*\":\"#object\"}",
        "{\"x\":1}",
        "type $.x: expected object, got number 1",
    ),
    (
        "{\"a\":1,\"*\":\"#absent\"}",
        "{\"a\":1,\"b\":2}",
        "unexpected_key $.b: unexpected key, got number 2",
    ),
    ("\"#[]\"", "[1]", ""),
    (
        "\"#[] #string\"",
        "[\"x\",1]",
        "type $[1]: expected string, got number 1",
    ),
    (
        "\"#[3]\"",
        "[1,2]",
        "length $: expected array of 3 items, got 2 items",
    ),
    (
        "\"#[1..]\"",
        "[]",
        "length $: expected array of 1.. items, got 0 items",
    ),
    ("\"#[1..] #number\"", "[1]", ""),
    ("\"#[1] #[2] #number\"", "[[1,2]]", ""),
    (
        "[\"#[1..]\",{\"id\":1}]",
        "[]",
        "length $: expected array of 1.. items, got 0 items",
    ),
    (
        "[\"#[1..]\",{\"id\":1}]",
        "[{\"id\":2},{}]",
        "missing $[1].id: missing, expected number (like 1)",
    ),
    ("[\"#tuple\",1,\"x\"]", "[5,\"y\"]", ""),
    (
        "[\"#tuple\",1,\"x\"]",
        "[5]",
        "length $: expected array of 2 items, got 1 item",
    ),
    (
        "[\"#tuple\",1,\"x\"]",
        "[\"y\",5]",
        "type $[0]: expected number (like 1), got string \"y\"\ntype $[1]: expected string (like \"x\"), got number 5",
    ),
    ("\"#enum ok|degraded\"", "\"ok\"", ""),
    (
        "\"#enum ok|degraded\"",
        "\"down\"",
        "value $: expected one of \"ok\", \"degraded\", got string \"down\"",
    ),
    ("\"#enum 1 | 2\"", "2.0", ""),
    (
        "\"#enum 1|2\"",
        "\"1\"",
        "value $: expected one of 1, 2, got string \"1\"",
    ),
    ("\"#regex ^9[a-z]{2}$\"", "\"9ab\"", ""),
    ("\"#regex b\"", "\"abc\"", ""),
    (
        "\"#regex ^9$\"",
        "\"x\"",
        "format $: expected string matching ^9$, got string \"x\"",
    ),
    (
        "\"#regex ^9$\"",
        "9",
        "type $: expected string matching ^9$, got number 9",
    ),
    (
        "\"#uuid\"",
        "\"x\"",
        "format $: expected UUID, got string \"x\"",
    ),
    (
        "\"#datetime\"",
        "\"2024-01-01T00:00:00\"",
        "format $: expected RFC 3339 date and time with zone, got string \"2024-01-01T00:00:00\"",
    ),
    (
        "\"#date\"",
        "\"2024-02-30\"",
        "format $: expected date (YYYY-MM-DD), got string \"2024-02-30\"",
    ),
    (
        "\"#url\"",
        "\"/x\"",
        "format $: expected absolute URL, got string \"/x\"",
    ),
    ("\"#hex\"", "\"0xff\"", ""),
    ("\"#numeric\"", "\"12.5\"", ""),
    (
        "\"#numeric\"",
        "12.5",
        "type $: expected string with a number, got number 12.5",
    ),
];

#[test]
fn markers_of_structure() {
    check_types(STRUCTURE);
}

#[test]
fn escapes_are_literal() {
    check_exact(&[
        (r#""\\#foo""#, r##""#foo""##, ""),
        (
            r#""\\#foo""#,
            r#""\\#foo""#,
            r##"value $: expected "#foo", got "\\#foo""##,
        ),
        (r#""\\\\#foo""#, r#""\\#foo""#, ""),
        (r#""\\x""#, r#""\\x""#, ""),
        (r#"{"what\\?":1}"#, r#"{"what?":1}"#, ""),
        (
            r#"{"what\\?":1}"#,
            "{}",
            "missing $['what?']: missing, expected 1",
        ),
        (r#"{"\\*":1}"#, r#"{"*":1}"#, ""),
        (r#"{"*?":1}"#, "{}", ""),
    ]);
}
