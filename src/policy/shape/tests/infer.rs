//! What values have in common.

use super::*;

/// Checks what is inferred of values, one a line: the sample and, one a line, the remarks.
fn check(values: &str, sample: &str, remarks: &str) {
    let values: Vec<Json> = values.lines().map(|line| json(line.trim())).collect();
    let inferred = infer(&values);
    let told: Vec<String> = inferred
        .remarks
        .iter()
        .map(|Remark { path, text }| format!("{path}: {text}"))
        .collect();
    assert_eq!(inferred.sample.to_string(), sample);
    assert_eq!(told.join("\n"), remarks);
}

#[test]
fn a_field_may_be_missing_or_null() {
    check(
        r#"{"a":1,"b":null,"c":{"d":null},"e":null}
           {"a":2,"b":"x","e":{}}"#,
        r###"{"a":"#number","b":"##string","c?":{"d":"#any"},"e?":{}}"###,
        "$.b: null in 1 of 2\n$.c: missing in 1 of 2\n$.c.d: always null: nothing is known of it\n$.e: null in 1 of 2",
    );
}

#[test]
fn elements_are_like_all_that_were_seen() {
    check(
        r#"{"list":[{"a":1},{"a":2,"b":true}],"none":[],"mixed":[1,"x",null]}
           {"list":[],"none":[],"mixed":[2]}"#,
        r##"{"list":[{"a":"#number","b?":"#boolean"}],"mixed":["#number","#string","#null"],"none":[]}"##,
        "$.list[*].b: missing in 1 of 2\n\
         $.mixed: never empty; `\"#[1..]\"` before the element demands that\n\
         $.mixed[*]: null in 1 of 4\n\
         $.none: always empty: nothing is known of its elements",
    );
}

#[test]
fn a_value_of_several_kinds_is_said_so() {
    check(
        "{\"a\":1}\n{\"a\":\"1\"}\n{\"a\":null}",
        r##"{"a":"#any"}"##,
        "$.a: number in 1, string in 1, null in 1 of 3: only a script can say more",
    );
    check(
        "[1]\n{}",
        r##""#notnull""##,
        "$: array in 1, object in 1 of 2: only a script can say more",
    );
}

#[test]
fn keys_that_are_data_make_a_map() {
    let uuid = |n| format!("00000000-0000-4000-8000-00000000000{n}");
    check(
        &format!(
            r#"{{"{}":{{"n":1}},"{}":{{"n":2,"m":1}}}}"#,
            uuid(1),
            uuid(2)
        ),
        r##"{"*":{"m?":"#number","n":"#number"}}"##,
        "$: a map, whose keys are free: 2 in 1\n$[*].m: missing in 1 of 2",
    );
    check(
        "{\"a\":1,\"b\":1,\"c\":1}\n{\"d\":1,\"e\":1,\"f\":2}",
        r##"{"*":"#number"}"##,
        "$: a map, whose keys are free: 6 in 2",
    );
    // Optional fields of several kinds are no map.
    check(
        "{\"a\":1,\"b\":\"x\",\"c\":1}\n{\"d\":1,\"e\":1,\"f\":2}",
        r##"{"a?":"#number","b?":"#string","c?":"#number","d?":"#number","e?":"#number","f?":"#number"}"##,
        "$.a: missing in 1 of 2\n$.b: missing in 1 of 2\n$.c: missing in 1 of 2\n$.d: missing in 1 of 2\n\
         $.e: missing in 1 of 2\n$.f: missing in 1 of 2",
    );
}

#[test]
fn strings_that_all_look_alike_have_a_format() {
    let list = |texts: &[&str]| format!("{texts:?}");
    for (texts, marker) in [
        (["2026-01-01", "2026-02-01", "2026-03-01"], "#date"),
        (["https://a.b/", "http://c/", "https://d/?e"], "#url"),
        (["12.5", "-1", "0"], "#numeric"),
        (["beef", "cafe", "dead"], "#string"),
        (
            ["0123456789abcdef", "0123456789abcdee", "0123456789abcded"],
            "#hex",
        ),
        (["2026-01-01", "2026-02-01", "soon"], "#string"),
    ] {
        let inferred = infer(&[json(&list(&texts))]);
        assert_eq!(inferred.sample.to_string(), format!("[\"{marker}\"]"));
    }
    let few = infer(&[json(r#"["2026-01-01"]"#)]);
    assert_eq!(few.sample.to_string(), r##"["#string"]"##);
}

#[test]
fn odd_keys_are_written_so_that_they_mean_themselves() {
    check(
        "{\"*\":1,\"a?\":1}\n{}",
        r###"{"\\*?":"#number","a\\?":"##number"}"###,
        "$['*']: missing in 1 of 2\n$['a?']: missing in 1 of 2",
    );
}
